"""What a close says: counts, totals by currency, and the hashes that seal it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from models.billing.documents import Document, Invoice, MonthlyBill, ReimbursementStatement
from models.types.time import BillingMonth


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """Sums of the documents of one currency."""

    currency: str
    net_total: Decimal
    vat_total: Decimal
    rounding_amount: Decimal
    total: Decimal
    """due by customers: net + VAT + rounding"""
    reimbursed: Decimal
    """refunded to drivers"""


@dataclass(frozen=True, slots=True)
class CloseReport:
    """A close, or what one would issue; equal for every run of a finished month."""

    month: BillingMonth
    as_of: datetime
    invoices: int
    monthly_bills: int
    statements: int
    sessions: int
    """on invoices"""
    home_sessions: int
    """on statements"""
    energy_kwh: Decimal
    """on invoices and statements"""
    totals: tuple[CurrencyTotals, ...]
    inputs_sha256: str
    outputs_sha256: str
    is_new: bool = field(compare=False)
    """whether this very run issued the documents"""

    @property
    def documents(self) -> int:
        """All documents."""
        return self.invoices + self.monthly_bills + self.statements


def report_of(
    month: BillingMonth,
    as_of: datetime,
    inputs_sha256: str,
    outputs_sha256: str,
    documents: Sequence[Document],
    *,
    is_new: bool,
) -> CloseReport:
    """Sum the documents of a close up."""
    invoices = [document for document in documents if isinstance(document, Invoice)]
    statements = [document for document in documents if isinstance(document, ReimbursementStatement)]
    currencies = sorted({document.currency for document in documents})
    return CloseReport(
        month=month,
        as_of=as_of,
        invoices=len(invoices),
        monthly_bills=sum(isinstance(document, MonthlyBill) for document in documents),
        statements=len(statements),
        sessions=sum(invoice.sessions for invoice in invoices),
        home_sessions=sum(statement.sessions for statement in statements),
        energy_kwh=_sum(document.energy_kwh for document in (*invoices, *statements)),
        totals=tuple(_totals(currency, invoices, statements) for currency in currencies),
        inputs_sha256=inputs_sha256,
        outputs_sha256=outputs_sha256,
        is_new=is_new,
    )


def _totals(currency: str, invoices: Iterable[Invoice], statements: Iterable[ReimbursementStatement]) -> CurrencyTotals:
    of_currency = [invoice for invoice in invoices if invoice.currency == currency]
    return CurrencyTotals(
        currency=currency,
        net_total=_sum(invoice.net_total for invoice in of_currency),
        vat_total=_sum(invoice.vat_total for invoice in of_currency),
        rounding_amount=_sum(invoice.rounding_amount for invoice in of_currency),
        total=_sum(invoice.total for invoice in of_currency),
        reimbursed=_sum(statement.total for statement in statements if statement.currency == currency),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal("0.00"))
