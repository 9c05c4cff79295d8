"""Credits and replacements among arriving CDRs, found for disputed ones and for no others."""

from datetime import timedelta
from decimal import Decimal

import polars as pl

from models.reconciliation.cases.movements import MOVEMENTS, movements
from models.schemas.registry import Layer
from tests.unit.reconciliation.roaming_world import START, rows_of


def moved(world, *names):
    keys = pl.Series("case_id", [f"DE*LDW*{name}" for name in names], pl.String)
    found = movements(rows_of(Layer.TYPED, "cdrs", world.cdrs), keys)
    assert dict(found.schema) == MOVEMENTS
    return found.select("case_id", "kind", "related_cdr_key", "amount").rows()


def give_back(world, name, of="C1", amount="-3.00", **fields):
    total = None if amount is None else Decimal(amount)
    row = {"is_credit": True, "credit_reference_id": of, "started_at": START, "total_cost_excl_vat": Decimal(1)}
    world.cdr(name, **(row | fields))
    world.cdrs[-1]["total_cost_excl_vat"] = total


def test_credits_are_found_whatever_their_sign_case_and_number(world):
    world.cdr("C1")
    give_back(world, "C1-C", of="c1")
    give_back(world, "C1-D", amount="1.00")
    give_back(world, "OTHER-C", of="C9")
    assert moved(world, "C1") == [
        ("DE*LDW*C1", "credited", "DE*LDW*C1-C", Decimal("3.00")),
        ("DE*LDW*C1", "credited", "DE*LDW*C1-D", Decimal("1.00")),
    ]
    assert moved(world) == []


def test_a_credit_without_an_amount_takes_back_all_and_one_in_another_currency_nothing(world):
    world.cdr("C1")
    give_back(world, "C1-C", amount=None)
    give_back(world, "C1-D", currency="SEK")
    assert moved(world, "C1") == [("DE*LDW*C1", "credited", "DE*LDW*C1-C", Decimal("3.00"))]


def test_a_replacement_tells_the_session_of_a_credited_cdr_again_and_later(world):
    world.cdr("C1", session_id="s-1")
    world.cdr("OLDER", session_id="S-1", last_updated_at=START)
    world.cdr("NEWER", session_id="S-1", last_updated_at=START + timedelta(days=9), total_cost_excl_vat=Decimal("2.50"))
    assert moved(world, "C1") == []
    give_back(world, "C1-C", session_id="S-1")
    assert moved(world, "C1")[1:] == [("DE*LDW*C1", "replaced", "DE*LDW*NEWER", Decimal("2.50"))]


def test_without_a_session_id_nothing_replaces(world):
    world.cdr("C1")
    world.cdr("C2", last_updated_at=START + timedelta(days=9))
    for row in world.cdrs:
        row["session_id"] = None
    give_back(world, "C1-C")
    assert [kind for _, kind, *_ in moved(world, "C1")] == ["credited"]
