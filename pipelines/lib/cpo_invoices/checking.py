"""Checking a file: reading it by what it is, holding it against lake and register, and writing down what came of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import sqlalchemy as sa

from models.reconciliation.cpo_invoices.check import CASES, Books, check_lines
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceError
from models.reconciliation.cpo_invoices.totals import CheckResult, add_up
from models.schemas.registry import Layer
from pipelines.lib.cpo_invoices.records import read_record
from pipelines.lib.cpo_invoices.tables import read_table
from pipelines.lib.cpo_invoices.ubl import read_ubl
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register.cpo_invoices import approved_cdrs
from pipelines.lib.register.disputes import case_states

MOST_BYTES: Final = 256 * 1024 * 1024
"""of a file: an invoice over a million CDRs as UBL has less"""
_PARTY: Final = re.compile(r"^[A-Z]{2}\*[A-Z0-9]{3}$")


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """A file as it was read: the invoice, whose it is, and the hash of its bytes."""

    invoice: CpoInvoice
    cpo_id: str
    sha256: str


def read_invoice(path: Path, cpo_id: str, invoice_id: str | None) -> InvoiceFile:
    """Read an invoice: JSON is a reconciliation record, XML is UBL, anything else a CSV.

    Raises:
        UserError: for a file that is none of these, one of another CPO, and a CPO that is no party id.
    """
    cpo_id = cpo_id.upper().replace("-", "*")
    if not _PARTY.fullmatch(cpo_id):
        msg = f"--cpo {cpo_id!r} is no party: write country code and party id, such as DE*LDW"
        raise UserError(msg)
    if path.stat().st_size > MOST_BYTES:
        msg = f"{path} has more than {MOST_BYTES:,} bytes: split the invoice by months"
        raise UserError(msg)
    content = path.read_bytes()
    try:
        invoice = _reader(content)(content, invoice_id)
    except InvoiceError as error:
        msg = f"{path} {error}"
        raise UserError(msg) from None
    if invoice.cpo_id is not None and invoice.cpo_id != cpo_id:
        msg = f"{path} is an invoice of {invoice.cpo_id}, not of {cpo_id}: check --cpo"
        raise UserError(msg)
    return InvoiceFile(invoice, cpo_id, hashlib.sha256(content).hexdigest())


def check_invoice(tx: sa.Connection, lake: Lake, file: InvoiceFile) -> CheckResult:
    """Hold an invoice against the books; writes nothing."""
    disputes = [
        (key, state.is_live, state.owed_amount, state.payable_amount) for key, state in sorted(case_states(tx).items())
    ]
    books = Books(
        cdrs=lake.read_months(Layer.TYPED, "cdrs"),
        verdicts=lake.read_months(Layer.MATCHED, "verdicts"),
        approved=approved_cdrs(tx),
        cases=pl.DataFrame(disputes, schema=CASES, orient="row"),
    )
    lines = check_lines(file.invoice.frame(), file.cpo_id, file.invoice.invoice_id, books)
    return add_up(file.invoice, lines)


def _reader(content: bytes):  # noqa: ANN202 - one of three functions of one shape
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"{": read_record, b"[": read_record, b"<": read_ubl}.get(start, read_table)
