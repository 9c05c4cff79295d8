"""The close of a month: fixes an instant, bills what is due and was never billed, and seals it with hashes.

It is safe to kill anywhere and to run again. `started` fixes `as_of` in a transaction of its own; numbers, documents,
billings and `finished` are one further transaction; the ledger tables of the lake are a projection that every run
makes anew from the register. A finished month closes again to the same report and writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import Connection

from models.billing.assembly import assemble, reimbursement_id
from models.billing.canonical import canonical_json, sha256_of
from models.billing.charges import Books
from models.billing.documents import Document
from models.billing.issue import Issue
from models.billing.lines import price_lines
from models.billing.problems import BillingProblem
from models.billing.records import Charge, Reimbursement, rows_of
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeOutcome, Verdict
from pipelines.lib.books import company_zone, load_books
from pipelines.lib.close_gate import refuse_unready
from pipelines.lib.close_report import CloseReport, report_of
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.ledger import export_ledger
from pipelines.lib.register import Register
from pipelines.lib.register.closes import FinishedClose, finish_close, finished_close, start_close, started_as_of
from pipelines.lib.register.documents import billed_ids, issue_documents, issued_documents, last_numbers

__all__ = ["CloseReport", "close_month", "is_closed", "refuse_open_month"]


@dataclass(frozen=True)
class _Due:
    """What a close bills: rows in a stable order."""

    charges: pl.DataFrame
    reimbursements: pl.DataFrame

    @property
    def sha256(self) -> str:
        """Hash every value of every row, so that a close says exactly what it was made from."""
        text = f"{self.charges.write_csv()}\n{self.reimbursements.write_csv()}"
        return hashlib.sha256(text.encode()).hexdigest()


def close_month(
    lake: Lake, register: Register, month: BillingMonth, now: datetime, *, dry_run: bool = False
) -> CloseReport:
    """Close a month, or say what a close would issue.

    Bills every accepted and billable row with a billing month up to `month` that was received by the close's `as_of`
    and never billed before.

    Args:
        lake: holds the charges and receives the ledger tables.
        register: receives numbers, documents, billings and the close.
        month: to close.
        now: the present instant; the first close of a month keeps it as its `as_of`.
        dry_run: issue nothing, and give the same totals.

    Raises:
        UserError: when the month is not over, was not worked through, or a fact is missing that a document needs.
    """
    books = load_books(lake)
    refuse_open_month(month, books, now)
    is_new = not is_closed(register, month)
    if is_new:
        refuse_unready(lake, month)
        if dry_run:
            return _try_out(lake, register, books, month, now)
        with register.transaction() as tx:
            as_of = start_close(tx, month.first_day, now)
        with register.transaction() as tx:
            _issue(tx, lake, books, month, as_of, now)
    if not dry_run:
        export_ledger(lake, register)
    return _report(register, month, is_new=is_new)


def is_closed(register: Register, month: BillingMonth) -> bool:
    """Tell whether the close of a month is finished."""
    with register.reading() as tx:
        return finished_close(tx, month.first_day) is not None


def refuse_open_month(month: BillingMonth, books: Books, now: datetime) -> None:
    """Refuse a month that is not over on the company's calendar, with a `UserError` that says when it will be."""
    zone = company_zone(books.master)
    if now < month.window(zone)[1]:
        msg = f"{month} is not over until {month.next.first_day} 00:00 {zone}: close it after that"
        raise UserError(msg)


def _issue(tx: Connection, lake: Lake, books: Books, month: BillingMonth, as_of: datetime, now: datetime) -> None:
    """Write documents, billings and the finished close, unless another run has done so meanwhile."""
    if finished_close(tx, month.first_day) is not None:
        return
    due = _due(tx, lake, month, as_of)
    documents = _assemble(tx, lake, books, due, month, as_of)
    issue_documents(tx, documents, now)
    finish_close(
        tx,
        FinishedClose(
            billing_month=month.first_day,
            as_of=as_of,
            inputs_sha256=due.sha256,
            outputs_sha256=_outputs_sha256(documents),
            documents=len(documents),
            closed_at=now,
        ),
    )


def _try_out(lake: Lake, register: Register, books: Books, month: BillingMonth, now: datetime) -> CloseReport:
    with register.reading() as tx:
        as_of = started_as_of(tx, month.first_day) or now
        due = _due(tx, lake, month, as_of)
        documents = _assemble(tx, lake, books, due, month, as_of)
    return report_of(month, as_of, due.sha256, _outputs_sha256(documents), documents, is_new=False)


def _report(register: Register, month: BillingMonth, *, is_new: bool) -> CloseReport:
    """Read a finished close back from the register."""
    with register.reading() as tx:
        close = finished_close(tx, month.first_day)
        documents = [issued.content for issued in issued_documents(tx, month.first_day)]
    if close is None:
        msg = f"the close of {month} was written and cannot be read back"
        raise RuntimeError(msg)
    return report_of(month, close.as_of, close.inputs_sha256, close.outputs_sha256, documents, is_new=is_new)


def _due(tx: Connection, lake: Lake, month: BillingMonth, as_of: datetime) -> _Due:
    """Find what is billable, accepted, received by `as_of` and never billed."""
    months = [each for each in lake.months(Layer.BILLED, "charges") if each <= month]
    cdrs = lake.read_months(Layer.TYPED, "cdrs", _present(lake, Layer.TYPED, "cdrs", month))
    verdicts = lake.read_months(Layer.MATCHED, "verdicts", _present(lake, Layer.MATCHED, "verdicts", month))
    accepted = verdicts.filter(pl.col("verdict") == str(Verdict.ACCEPT)).select("cdr_key")
    in_time = cdrs.filter(pl.col("received_at") <= as_of).select("cdr_key").join(accepted, on="cdr_key", how="semi")
    billed = pl.Series("id", sorted(billed_ids(tx)), pl.String)
    is_billable = pl.col("outcome") == str(ChargeOutcome.BILLABLE)
    is_sound = pl.col("cdr_key").is_null() | pl.col("cdr_key").is_in(in_time["cdr_key"].implode())
    home = lake.read_months(Layer.BILLED, "reimbursements", _present(lake, Layer.BILLED, "reimbursements", month))
    charges = lake.read_months(Layer.BILLED, "charges", months)
    stated = pl.format("{}{}", pl.lit(reimbursement_id("")), "cdr_key").is_in(billed.implode())
    return _Due(
        charges.filter(is_billable, is_sound, ~pl.col("charge_id").is_in(billed.implode())).sort("charge_id"),
        home.filter(is_billable, is_sound, ~stated).sort("cdr_key"),
    )


def _present(lake: Lake, layer: Layer, name: str, upto: BillingMonth) -> list[BillingMonth]:
    return [month for month in lake.months(layer, name) if month <= upto]


def _assemble(
    tx: Connection, lake: Lake, books: Books, due: _Due, month: BillingMonth, as_of: datetime
) -> tuple[Document, ...]:
    months = sorted({BillingMonth(day.year, day.month) for day in due.charges["billing_month"]})
    components = lake.read_months(Layer.PRICED, "retail_components", months)
    keys, gross = due.charges["cdr_key"].drop_nulls(), due.charges.filter("is_gross_price_list")["cdr_key"].drop_nulls()
    issue = Issue(
        month=month,
        issued_on=as_of.astimezone(company_zone(books.master)).date(),
        master=books.master,
        rates=books.rates,
        price_lines=price_lines(components.filter(pl.col("cdr_key").is_in(keys.implode())), gross),
    )
    charges, home = rows_of(due.charges, Charge), rows_of(due.reimbursements, Reimbursement)
    try:
        return assemble(charges, home, last_numbers(tx), issue)
    except BillingProblem as problem:
        raise UserError(str(problem)) from None


def _outputs_sha256(documents: Sequence[Document]) -> str:
    """Hash the documents' hashes, in the order of their numbers."""
    lines = sorted(f"{document.document_number} {sha256_of(canonical_json(document))}" for document in documents)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
