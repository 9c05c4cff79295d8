"""Tax invoices: one seller VAT id, one customer, one currency."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from models.billing.documents import Invoice, InvoiceLine, VatRow
from models.billing.grouping import InvoiceKey
from models.billing.issue import Issue
from models.billing.lines import invoice_line
from models.billing.numbering import Number
from models.billing.parties import customer_party, registration_of, seller_party
from models.billing.problems import BillingProblem
from models.billing.records import Charge
from models.billing.summaries import (
    charged_days,
    country_subtotals,
    energy_of,
    sessions_of,
    vehicle_summaries,
    week_energies,
)
from models.billing.vat_rows import vat_accounting, vat_rows
from models.types.vocabularies import AccountKind, VatCase, VatCategory


def invoice(key: InvoiceKey, charges: Sequence[Charge], number: Number, bill_number: str, issue: Issue) -> Invoice:
    """Make the invoice over the charges that share a key, in the order of its lines."""
    entity, account = issue.master.legal_entities[key.legal_entity_id], issue.master.accounts[key.account_id]
    lines = tuple(
        invoice_line(index, charge, issue.price_lines, issue.master) for index, charge in enumerate(charges, start=1)
    )
    rows = vat_rows(lines, issue.rates)
    _demand_buyer_vat_id(number, key, rows)
    net_total, vat_total = _sum(row.taxable_amount for row in rows), _sum(row.vat_amount for row in rows)
    rounding_amount = _rounding_amount(lines, net_total + vat_total) if key.is_gross_price_list else Decimal("0.00")
    last_supply = max(line.supplied_on for line in lines)
    seat = registration_of(key.legal_entity_id, key.seller_vat_id, issue.master).country
    return Invoice(
        document_id=number.document_id,
        series=number.series,
        sequence=number.sequence,
        document_number=number.text,
        bill_number=bill_number,
        billing_month=str(issue.month),
        issued_on=issue.issued_on,
        due_on=issue.issued_on + timedelta(days=account.payment_terms_days),
        period_from=min(line.supplied_on for line in lines),
        period_to=last_supply,
        language=account.language,
        customer_kind=account.kind,
        seller=seller_party(entity, key.seller_vat_id),
        customer=customer_party(account, key.buyer_vat_id or None),
        account_id=account.account_id,
        legal_entity_id=entity.legal_entity_id,
        currency=key.currency,
        is_gross_price_list=key.is_gross_price_list,
        lines=lines,
        vat_rows=rows,
        country_subtotals=country_subtotals(charges),
        vehicles=vehicle_summaries(charges, issue.master) if account.kind is AccountKind.BUSINESS else (),
        weeks=week_energies(charged_days(charges), issue.month),
        sessions=len(sessions_of(charges)),
        energy_kwh=energy_of(charges),
        net_total=net_total,
        vat_total=vat_total,
        rounding_amount=rounding_amount,
        total=net_total + vat_total + rounding_amount,
        vat_accounting=vat_accounting(rows, seat, key.currency, last_supply, issue.master.fx_rates),
        notes=_notes(lines),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal("0.00"))


def _rounding_amount(lines: Sequence[InvoiceLine], net_and_vat: Decimal) -> Decimal:
    """Book what printed gross prices differ from net plus VAT (BT-114): the customer pays what is printed."""
    return _sum(line.gross_amount or Decimal(0) for line in lines) - net_and_vat


def _demand_buyer_vat_id(number: Number, key: InvoiceKey, rows: Sequence[VatRow]) -> None:
    """Refuse a reverse charge without BT-48; the official validation rules let it pass."""
    if not key.buyer_vat_id and any(row.category is VatCategory.REVERSE_CHARGE for row in rows):
        msg = f"invoice {number.text} of {key.account_id}: a reverse charge needs the customer's VAT id"
        raise BillingProblem(msg)


def _notes(lines: Sequence[InvoiceLine]) -> tuple[str, ...]:
    is_refundable = any(line.vat_case is VatCase.E3 for line in lines)
    return ("refund_hint_2008_9",) if is_refundable else ()
