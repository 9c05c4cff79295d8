"""VAT of an invoice: once per country, category and rate, and its total in the taxing state's currency."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from babel.numbers import get_territory_currencies

from models.billing.amounts import vat_of
from models.billing.documents import InvoiceLine, VatAccounting, VatRow
from models.billing.problems import BillingProblem
from models.billing.rates import VatRates
from models.billing.records import FxRate
from models.billing.vat import legal_note
from models.types.money import BILLED_SCALE, rounded


def vat_rows(lines: Iterable[InvoiceLine], rates: VatRates) -> tuple[VatRow, ...]:
    """Compute BG-23: VAT of the summed nets, never the sum of rounded VATs (those differ in most invoices)."""
    groups: dict[tuple[str, str, Decimal], list[InvoiceLine]] = {}
    for line in lines:
        groups.setdefault((line.vat_country, str(line.vat_category), line.vat_rate_pct), []).append(line)
    return tuple(_vat_row(groups[key], rates) for key in sorted(groups))


def vat_accounting(
    rows: Iterable[VatRow], country: str, currency: str, on: date, fx_rates: Sequence[FxRate]
) -> VatAccounting | None:
    """Give the VAT owed in a country in that country's currency (Art. 230), where the invoice has another one.

    Args:
        rows: the invoice's VAT rows; only those of `country` count, since others are declared elsewhere.
        country: where the seller's VAT number is from.
        currency: of the invoice; EUR, because the rates are units per euro.
        on: the last supply date; the newest rate not after it counts.
        fx_rates: reference rates.

    Raises:
        BillingProblem: when there is no rate, or the invoice is not in euro.
    """
    national = national_currency(country, on)
    owed = sum((row.vat_amount for row in rows if row.vat_country == country), Decimal(0))
    if national == currency or owed == 0:
        return None
    known = [rate for rate in fx_rates if rate.currency == national and rate.rate_date <= on]
    if not known or currency != "EUR":
        msg = f"VAT of {country} needs {currency} in {national} on {on}: load a rate into fx_rates and close again"
        raise BillingProblem(msg)
    rate = max(known, key=lambda row: row.rate_date)
    return VatAccounting(
        currency=national,
        units_per_eur=rate.units_per_eur,
        rate_date=rate.rate_date,
        rate_source=rate.source,
        vat_total=rounded(owed * rate.units_per_eur, BILLED_SCALE),
    )


def national_currency(country: str, on: date) -> str:
    """Give the legal tender of a country on a day, from CLDR."""
    return get_territory_currencies(country, on, on)[0]


def _vat_row(lines: Sequence[InvoiceLine], rates: VatRates) -> VatRow:
    first = lines[0]
    taxable = sum((line.net_amount for line in lines), Decimal(0))
    notes = {note for line in lines if (note := legal_note(line.vat_case, line.vat_country, rates))}
    return VatRow(
        vat_country=first.vat_country,
        category=first.vat_category,
        rate_pct=first.vat_rate_pct,
        taxable_amount=taxable,
        vat_amount=vat_of(taxable, first.vat_rate_pct),
        legal_note="; ".join(sorted(notes)) or None,
    )
