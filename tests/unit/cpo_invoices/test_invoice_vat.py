"""VAT that fits neither the CDR nor the line's own rate is told with its sum, and is not payable."""

from decimal import Decimal

import pytest

from models.reconciliation.cpo_invoices.check import check_lines
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceLine
from models.reconciliation.cpo_invoices.totals import add_up
from tests.unit.cpo_invoices.invoice_world import CPO, InvoiceWorld, outcomes


@pytest.fixture
def world():
    """CDRs at 21 % of 13.68, 6.02 and 10.00; one that states no total with VAT, and one without any VAT."""
    made = InvoiceWorld()
    for name, net, gross in (
        *(("V1", "13.68", "16.5528"), ("V2", "6.02", "7.2842"), ("V3", "10.00", "12.10")),
        *(("V4", "8.00", None), ("V5", "8.00", "8.00")),
    ):
        made.cdr(name, net, total_cost_incl_vat=gross and Decimal(gross))
    return made


def _amount(text):
    return None if text is None else Decimal(text)


def check(world, *lines, stated_vat=None):
    """Check an invoice of lines (id, net, rate, VAT), any of them None but the id."""
    read = tuple(
        InvoiceLine(number, name, _amount(net), _amount(rate), _amount(vat))
        for number, (name, net, rate, vat) in enumerate(lines, start=1)
    )
    invoice = CpoInvoice("I-1", read, stated_vat=stated_vat and Decimal(stated_vat))
    return add_up(invoice, check_lines(invoice.frame(), CPO, "I-1", world.books()))


def test_vat_that_fits_is_payable(world):
    result = check(world, ("V1", "13.68", "21", "2.87"), ("V2", "6.02", "21", "1.26"), stated_vat="4.14")
    (total,) = result.totals
    assert outcomes(result)[1] == "matched"
    assert (total.payable_vat, total.disputed_vat, result.is_clean) == (Decimal("4.14"), 0, True)


def test_a_rate_that_is_not_the_cdrs_is_told_and_its_vat_is_not_payable(world):
    result = check(world, ("V1", "13.68", "25", None), ("V2", "6.02", "25", None))
    (total,) = result.totals
    assert [outcomes(result)[number] for number in (1, 2)] == ["different_vat"] * 2
    assert (total.payable_excl_vat, total.payable_vat) == (Decimal("19.70"), 0)
    # 25 % of 13.68 is 3.42, and of 6.02 it is 1.505.
    assert total.disputed_vat == Decimal("3.42") + Decimal("1.51")
    assert result.disputed["reason"][0] == (
        "asks for VAT of 3.42; the CDR has 2.87 on 13.68: VAT is payable when it is corrected"
    )
    assert result.complaints == (
        (
            "VAT of 4.93 EUR on 2 lines does not fit them or their CDRs (25 % of 19.70 is 4.93): "
            "it is not payable; ask for a corrected invoice"
        ),
    )
    assert result.approved["cdr_key"].to_list() == ["DE*LDW*V1", "DE*LDW*V2"]


def test_vat_that_is_not_rate_times_net_is_told(world):
    result = check(world, ("V1", "13.68", "21", "99.99"), ("V2", "6.02", "21", "1.26"))
    (total,) = result.totals
    assert [outcomes(result)[number] for number in (1, 2)] == ["different_vat", "matched"]
    assert (total.payable_vat, total.disputed_vat) == (Decimal("1.26"), Decimal("99.99"))
    assert result.disputed["reason"].to_list() == [
        (
            "states VAT of 99.99, and 21 % of 13.68 is 2.87; the CDR has 2.87 on 13.68: "
            "VAT is payable when it is corrected"
        )
    ]
    assert not result.is_clean


def test_where_the_amount_differs_as_well_both_are_told(world):
    result = check(world, ("V3", "12.00", "25", None))
    assert outcomes(result)[1] == "different_amount"
    assert result.disputed["reason"].to_list() == [
        (
            "asks 12.00 EUR, the CDR claims 10.00 EUR; asks for VAT of 3.00; the CDR has 2.10 on 10.00: "
            "VAT is payable when it is corrected"
        )
    ]
    assert (result.totals[0].payable_excl_vat, result.totals[0].payable_vat) == (10, 0)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (("V1", "13.68", "0", None), "matched"),  # reverse charge
        (("V4", "8.00", "25", None), "matched"),  # nothing to compare with
        (("V5", "8.00", "21", None), "different_vat"),  # the CDR has none
        (("V1", "13.68", None, "2.87"), "matched"),
        (("V1", "13.68", None, "3.42"), "different_vat"),
        (("V1", "13.68", "21", "2.88"), "matched"),  # a cent of rounding
        (("V1", "13.68", "21", "2.89"), "different_vat"),
    ],
)
def test_what_compares_with_what(world, line, outcome):
    assert outcomes(check(world, line))[1] == outcome


def test_cents_that_no_rounding_explains_add_up_to_a_complaint(world):
    for number in range(10):
        world.cdr(f"W{number}", "10.00", total_cost_incl_vat=Decimal("12.10"))
    result = check(world, *((f"W{number}", "10.00", "21", "2.11") for number in range(10)))
    assert result.disputed.is_empty()
    assert result.complaints == (
        (
            "at 21 % the lines state VAT of 21.10, and of 100.00 it is 21.00 (difference 0.10): "
            "ask for a corrected invoice"
        ),
    )
    assert result.totals[0].payable_vat == Decimal("21.00")


def test_a_stated_total_of_vat_that_is_not_that_of_its_rates_is_told(world):
    result = check(world, ("V1", "13.68", "21", None), ("V2", "6.02", "21", None), stated_vat="14.14")
    assert result.complaints == (
        (
            "the invoice states VAT of 14.14, rate times net of its lines is 4.14 (difference 10.00): "
            "ask for a corrected invoice"
        ),
    )
    assert not result.is_clean
