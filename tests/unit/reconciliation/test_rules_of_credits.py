"""A credit must take back one CDR, once, and by what it claimed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from models.schemas.registry import Layer
from tests.unit.reconciliation.roaming_world import rows_of

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def credit(world, name="C1-C", of="C1", total="-3.00", days=1, **fields):
    fields = {"session_id": f"S-{of}", "last_updated_at": START + days * DAY, **fields}
    world.cdr(
        name,
        authorized=False,
        price=Decimal("-3.00"),
        is_credit=True,
        credit_reference_id=of,
        total_cost_excl_vat=Decimal(total),
        **fields,
    )


def found(world, name="C1-C"):
    return {rule: severity for (key, rule), severity in world.found().items() if key == name}


def test_an_exact_mirror_is_clean(world):
    world.cdr()
    credit(world)
    assert world.found() == {}
    assert world.verdicts()["verdict"].to_list() == ["accept", "accept"]


@pytest.mark.parametrize(
    ("total", "severity", "said"),
    [
        ("-1.00", "review", "credits DE*LDW*C1 in part: 1.00 EUR of 3.00"),
        ("-3.01", "block", "credits DE*LDW*C1 with 3.01 EUR of 3.00 claimed"),
        ("3.00", "block", "is a credit and yet claims 3.00 EUR"),
    ],
)
def test_a_credit_of_another_amount(world, total, severity, said):
    world.cdr()
    credit(world, total=total)
    assert found(world)["R32"] == severity
    assert said in world.findings()["message"].to_list()


def test_a_credit_of_nothing_known_is_an_orphan(world):
    world.cdr()
    credit(world, of="C9")
    assert found(world)["R32"] == "block"
    assert world.verdicts()["verdict"].to_list() == ["accept", "hold"]


def test_of_two_credits_the_later_is_one_too_many(world):
    world.cdr()
    credit(world)
    credit(world, "C1-D", days=2)
    assert "R32" not in found(world)
    assert found(world, "C1-D")["R32"] == "block"


def test_two_partial_credits_may_make_a_whole(world):
    world.cdr()
    credit(world, total="-1.00")
    credit(world, "C1-D", total="-2.00", days=2)
    assert found(world, "C1-D") == {}


def test_the_original_may_lie_months_before(world):
    original = world.cdr("OLD", started_at=START - 90 * DAY)
    world.cdrs.clear()
    world.around = {"originals": rows_of(Layer.TYPED, "cdrs", [original])}
    credit(world, of="old")
    assert "R32" not in found(world)


@pytest.mark.parametrize(("seen", "severity"), [(14, None), (15.1, "info")])
def test_a_credit_that_nothing_replaces_after_two_weeks(world, seen, severity):
    world.cdr()
    credit(world, received_at=START + timedelta(days=seen))
    assert found(world).get("R33") == severity


def test_a_replacement_carries_the_session_id(world):
    world.cdr(authorized=False)
    credit(world, received_at=START + 30 * DAY)
    world.cdr("C2", session_id="S-C1", last_updated_at=START + 2 * DAY)
    assert world.found() == {}


def test_after_a_partial_credit_the_rest_stays_claimed(world):
    world.cdr(total_cost_excl_vat=Decimal(5), price=Decimal(3))
    credit(world, total="-1.00")
    assert world.found()["C1", "R21"] == "block"
