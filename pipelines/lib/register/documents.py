"""Issued documents in the register: numbers and immutable content, given in the transaction of the close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select

from models.billing.assembly import billed_lines
from models.billing.canonical import canonical_json, read_document, sha256_of
from models.billing.documents import Document
from models.billing.ledger import month_of, parent_of
from models.types.vocabularies import DocumentKind
from pipelines.lib.register.tables import BILLINGS, DOCUMENTS


@dataclass(frozen=True, slots=True)
class IssuedDocument:
    """A document as the register keeps it."""

    document_id: str
    kind: DocumentKind
    series: str
    sequence: int
    document_number: str
    parent_document_id: str | None
    account_id: str
    billing_month: date
    issued_on: date
    content_json: str
    content_sha256: str
    issued_at: datetime

    @property
    def content(self) -> Document:
        """The document itself."""
        return read_document(self.kind, self.content_json)


def issue_documents(tx: Connection, documents: Sequence[Document], issued_at: datetime) -> None:
    """Write documents and what each of them bills; the caller's transaction makes it all or nothing."""
    if not documents:
        return
    tx.execute(insert(DOCUMENTS), [_row(document, issued_at) for document in documents])
    billings = [
        {"charge_id": charge_id, "document_id": document.document_id, "line_number": line_number}
        for document in documents
        for charge_id, line_number in billed_lines(document)
    ]
    if billings:
        tx.execute(insert(BILLINGS), billings)


def last_numbers(tx: Connection) -> dict[str, int]:
    """Give the last number of each series."""
    query = select(DOCUMENTS.c.series, func.max(DOCUMENTS.c.sequence).label("last")).group_by(DOCUMENTS.c.series)
    return {row.series: row.last for row in tx.execute(query)}


def billed_ids(tx: Connection) -> frozenset[str]:
    """Give the ids of all charges and reimbursements that were ever billed."""
    return frozenset(tx.execute(select(BILLINGS.c.charge_id)).scalars())


def issued_documents(tx: Connection, billing_month: date | None = None) -> list[IssuedDocument]:
    """List issued documents, of one close or of all, in the order of series and number."""
    query = select(DOCUMENTS).order_by(DOCUMENTS.c.series, DOCUMENTS.c.sequence)
    if billing_month is not None:
        query = query.where(DOCUMENTS.c.billing_month == billing_month)
    return _read_all(tx, query)


def find_document(tx: Connection, number_or_id: str) -> IssuedDocument | None:
    """Look a document up by its number or id, without case."""
    query = select(DOCUMENTS).where(DOCUMENTS.c.document_id == number_or_id.lower())
    return next(iter(_read_all(tx, query)), None)


def _read_all(tx: Connection, query: Select[Any]) -> list[IssuedDocument]:
    return [_read(row) for row in tx.execute(query)]


def _read(row: Row[Any]) -> IssuedDocument:
    return IssuedDocument(**{**row._mapping, "kind": DocumentKind(row.kind)})  # noqa: SLF001 - SQLAlchemy's public name


def _row(document: Document, issued_at: datetime) -> dict[str, object]:
    content = canonical_json(document)
    return {
        "document_id": document.document_id,
        "kind": str(document.kind),
        "series": document.series,
        "sequence": document.sequence,
        "document_number": document.document_number,
        "parent_document_id": parent_of(document),
        "account_id": document.account_id,
        "billing_month": month_of(document),
        "issued_on": document.issued_on,
        "content_json": content.decode(),
        "content_sha256": sha256_of(content),
        "issued_at": issued_at,
    }
