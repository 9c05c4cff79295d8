"""The bytes of a document that are kept for good, and their hash."""

import hashlib
from typing import Final

import msgspec

from models.billing.documents import Document, Invoice, MonthlyBill, ReimbursementStatement
from models.types.vocabularies import DocumentKind

_ENCODER: Final = msgspec.json.Encoder(order="sorted", decimal_format="string")
_SHAPES: Final[dict[DocumentKind, type[Document]]] = {
    DocumentKind.INVOICE: Invoice,
    DocumentKind.MONTHLY_BILL: MonthlyBill,
    DocumentKind.REIMBURSEMENT_STATEMENT: ReimbursementStatement,
}


def canonical_json(document: Document) -> bytes:
    """Write a document: sorted keys, no spaces, decimals as strings with the digits they were computed to."""
    return _ENCODER.encode(document)


def read_document(kind: DocumentKind, content: bytes | str) -> Document:
    """Read a document back; the kind stands beside it in the register."""
    return msgspec.json.decode(content, type=_SHAPES[kind])


def sha256_of(content: bytes) -> str:
    """Give the hash by which a stored document proves that nobody has changed it."""
    return hashlib.sha256(content).hexdigest()
