"""Rounding places: half away from zero, once, exactly."""

from decimal import Decimal

import pytest

from models.billing.amounts import billed, net_of_gross, vat_of
from models.billing.references import masked_iban, rf_reference


@pytest.mark.parametrize(
    ("gross", "rate", "net"),
    [
        ("1.00", "19", "0.84"),  # 0.8403361...
        ("7.99", "21", "6.60"),  # 6.6033...
        ("0.03", "20", "0.03"),  # 0.025 exactly: half goes away from zero
        ("-0.03", "20", "-0.03"),
        ("119.00", "19", "100.00"),
        ("5.00", "0", "5.00"),
        ("12.55", "25.5", "10.00"),
    ],
)
def test_net_of_gross_is_rounded_once(gross, rate, net):
    assert net_of_gross(Decimal(gross), Decimal(rate)) == Decimal(net)


def test_lines_and_vat_round_half_away_from_zero():
    assert billed(Decimal("5.125000000000")) == Decimal("5.13")
    assert billed(Decimal("-5.125")) == Decimal("-5.13")
    assert vat_of(Decimal("0.50"), Decimal(19)) == Decimal("0.10")  # 0.095


def test_references_and_masked_accounts():
    assert rf_reference("539007547034") == "RF18539007547034"  # the standard's own example
    assert masked_iban("DE89 3704 0044 0532 0130 00") == "DE89 **** **** **** **30 00"
