"""What must hold of issued documents, recomputed from their own lines: each breach names document and field."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stdnum import iso11649

from models.billing.amounts import net_of_gross, vat_of
from models.billing.documents import Document, Invoice, MonthlyBill, ReimbursementStatement, VatRow
from models.types.money import BILLED_SCALE, rounded
from models.types.vocabularies import VatCategory


@dataclass(frozen=True, slots=True)
class Violation:
    """One figure of a document that is not what its lines make it."""

    document_number: str
    field: str
    expected: str
    found: str


def violations(document: Document, invoices: Mapping[str, Invoice]) -> list[Violation]:
    """Recompute a document.

    Args:
        document: as it was issued.
        invoices: all issued invoices by document number, which a monthly bill is held against.
    """
    match document:
        case Invoice():
            pairs = [
                *_line_figures(document),
                *_vat_figures(document),
                *_invoice_figures(document),
                *_summary_figures(document),
            ]
        case MonthlyBill():
            pairs = _bill_figures(document, invoices)
        case ReimbursementStatement():
            pairs = _statement_figures(document)
    return [
        Violation(document.document_number, name, str(expected), str(found))
        for name, expected, found in pairs
        if expected != found
    ]


def numbering_violations(documents: Iterable[Document]) -> list[Violation]:
    """Hold every series to its promise: 1, 2, 3 ... without a hole, and each number written as its series says."""
    series: dict[str, list[Document]] = {}
    for document in documents:
        series.setdefault(document.series, []).append(document)
    found: list[Violation] = []
    for name, members in sorted(series.items()):
        for expected, document in enumerate(sorted(members, key=lambda d: d.sequence), start=1):
            text = f"{name}-{expected:06d}"
            if (document.sequence, document.document_number) != (expected, text):
                found.append(Violation(document.document_number, "document_number", text, document.document_number))
    return found


Figure = tuple[str, object, object]
"""Name of a field, what it must be, what it is."""


def _line_figures(document: Invoice) -> list[Figure]:
    """A gross line's net follows from its gross and rate; a net line has no gross; each explains its amount."""
    figures: list[Figure] = []
    for line in document.lines:
        place = f"lines[{line.line_number}]"
        if document.is_gross_price_list:
            gross = line.gross_amount or Decimal(0)
            figures.append((f"{place}.net_amount", net_of_gross(gross, line.vat_rate_pct), line.net_amount))
        else:
            figures.append((f"{place}.gross_amount", None, line.gross_amount))
        if line.price_lines:
            printed = line.gross_amount if document.is_gross_price_list else line.net_amount
            explained = rounded(sum((price.amount for price in line.price_lines), Decimal(0)), BILLED_SCALE)
            figures.append((f"{place}.price_lines", explained, printed))
    return figures


def _vat_figures(document: Invoice) -> list[Figure]:
    """VAT is computed once per country, category and rate; a reverse charge bears none and names the customer."""
    nets: dict[tuple[str, str, Decimal], Decimal] = {}
    for line in document.lines:
        group = (line.vat_country, str(line.vat_category), line.vat_rate_pct)
        nets[group] = nets.get(group, Decimal(0)) + line.net_amount
    figures: list[Figure] = [("vat_rows", sorted(nets), sorted(_group(row) for row in document.vat_rows))]
    for row in document.vat_rows:
        place = f"vat_rows[{row.vat_country} {row.category} {row.rate_pct.normalize():f}]"
        figures.append((f"{place}.taxable_amount", nets.get(_group(row)), row.taxable_amount))
        figures.append((f"{place}.vat_amount", vat_of(row.taxable_amount, row.rate_pct), row.vat_amount))
        if row.category is VatCategory.REVERSE_CHARGE:
            figures.append((f"{place}.rate_pct", Decimal(0), row.rate_pct))
            figures.append((f"{place}.legal_note", True, bool(row.legal_note)))
            figures.append(("customer.vat_id", True, bool(document.customer.vat_id)))
    return figures


def _invoice_figures(document: Invoice) -> list[Figure]:
    net, vat = _sum(line.net_amount for line in document.lines), _sum(row.vat_amount for row in document.vat_rows)
    gross = _sum(line.gross_amount or Decimal(0) for line in document.lines)
    rounding_amount = gross - net - vat if document.is_gross_price_list else Decimal(0)
    sessions = [line for line in document.lines if line.energy_kwh is not None]
    return [
        ("net_total", net, document.net_total),
        ("vat_total", vat, document.vat_total),
        ("rounding_amount", rounding_amount, document.rounding_amount),
        ("total", net + vat + rounding_amount, document.total),
        ("sessions", len(sessions), document.sessions),
        ("energy_kwh", _sum(line.energy_kwh or Decimal(0) for line in sessions), document.energy_kwh),
        ("weeks", document.energy_kwh, _sum(week.ac_kwh + week.dc_kwh for week in document.weeks)),
        *_accounting_figures(document),
    ]


def _summary_figures(document: Invoice) -> list[Figure]:
    """Countries and vehicles are sums of the lines that name them."""
    countries: dict[str, tuple[int, Decimal, Decimal]] = {}
    vehicles: dict[str, Decimal] = {}
    for line in document.lines:
        if line.energy_kwh is not None:
            sessions, energy, net = countries.get(line.place_country, (0, Decimal(0), Decimal(0)))
            countries[line.place_country] = (sessions + 1, energy + line.energy_kwh, net + line.net_amount)
        if line.vehicle_plate is not None and document.vehicles:
            vehicles[line.vehicle_plate] = vehicles.get(line.vehicle_plate, Decimal(0)) + line.net_amount
    return [
        ("country_subtotals", countries, _subtotals(document)),
        ("vehicles", vehicles, {vehicle.plate: vehicle.net_amount for vehicle in document.vehicles}),
    ]


def _subtotals(document: Invoice | MonthlyBill) -> dict[str, tuple[int, Decimal, Decimal]]:
    return {row.country: (row.sessions, row.energy_kwh, row.net_amount) for row in document.country_subtotals}


def _summed_subtotals(invoices: Iterable[Invoice]) -> dict[str, tuple[int, Decimal, Decimal]]:
    """Add the subtotals of several invoices up by country."""
    sums: dict[str, tuple[int, Decimal, Decimal]] = {}
    for country, (sessions, energy, net) in (pair for invoice in invoices for pair in _subtotals(invoice).items()):
        before = sums.get(country, (0, Decimal(0), Decimal(0)))
        sums[country] = (before[0] + sessions, before[1] + energy, before[2] + net)
    return sums


def _accounting_figures(document: Invoice) -> list[Figure]:
    accounting = document.vat_accounting
    if accounting is None:
        return []
    country = document.series.split("-")[1]
    owed = _sum(row.vat_amount for row in document.vat_rows if row.vat_country == country)
    converted = rounded(owed * accounting.units_per_eur, BILLED_SCALE)
    return [("vat_accounting.vat_total", converted, accounting.vat_total)]


def _bill_figures(document: MonthlyBill, invoices: Mapping[str, Invoice]) -> list[Figure]:
    """One amount due: the sum of the invoices, which are exactly those that name this bill."""
    listed = [invoices.get(item.document_number) for item in document.items]
    found = [invoice for invoice in listed if invoice is not None]
    named = sorted(i.document_number for i in invoices.values() if i.bill_number == document.document_number)
    figures: list[Figure] = [
        ("items", named, sorted(item.document_number for item in document.items)),
        ("net_total", _sum(i.net_total for i in found), document.net_total),
        ("vat_total", _sum(i.vat_total for i in found), document.vat_total),
        ("rounding_amount", _sum(i.rounding_amount for i in found), document.rounding_amount),
        ("total", _sum(i.total for i in found), document.total),
        ("sessions", sum(i.sessions for i in found), document.sessions),
        ("energy_kwh", _sum(i.energy_kwh for i in found), document.energy_kwh),
        ("country_subtotals", _summed_subtotals(found), _subtotals(document)),
        ("weeks", document.energy_kwh, _sum(week.ac_kwh + week.dc_kwh for week in document.weeks)),
        ("payment.amount", document.total, document.payment.amount),
        ("payment.reference", True, iso11649.is_valid(document.payment.reference)),
    ]
    for item in document.items:
        invoice = invoices.get(item.document_number)
        if invoice is not None:
            figures += [
                (f"items[{item.document_number}].{name}", getattr(invoice, name), getattr(item, name))
                for name in ("sessions", "energy_kwh", "net_total", "vat_total", "rounding_amount", "total")
            ]
    return figures


def _statement_figures(document: ReimbursementStatement) -> list[Figure]:
    figures: list[Figure] = [
        (f"lines[{line.line_number}].amount", rounded(line.energy_kwh * line.price_per_kwh, BILLED_SCALE), line.amount)
        for line in document.lines
    ]
    return [
        *figures,
        ("total", _sum(line.amount for line in document.lines), document.total),
        ("energy_kwh", _sum(line.energy_kwh for line in document.lines), document.energy_kwh),
        ("sessions", len(document.lines), document.sessions),
        ("weeks", document.energy_kwh, _sum(week.ac_kwh + week.dc_kwh for week in document.weeks)),
        ("payment_reference", True, iso11649.is_valid(document.payment_reference)),
    ]


def _group(row: VatRow) -> tuple[str, str, Decimal]:
    return row.vat_country, str(row.category), row.rate_pct


def _sum(amounts: Iterable[Decimal] | Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
