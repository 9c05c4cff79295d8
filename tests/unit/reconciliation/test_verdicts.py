"""One verdict per CDR, with both prices, and a hold that says what is at stake."""

from datetime import UTC, datetime
from decimal import Decimal

from models.reconciliation.cases.holds import holds

START = datetime(2026, 10, 10, 12, tzinfo=UTC)


def test_a_block_holds_and_a_review_does_not(world):
    world.cdr("HELD", total_cost_excl_vat=Decimal(9), price=Decimal(3), total_energy_kwh=Decimal(15))
    world.cdr("SEEN", started_at=START.replace(hour=15))
    world.periods[1]["energy_kwh"] = Decimal(4)
    rows = world.verdicts().select("cdr_key", "verdict", "rule_ids").rows()
    assert rows == [("DE*LDW*HELD", "hold", ["R21"]), ("DE*LDW*SEEN", "accept", ["R11"])]


def test_both_prices_stand_side_by_side(world):
    world.cdr(total_cost_excl_vat=Decimal("3.128"), price=Decimal("3.12499999"))
    row = world.verdicts().row(0, named=True)
    assert row["claimed_excl_vat"] == Decimal("3.128")
    assert row["recomputed_excl_vat"] == Decimal("3.12")
    assert row["difference_excl_vat"] == Decimal("0.01")


def test_an_unpriced_cdr_has_no_recomputed_price(world):
    world.cdr()
    world.prices[0] |= {"outcome": "not_priced", "reason": "no tariff", "total_excl_vat": None}
    row = world.verdicts().row(0, named=True)
    assert (row["verdict"], row["recomputed_excl_vat"], row["difference_excl_vat"]) == ("hold", None, None)


def test_a_hold_stakes_its_largest_finding_once(world):
    world.cdr(authorized=False, total_cost_excl_vat=Decimal(9), price=Decimal(3))
    row = holds(world.verdicts(), world.findings()).row(0, named=True)
    assert row["rule_ids"] == "R18,R21"
    assert row["amount_at_stake"] == Decimal("9.00")
    assert row["reason"].startswith("R18 no authorization: no authorization (AUTH_REQUEST): reference R-C1 is unknown")
    assert row["reason"].endswith(
        "R21 price difference: claims 9.00 EUR excl. VAT, recomputed 3.00 EUR: a difference of 6.00 EUR"
    )


def test_a_month_without_cdrs_has_no_verdicts(world):
    assert world.verdicts().is_empty()
