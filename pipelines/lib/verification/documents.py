"""Issued documents against their hash, their own arithmetic, their numbers, their charges and the exported ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from models.billing.assembly import billed_lines, reimbursement_id
from models.billing.canonical import sha256_of
from models.billing.documents import Invoice, ReimbursementStatement
from models.billing.invariants import Violation, numbering_violations, violations
from models.schemas.registry import Layer, table
from pipelines.lib.disputes.exporting import case_tables
from pipelines.lib.lake import Lake
from pipelines.lib.ledger import ledger_tables
from pipelines.lib.register import Register
from pipelines.lib.register.documents import IssuedDocument, issued_documents
from pipelines.lib.register.tables import BILLINGS, RENDERINGS
from pipelines.lib.settings import Settings
from pipelines.lib.verification.breach import Breach, differences

Billed = tuple[str, str, int, object]
"""id of the charge or refund, document number, line number, amount"""


def document_breaches(settings: Settings, lake: Lake, register: Register) -> list[Breach]:
    """Hold every issued document to everything that it promised."""
    with register.reading() as tx:
        issued = issued_documents(tx)
    return [
        *_hash_breaches(issued),
        *_content_breaches(issued),
        *_charge_breaches(lake, issued),
        *_billing_breaches(register, issued),
        *_ledger_breaches(lake, register),
        *_rendering_breaches(settings.documents, register, issued),
    ]


def _hash_breaches(issued: Iterable[IssuedDocument]) -> Iterator[Breach]:
    for document in issued:
        found = sha256_of(document.content_json.encode())
        if found != document.content_sha256:
            place = f"register documents {document.document_number} content_json"
            yield Breach("document hashes", place, f"SHA-256 {document.content_sha256}", found)


def _content_breaches(issued: Sequence[IssuedDocument]) -> Iterator[Breach]:
    contents = [document.content for document in issued]
    invoices = {content.document_number: content for content in contents if isinstance(content, Invoice)}
    for content in contents:
        yield from (_breach("document arithmetic", found) for found in violations(content, invoices))
    yield from (_breach("gapless numbers", found) for found in numbering_violations(contents))


def _breach(check: str, found: Violation) -> Breach:
    place = f"register documents {found.document_number} {found.field}"
    return Breach(check, place, found.expected, found.found)


def _charge_breaches(lake: Lake, issued: Sequence[IssuedDocument]) -> Iterator[Breach]:
    """Hold each line to the charge or refund that it bills, cent by cent."""
    charged = _amounts(lake)
    for line_id, number, line_number, amount in _billed(issued):
        expected = charged.get(line_id)
        if expected != amount:
            place = f"register documents {number} line {line_number} ({line_id})"
            yield Breach("invoices = charges", place, str(expected), str(amount))


def _amounts(lake: Lake) -> dict[str, object]:
    charges = lake.read_months(Layer.BILLED, "charges").filter(pl.col("outcome") == "billable")
    refunds = lake.read_months(Layer.BILLED, "reimbursements").filter(pl.col("outcome") == "billable")
    amounts: dict[str, object] = dict(charges.select("charge_id", "net_amount").iter_rows())
    amounts |= {reimbursement_id(key): amount for key, amount in refunds.select("cdr_key", "amount").iter_rows()}
    return amounts


def _billed(issued: Iterable[IssuedDocument]) -> Iterator[Billed]:
    for document in issued:
        content = document.content
        if isinstance(content, Invoice):
            amounts = {line.line_number: line.net_amount for line in content.lines}
        elif isinstance(content, ReimbursementStatement):
            amounts = {line.line_number: line.amount for line in content.lines}
        else:
            continue
        for line_id, line_number in billed_lines(content):
            yield line_id, document.document_number, line_number, amounts[line_number]


def _billing_breaches(register: Register, issued: Sequence[IssuedDocument]) -> Iterator[Breach]:
    """Hold the register of what was billed to the lines of the documents: no line without, none twice."""
    with register.reading() as tx:
        kept = {(row.charge_id, row.document_id, row.line_number) for row in tx.execute(sa.select(BILLINGS))}
    printed = {(line_id, number.lower(), line) for line_id, number, line, _ in _billed(issued)}
    for line_id, document_id, line in sorted(printed ^ kept):
        is_printed = (line_id, document_id, line) in printed
        place = f"register billings {line_id} ({document_id} line {line})"
        yield Breach("nothing twice", place, "a row" if is_printed else "no row", "none" if is_printed else "one")


def _ledger_breaches(lake: Lake, register: Register) -> Iterator[Breach]:
    with register.reading() as tx:
        disputes = case_tables(tx)
    for name, right in (ledger_tables(register) | disputes).items():
        key = table(Layer.LEDGER, name).key
        yield from differences("ledger = register", f"ledger/{name}", key, lake.read(Layer.LEDGER, name), right)


def _rendering_breaches(folder: Path, register: Register, issued: Sequence[IssuedDocument]) -> Iterator[Breach]:
    with register.reading() as tx:
        rendered = {row.document_id: row for row in tx.execute(sa.select(RENDERINGS))}
    for document in issued:
        row = rendered.get(document.document_id)
        if row is None:
            yield Breach("PDF hashes", f"documents {document.document_number}", "a PDF", "none was rendered")
            continue
        file = folder / row.path
        found = sha256_of(file.read_bytes()) if file.exists() else "no file"
        if found != row.sha256:
            yield Breach("PDF hashes", f"documents {row.path}", f"SHA-256 {row.sha256}", found)
