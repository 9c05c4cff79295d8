"""The ledger tables of issued documents: a projection of their content, with nothing computed anew."""

from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl

from models.billing.canonical import canonical_json, sha256_of
from models.billing.documents import Document, Invoice, MonthlyBill, ReimbursementStatement
from models.schemas.registry import Layer, table
from models.types.time import BillingMonth


def document_rows(documents: Iterable[Document]) -> pl.DataFrame:
    """Give one row per document, in the shape of `ledger/documents`."""
    return _frame("documents", [_document_row(document) for document in documents])


def line_rows(documents: Iterable[Document]) -> pl.DataFrame:
    """Give one row per line of an invoice or statement, in the shape of `ledger/document_lines`."""
    return _frame("document_lines", [row for document in documents for row in _line_rows(document)])


def vat_rows_of(documents: Iterable[Document]) -> pl.DataFrame:
    """Give one row per VAT row of an invoice, in the shape of `ledger/document_vat`."""
    return _frame("document_vat", [row for document in documents for row in _vat_rows(document)])


def parent_of(document: Document) -> str | None:
    """Give the document id of the monthly bill that an invoice belongs to."""
    return document.bill_number.lower() if isinstance(document, Invoice) else None


def month_of(document: Document) -> date:
    """Give the billing month of a document as its first day."""
    return BillingMonth.parse(document.billing_month).first_day


def _frame(name: str, rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    hand_over = table(Layer.LEDGER, name)
    return pl.DataFrame(rows, schema=hand_over.schema, orient="row").sort(hand_over.key)


def _document_row(document: Document) -> dict[str, object]:
    return {
        "document_id": document.document_id,
        "kind": str(document.kind),
        "series": document.series,
        "sequence": document.sequence,
        "document_number": document.document_number,
        "parent_document_id": parent_of(document),
        "legal_entity_id": document.legal_entity_id,
        "account_id": document.account_id,
        "billing_month": month_of(document),
        "issued_on": document.issued_on,
        "currency": document.currency,
        "total": document.total,
        "content_sha256": sha256_of(canonical_json(document)),
        **_own_columns(document),
    }


def _own_columns(document: Document) -> dict[str, object]:
    """Give the columns that only one kind of document fills."""
    match document:
        case Invoice():
            return {
                "due_on": document.due_on,
                "seller_vat_id": document.seller.vat_id,
                "net_total": document.net_total,
                "vat_total": document.vat_total,
                "rounding_amount": document.rounding_amount,
            }
        case MonthlyBill():
            return {"due_on": document.due_on, "payment_reference": document.payment.reference}
        case ReimbursementStatement():
            return {"driver_id": document.driver_id, "payment_reference": document.payment_reference}


def _line_rows(document: Document) -> list[dict[str, object]]:
    match document:
        case Invoice():
            return [
                {
                    "document_id": document.document_id,
                    "line_number": line.line_number,
                    "charge_id": line.charge_id,
                    "cdr_key": line.cdr_key,
                    "net_amount": line.net_amount,
                    "gross_amount": line.gross_amount,
                    "vat_country": line.vat_country,
                    "vat_category": str(line.vat_category),
                    "vat_rate_pct": line.vat_rate_pct,
                    "currency": document.currency,
                }
                for line in document.lines
            ]
        case MonthlyBill():
            return []
        case ReimbursementStatement():
            return [
                {
                    "document_id": document.document_id,
                    "line_number": line.line_number,
                    "cdr_key": line.cdr_key,
                    "gross_amount": line.amount,
                    "currency": document.currency,
                }
                for line in document.lines
            ]


def _vat_rows(document: Document) -> list[dict[str, object]]:
    if not isinstance(document, Invoice):
        return []
    return [
        {
            "document_id": document.document_id,
            "vat_country": row.vat_country,
            "vat_category": str(row.category),
            "vat_rate_pct": row.rate_pct,
            "taxable_amount": row.taxable_amount,
            "vat_amount": row.vat_amount,
            "currency": document.currency,
        }
        for row in document.vat_rows
    ]
