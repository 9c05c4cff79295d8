"""Every line of a CPO's invoice ends with one outcome, and the sums say exactly what is payable and what is not."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.schemas.registry import Layer, table
from tests.unit.cpo_invoices.invoice_world import CPO, InvoiceWorld, money, outcomes


@pytest.fixture
def world():
    return InvoiceWorld()


def test_what_is_asked_for_as_it_was_accepted_is_payable(world):
    result = world.check(("C1", "10.00"), ("c2", "20.000000000"), ("DE*ldw*C3", "30"))
    assert outcomes(result) == {1: "matched", 2: "matched", 3: "matched"}
    (total,) = result.totals
    assert (total.asked_excl_vat, total.payable_excl_vat, total.disputed_excl_vat) == (60, 60, 0)
    assert result.is_clean


def test_of_two_amounts_the_smaller_is_payable_and_the_rest_is_disputed(world):
    result = world.check(("C1", "12.50"), ("C2", "19.99"), ("C3", "30.00"))
    assert outcomes(result) == {1: "different_amount", 2: "different_amount", 3: "matched"}
    assert money(result, "difference") == [Decimal("2.50"), Decimal("-0.01"), 0]
    assert money(result, "payable") == [10, Decimal("19.99"), 30]
    assert money(result, "disputed") == [Decimal("2.50"), 0, 0]
    assert result.lines["reason"][0] == "asks 12.50 EUR, the CDR claims 10.00 EUR"


def test_a_line_without_an_amount_is_paid_by_the_cdr_and_stays_unknown(world):
    result = world.check(("C1", None), ("C2", None), ("C3", None))
    assert set(outcomes(result).values()) == {"matched"}
    assert (result.totals[0].asked_excl_vat, result.totals[0].payable_excl_vat) == (None, 60)


def test_a_cdr_that_never_came_is_not_payable(world):
    result = world.check(("C9", "5.00"))
    assert outcomes(result) == {1: "missing_at_us"}
    assert (money(result, "payable"), money(result, "disputed")) == ([0], [5])


def test_an_unknown_amount_in_dispute_is_unknown_and_not_zero(world):
    result = world.check(("C9", None))
    assert (money(result, "disputed"), result.totals[0].disputed_excl_vat) == ([None], None)


def test_what_we_accepted_and_nobody_invoiced_is_told_but_not_disputed(world):
    result = world.check(("C1", "10.00"))
    assert outcomes(result) == {1: "matched", "DE*LDW*C2": "missing_on_invoice", "DE*LDW*C3": "missing_on_invoice"}
    assert result.is_clean
    assert result.totals[0].lines == 1


def test_what_an_ended_dispute_left_owed_is_told_where_no_line_names_it(world):
    world.cdr("C4", "76.23", verdict="hold")
    world.cdr("C5", "8.00", verdict="hold")
    world.cdr("C6", "9.00", verdict="hold")
    world.cdr("C7", "7.00")
    ended = [("C4", False, "76.23"), ("C5", False, "0.00"), ("C6", True, "4.00"), ("C7", False, "7.00", "0.00")]
    result = world.check(("C1", "10.00"), ("C2", "20.00"), ("C3", "30.00"), cases=ended)
    (missing,) = result.lines.filter(outcome="missing_on_invoice").to_dicts()
    assert (missing["cdr_key"], missing["outcome"]) == ("DE*LDW*C4", "missing_on_invoice")
    assert missing["owed_excl_vat"] == Decimal("76.23")
    assert missing["reason"] == ("its dispute ended with 76.23 owed: it stays accrued until an invoice names it")


@pytest.mark.parametrize("verdict", ["hold", "reject", None])
def test_what_is_not_accepted_is_held(world, verdict):
    world.cdr("C4", "7.00", verdict=verdict)
    result = world.check(("C4", "7.00"))
    assert (outcomes(result)[1], money(result, "payable"), money(result, "disputed")) == ("held", [0], [7])


def test_of_a_cdr_in_dispute_the_undisputed_part_is_payable_whatever_its_verdict(world):
    world.cdr("C4", "8.00", verdict="hold")
    world.cdr("C5", None, verdict="hold")
    disputes = [("C1", True, "7.50"), ("C4", True, "0.00"), ("C5", True, None)]
    result = world.check(("C1", "10.00"), ("C4", "8.00"), ("C5", "3.00"), cases=disputes)
    assert [outcomes(result)[number] for number in (1, 2, 3)] == ["held"] * 3
    assert money(result, "payable") == [Decimal("7.50"), 0, 0]
    assert money(result, "disputed") == [Decimal("2.50"), 8, 3]
    assert result.disputed["reason"][0] == (
        "in dispute: of 10.00 EUR the undisputed 7.50 is payable until the case ends"
    )
    assert result.approved["cdr_key"].to_list() == ["DE*LDW*C1"]


def test_a_dispute_that_ended_says_what_is_owed(world):
    world.cdr("C4", "8.00", verdict="hold")
    world.cdr("C5", "9.00", verdict="hold")
    result = world.check(("C4", "8.00"), ("C5", "9.00"), cases=[("C4", False, "8.00"), ("C5", False, "4.00")])
    assert [outcomes(result)[number] for number in (1, 2)] == ["matched", "different_amount"]
    assert (money(result, "payable"), money(result, "disputed")) == ([8, 4], [0, 5])
    assert result.lines["reason"][1] == "asks 9.00 EUR: its dispute ended with 4.00 owed"


def test_a_credited_cdr_is_payable_only_with_its_credit(world):
    world.cdr("C1-C", "-10.00", is_credit=True, credit_reference_id="c1")
    alone = world.check(("C1", "10.00"))
    assert (outcomes(alone)[1], money(alone, "payable")) == ("credited", [0])
    both = world.check(("C1", "10.00"), ("C1-c", "-10.00"))
    assert [outcomes(both)[number] for number in (1, 2)] == ["matched", "matched"]
    assert (both.totals[0].payable_excl_vat, both.is_clean) == (0, True)


def test_nothing_is_paid_twice(world):
    result = world.check(("C1", "10.00"), ("C2", "20.00"), ("c2", "20.00"), approved=[("C1", "I-0", "10.00", "10.00")])
    assert [outcomes(result)[number] for number in (1, 2, 3)] == ["already_invoiced", "matched", "already_invoiced"]
    assert result.disputed["reason"].to_list() == [
        "approved already under invoice I-0: credit this line",
        "named twice on this invoice: credit one of the lines",
    ]


def test_the_same_invoice_checked_again_is_no_double(world):
    result = world.check(("C1", "10.00"), approved=[("C1", "i-1", "10.00", "10.00")])
    assert outcomes(result)[1] == "matched"


def test_a_cdr_of_another_cpo_is_named_as_such(world):
    world.cdr("X1", "9.00", cpo="NL*POL")
    result = world.check(("X1", "9.00"), ("NL*POL*X1", "9.00"))
    assert [outcomes(result)[number] for number in (1, 2)] == ["other_cpo", "other_cpo"]
    assert "a CDR of NL*POL" in result.lines["reason"][0]


def test_another_currency_is_another_amount(world):
    result = world.check(("C1", "10.00", {"currency": "SEK"}))
    row = result.lines.filter(line_number=1).row(0, named=True)
    assert (row["outcome"], row["payable_excl_vat"], row["difference_excl_vat"]) == ("different_amount", 0, None)


def test_sums_are_by_currency_and_rate_and_vat_is_rounded_once(world):
    world.cdr("S1", "0.35", currency="SEK")
    nineteen, seven = ({"vat_rate_pct": Decimal(rate)} for rate in ("19", "7"))
    result = world.check(
        ("C1", "10.00", nineteen),
        ("C2", "20.00", nineteen),
        ("C3", "30.00", seven),
        ("S1", "0.35", {"currency": "SEK"}),
    )
    told = [(each.currency, each.vat_rate_pct, each.payable_excl_vat, each.payable_vat) for each in result.totals]
    assert told == [
        ("EUR", 7, 30, Decimal("2.10")),
        ("EUR", 19, 30, Decimal("5.70")),
        ("SEK", None, Decimal("0.35"), None),
    ]
    assert "several currencies (EUR, SEK)" in result.complaints[0]


def test_a_total_that_is_not_the_sum_of_its_lines_is_told(world):
    result = world.check(("C1", "10.00"), stated="10.01")
    assert result.complaints == (
        (
            "the invoice states a total of 10.01, its lines add up to 10.00 (difference 0.01): "
            "ask for an invoice whose lines are its total"
        ),
    )
    assert not result.is_clean


def test_an_unreadable_line_is_kept_with_its_number(world):
    result = world.check(("", None, {"problem": "names no CDR"}), ("C1", "10.00"))
    assert (outcomes(result)[1], outcomes(result)[2]) == ("unreadable", "matched")


def test_an_invoice_without_lines_is_empty(world):
    result = world.check()
    assert (result.lines.height, result.totals, result.is_clean) == (0, (), True)


NAMES = st.sampled_from(["C1", "C2", "C3", "C4", "H1", "X1", "C9", "c1"])
AMOUNTS = st.one_of(st.none(), st.decimals(0, 100, places=2))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, AMOUNTS), max_size=8))
def test_asked_is_payable_and_disputed_and_differences_below(lines):
    """Whatever is asked: each line once, payable never above either claim, and sums that are those of their lines."""
    world = InvoiceWorld()
    world.cdr("H1", "8.00", verdict="hold")
    world.cdr("X1", "9.00", cpo="NL*POL")
    result = world.check(*lines)
    own = [row for row in result.lines.iter_rows(named=True) if row["line_number"] is not None]
    assert [row["line_number"] for row in own] == list(range(1, len(lines) + 1))
    for row in own:
        for bound in (row["asked_excl_vat"], row["claimed_excl_vat"]):
            assert row["payable_excl_vat"] == 0 or bound is None or row["payable_excl_vat"] <= bound
        if row["asked_excl_vat"] is not None:
            assert row["payable_excl_vat"] + row["disputed_excl_vat"] == row["asked_excl_vat"]
    assert sum(total.payable_excl_vat for total in result.totals) == sum(row["payable_excl_vat"] for row in own)
    paid = [row["cdr_key"] for row in result.approved.iter_rows(named=True)]
    assert len(paid) == len(set(paid))
    assert set(result.lines.columns) < set(table(Layer.LEDGER, "cpo_invoice_checks").schema)
    assert CPO == "DE*LDW"
