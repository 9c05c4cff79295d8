"""The monthly bill: what a customer pays for a month, over all tax invoices, with one reference."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from models.billing.documents import BillItem, Invoice, MonthlyBill, Payment
from models.billing.grouping import BillKey
from models.billing.issue import Issue
from models.billing.numbering import Number
from models.billing.parties import account_vat_id, bank_account, customer_party, home_vat_id, seller_party
from models.billing.records import Charge
from models.billing.references import rf_reference
from models.billing.summaries import charged_days, country_subtotals, week_energies


def monthly_bill(
    key: BillKey, invoices: Sequence[Invoice], charges: Sequence[Charge], number: Number, issue: Issue
) -> MonthlyBill:
    """Make the bill over the invoices that share a key; `charges` are all that stand on them."""
    entity, account = issue.master.legal_entities[key.legal_entity_id], issue.master.accounts[key.account_id]
    total, due_on = _sum(i.total for i in invoices), issue.issued_on + timedelta(days=account.payment_terms_days)
    plans = {issue.master.plans[charge.plan_id].name for charge in charges if charge.plan_id}
    return MonthlyBill(
        document_id=number.document_id,
        series=number.series,
        sequence=number.sequence,
        document_number=number.text,
        billing_month=str(issue.month),
        issued_on=issue.issued_on,
        due_on=due_on,
        language=account.language,
        customer_kind=account.kind,
        seller=seller_party(entity, home_vat_id(entity, issue.issued_on, issue.master)),
        customer=customer_party(account, account_vat_id(account, issue.issued_on, issue.master)),
        account_id=account.account_id,
        legal_entity_id=entity.legal_entity_id,
        plan_names=tuple(sorted(plans)),
        items=tuple(_item(i) for i in invoices),
        country_subtotals=country_subtotals(charges),
        weeks=week_energies(charged_days(charges), issue.month),
        sessions=sum(i.sessions for i in invoices),
        energy_kwh=sum((i.energy_kwh for i in invoices), Decimal(0)),
        net_total=_sum(i.net_total for i in invoices),
        vat_total=_sum(i.vat_total for i in invoices),
        rounding_amount=_sum(i.rounding_amount for i in invoices),
        currency=key.currency,
        total=total,
        payment=Payment(
            account=bank_account(entity),
            reference=rf_reference(number.text),
            due_on=due_on,
            amount=total,
            currency=key.currency,
        ),
    )


def _item(invoice: Invoice) -> BillItem:
    return BillItem(
        document_number=invoice.document_number,
        seller_vat_id=invoice.seller.vat_id or "",
        countries=tuple(sorted({line.place_country for line in invoice.lines})),
        sessions=invoice.sessions,
        energy_kwh=invoice.energy_kwh,
        net_total=invoice.net_total,
        vat_total=invoice.vat_total,
        rounding_amount=invoice.rounding_amount,
        total=invoice.total,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal("0.00"))
