"""10,000 random invoices: VAT once per rate, and what is printed is what is paid."""

import random
from collections import defaultdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iso11649

from models.billing.amounts import net_of_gross
from models.billing.assembly import assemble
from models.billing.documents import Invoice
from models.billing.invariants import violations
from models.billing.references import rf_reference
from tests.unit.billing.billing_world import fee_charge, issue, session_charge

CENT = Decimal("0.01")
INVOICES = 10_000


def cents(value: Fraction) -> int:
    """Round half away from zero, in fractions: independent of the product's decimals."""
    whole, rest = divmod(abs(value), 1)
    return int(whole + (rest >= Fraction(1, 2))) * (1 if value >= 0 else -1)


def test_ten_thousand_invoices_hold_their_identities():
    random_source, close, checked = random.Random(20261031), issue(), 0  # noqa: S311 - a seeded draw
    templates = {
        (account, place): session_charge(0, account, place, "1.00")
        for account in ("ANNA", "BRAM", "ALPEN", "POLDER")
        for place in ("DE", "NL", "FR", "BE", "DK")
    }
    while checked < INVOICES:
        account = random_source.choice(("ANNA", "BRAM", "ALPEN", "POLDER"))
        charges = [
            _priced(templates[account, random_source.choice(("DE", "NL", "FR", "BE", "DK"))], number, random_source)
            for number in range(random_source.randint(8, 20))
        ]
        documents = assemble(charges, [], {}, close)
        invoices = {d.document_number: d for d in documents if isinstance(d, Invoice)}
        for invoice in invoices.values():
            _hold_to_identities(invoice)
            checked += 1
        assert sum(i.total for i in invoices.values()) == documents[-1].total


def _priced(template, number, random_source):
    precise = Decimal(random_source.randint(1, 9_000_000)).scaleb(-5)
    amount = precise.quantize(CENT, ROUND_HALF_UP)
    values = {name: getattr(template, name) for name in template.__struct_fields__}
    rate = template.vat_rate_pct
    if template.is_gross_price_list:
        exact = Fraction(amount) * 100 / (1 + Fraction(rate) / 100)
        values |= {"gross_amount": amount, "net_amount": Decimal(cents(exact)).scaleb(-2)}
    else:
        values |= {"net_amount": amount}
    return type(template)(**values | {"charge_id": f"S:{number}", "cdr_key": f"X{number}", "precise_amount": precise})


def _hold_to_identities(invoice: Invoice) -> None:
    nets = defaultdict(Fraction)
    for line in invoice.lines:
        nets[line.vat_country, line.vat_category, line.vat_rate_pct] += Fraction(line.net_amount)
    vat = {group: cents(net * Fraction(group[2])) for group, net in nets.items()}
    assert {(r.vat_country, r.category, r.rate_pct): int(r.vat_amount * 100) for r in invoice.vat_rows} == vat
    assert invoice.vat_total == Decimal(sum(vat.values())).scaleb(-2)
    assert invoice.total == invoice.net_total + invoice.vat_total + invoice.rounding_amount
    if invoice.is_gross_price_list:
        assert invoice.total == sum(line.gross_amount for line in invoice.lines)
    else:
        assert invoice.rounding_amount == 0
    assert violations(invoice, {}) == []


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    gross=st.integers(-10_000_000, 10_000_000),
    rate=st.sampled_from([0, 6, 7, 9, 17, 19, 20, 21, 22, 24, 25, "25.5", 27]),
)
def test_net_is_the_nearest_cent(gross, rate):
    amount, pct = Decimal(gross).scaleb(-2), Decimal(rate)
    exact = Fraction(gross) / (1 + Fraction(pct) / 100)
    assert abs(Fraction(net_of_gross(amount, pct)) * 100 - exact) <= Fraction(1, 2)
    assert net_of_gross(-amount, pct) == -net_of_gross(amount, pct)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.from_regex(r"[A-Z]{1,6}-20[0-9]{2}-[0-9]{6}", fullmatch=True))
def test_every_reference_is_a_valid_creditor_reference(number):
    assert iso11649.is_valid(rf_reference(number))


def test_fees_beside_sessions_keep_the_printed_total():
    charges = [session_charge(1, "BRAM", "DE", "3.33", on=date(2026, 10, 3)), fee_charge("BRAM", "7.99")]
    invoice, bill = assemble(charges, [], {}, issue())
    assert invoice.total == bill.total == Decimal("11.32")
