"""Checks of CPO invoices in the register: what was checked, what came of it, and which CDRs stand approved for payment.

A CDR stands approved under one invoice at most. Checking an invoice again replaces what its last check approved: what
is no longer payable is released, so that another invoice may name it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import polars as pl
import sqlalchemy as sa

from models.reconciliation.cpo_invoices.check import APPROVED, CHECKED
from models.reconciliation.cpo_invoices.totals import CheckResult
from models.schemas.registry import Layer, table
from models.types.vocabularies import InvoiceLineOutcome
from pipelines.lib.register.tables import CPO_INVOICE_APPROVALS, CPO_INVOICE_CHECKS

_APPROVED: Final = "approved"
_RELEASED: Final = "released"


@dataclass(frozen=True, slots=True)
class InvoiceCheck:
    """What was checked, by whom and when."""

    cpo_id: str
    invoice_id: str
    file_sha256: str
    actor: str
    checked_at: datetime


def approved_cdrs(tx: sa.Connection) -> pl.DataFrame:
    """Give the CDRs that stand approved and the invoice of each, as `check_lines` wants them."""
    rows = [(row.cdr_key, row.invoice_id) for row in _standing(tx).values()]
    return pl.DataFrame(rows, schema=APPROVED, orient="row").sort("cdr_key")


@dataclass(frozen=True, slots=True)
class StandingApprovals:
    """What stands approved under one invoice."""

    invoice_id: str
    """as its last check spelled it"""
    cdr_keys: tuple[str, ...]
    """of CDRs that are payable as a whole, sorted"""
    partial_keys: tuple[str, ...]
    """of CDRs of which only a part is payable, sorted"""
    changed_at: datetime
    """when the newest of them was approved; when the invoice was last checked, where none stands"""


def approved_under(tx: sa.Connection, cpo_id: str, invoice_id: str) -> StandingApprovals | None:
    """Give what stands approved under an invoice; None where it was never checked. Ids compare without case."""
    last = next((row for row in _checks(tx) if _is_of(row, cpo_id, invoice_id)), None)
    if last is None:
        return None
    rows = [row for row in _standing(tx).values() if _is_of(row, cpo_id, invoice_id)]
    changed_at = max((row.happened_at for row in rows), default=last.checked_at)
    in_part = {line["cdr_key"] for line in json.loads(last.result_json) if _is_partial(line)}
    standing = sorted(row.cdr_key for row in rows)
    whole = tuple(key for key in standing if key not in in_part)
    return StandingApprovals(last.invoice_id, whole, tuple(key for key in standing if key in in_part), changed_at)


def record_check(tx: sa.Connection, check: InvoiceCheck, result: CheckResult) -> tuple[int, bool]:
    """Append a check with its approvals; give its id, and whether it says anything new.

    The same file with the same result is recorded once, however often it is checked. Two checks at once cannot both
    approve a CDR: the key of approvals refuses the second, and nothing of it is written.
    """
    content = _as_json(result.lines)
    digest = hashlib.sha256(content.encode()).hexdigest()
    last = _last_check(tx, check)
    if last is not None and (last.file_sha256, last.result_sha256) == (check.file_sha256, digest):
        return last.check_id, False
    values = {"result_json": content, "result_sha256": digest}
    facts = {name: getattr(check, name) for name in ("cpo_id", "invoice_id", "file_sha256", "actor", "checked_at")}
    inserted = tx.execute(CPO_INVOICE_CHECKS.insert().values(facts | values)).inserted_primary_key
    check_id = int(inserted[0]) if inserted else 0
    _move_approvals(tx, check, check_id, result.approved)
    return check_id, True


def export_checks(tx: sa.Connection) -> pl.DataFrame:
    """Give every line of every check as the table `ledger/cpo_invoice_checks`, sorted by check and line."""
    schema = table(Layer.LEDGER, "cpo_invoice_checks").schema
    rows: list[dict[str, Any]] = []
    for check in tx.execute(sa.select(CPO_INVOICE_CHECKS).order_by(CPO_INVOICE_CHECKS.c.check_id)):
        facts = {name: getattr(check, name) for name in schema if name not in CHECKED and name != "line_index"}
        lines = json.loads(check.result_json)
        rows += [facts | {"line_index": index} | _read(line) for index, line in enumerate(lines)]
    columns = {name: [row[name] for row in rows] for name in schema}
    return pl.DataFrame(columns, schema=schema)


def _move_approvals(tx: sa.Connection, check: InvoiceCheck, check_id: int, approved: pl.DataFrame) -> None:
    standing, events = _standing(tx), _event_counts(tx)
    wanted = {row["cdr_key"]: row for row in approved.iter_rows(named=True)}
    own = {key: row for key, row in standing.items() if _same_invoice(row, check)}
    released = [
        (key, {"amount": row.amount, "currency": row.currency, "kind": _RELEASED})
        for key, row in own.items()
        if key not in wanted or row.amount != str(wanted[key]["payable_excl_vat"])
    ]
    gone = {key for key, _ in released}
    given = [
        (key, {"amount": str(row["payable_excl_vat"]), "currency": row["currency"], "kind": _APPROVED})
        for key, row in wanted.items()
        if key not in own or key in gone
    ]
    common = {"check_id": check_id, "cpo_id": check.cpo_id, "invoice_id": check.invoice_id}
    rows: list[Mapping[str, object]] = []
    for key, facts in (*released, *given):
        place = {"cdr_key": key, "event_index": events.get(key, 0), "happened_at": check.checked_at}
        events[key] = events.get(key, 0) + 1
        rows.append(common | place | facts)
    if rows:
        tx.execute(CPO_INVOICE_APPROVALS.insert(), rows)


def _standing(tx: sa.Connection) -> dict[str, sa.Row[Any]]:
    """Give the last event of every CDR that stands approved."""
    order = (CPO_INVOICE_APPROVALS.c.cdr_key, CPO_INVOICE_APPROVALS.c.event_index)
    newest = {row.cdr_key: row for row in tx.execute(sa.select(CPO_INVOICE_APPROVALS).order_by(*order))}
    return {key: row for key, row in newest.items() if row.kind == _APPROVED}


def _event_counts(tx: sa.Connection) -> dict[str, int]:
    key = CPO_INVOICE_APPROVALS.c.cdr_key
    return {row[0]: row[1] for row in tx.execute(sa.select(key, sa.func.count()).group_by(key))}


def _last_check(tx: sa.Connection, check: InvoiceCheck) -> sa.Row[Any] | None:
    return next((row for row in _checks(tx) if _same_invoice(row, check)), None)


def _is_partial(line: Mapping[str, Any]) -> bool:
    """Tell whether less than the CDR's claim is payable, beyond what the agreement tolerates."""
    is_matched = line["outcome"] == str(InvoiceLineOutcome.MATCHED)
    return not is_matched and line["payable_excl_vat"] != line["claimed_excl_vat"]


def _checks(tx: sa.Connection) -> sa.CursorResult[Any]:
    """Give every check, the newest first."""
    return tx.execute(sa.select(CPO_INVOICE_CHECKS).order_by(CPO_INVOICE_CHECKS.c.check_id.desc()))


def _same_invoice(row: sa.Row[Any], check: InvoiceCheck) -> bool:
    return _is_of(row, check.cpo_id, check.invoice_id)


def _is_of(row: sa.Row[Any], cpo_id: str, invoice_id: str) -> bool:
    """Tell whether a row is about the invoice: ids compare without case (CiString)."""
    return bool(row.cpo_id == cpo_id and row.invoice_id.upper() == invoice_id.upper())


def _as_json(lines: pl.DataFrame) -> str:
    """Write lines with amounts as texts: their digits are the register's promise."""
    rows: Iterable[dict[str, Any]] = lines.iter_rows(named=True)
    return json.dumps([{name: _text(value) for name, value in row.items()} for row in rows], separators=(",", ":"))


def _text(value: object) -> object:
    return str(value) if isinstance(value, Decimal | date) else value


def _read(line: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, dtype in CHECKED.items():
        value = line[name]
        if value is not None and isinstance(dtype, pl.Decimal):
            value = Decimal(value)
        elif value is not None and dtype == pl.Date:
            value = date.fromisoformat(value)
        read[name] = value
    return read
