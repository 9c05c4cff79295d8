"""Checks of CPO invoices in the register: what was checked, what came of it, and which CDRs stand approved for payment.

An approval carries its amount. A CDR may stand approved in part under one invoice and for its rest under another,
never for more than is owed. Checking an invoice again replaces what its last check approved: what is no longer payable
is released, so that another invoice may name it. What an invoice asks for without anything being payable yet stands as
withheld.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
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
_WITHHELD: Final = "withheld"
"""named by an invoice, and nothing is payable yet; the amount is zero"""
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
    """Give what stands approved of each CDR under each invoice that names it, as `check_lines` wants it."""
    rows = [
        (row.cdr_key, row.invoice_id, Decimal(row.amount) if row.kind == _APPROVED else None, _decimal(row.asked))
        for row in _standing(tx).values()
    ]
    return pl.DataFrame(rows, schema=APPROVED, orient="row").sort("cdr_key", "approved_under")


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
    rows = [row for row in _standing(tx).values() if row.kind == _APPROVED and _is_of(row, cpo_id, invoice_id)]
    changed_at = max((row.happened_at for row in rows), default=last.checked_at)
    amounts = {row.cdr_key: row.amount for row in rows}
    in_part = {line["cdr_key"] for line in json.loads(last.result_json) if _is_partial(line, amounts)}
    standing = sorted(row.cdr_key for row in rows)
    whole = tuple(key for key in standing if key not in in_part)
    return StandingApprovals(last.invoice_id, whole, tuple(key for key in standing if key in in_part), changed_at)


def record_check(tx: sa.Connection, check: InvoiceCheck, result: CheckResult) -> tuple[int, bool]:
    """Append a check with its approvals; give its id, and whether it says anything new.

    The same file with the same result is recorded once, however often it is checked. Two checks at once cannot both
    approve a CDR: the key of approvals refuses the second, and nothing of it is written.
    """
    content, digest = _as_json(result.lines), _digest(result.lines)
    moves = _moves(tx, check, result)
    last = _last_check(tx, check)
    is_known = last is not None and (last.file_sha256, last.result_sha256) == (check.file_sha256, digest)
    if last is not None and is_known and not moves:
        return last.check_id, False
    values = {"result_json": content, "result_sha256": digest}
    facts = {name: getattr(check, name) for name in ("cpo_id", "invoice_id", "file_sha256", "actor", "checked_at")}
    inserted = tx.execute(CPO_INVOICE_CHECKS.insert().values(facts | values)).inserted_primary_key
    check_id = int(inserted[0]) if inserted else 0
    _append(tx, check, check_id, moves)
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


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a CDR comes to under one invoice."""

    invoice_id: str
    kind: str
    amount: str
    currency: str
    asked: str | None


_Move = tuple[str, _Standing]
"""key of a CDR, and how it stands from now on"""


def _moves(tx: sa.Connection, check: InvoiceCheck, result: CheckResult) -> list[_Move]:
    """Give what changes: releases first, because an amount that changes is released and approved anew."""
    rows = _standing(tx).values()
    before = {(row.cdr_key, row.invoice_id.upper()): row for row in rows if row.cpo_id == check.cpo_id}
    after = _wanted(check, result) | _settled(before, result)
    own = check.invoice_id.upper()
    changed = {
        place: row
        for place, row in before.items()
        if (place in after and not _is_same(row, after[place])) or (place not in after and place[1] == own)
    }
    released = [
        (key, _Standing(row.invoice_id, _RELEASED, row.amount, row.currency, row.asked))
        for (key, _), row in changed.items()
    ]
    given = [(place[0], each) for place, each in after.items() if place not in before or place in changed]
    return released + given


def _wanted(check: InvoiceCheck, result: CheckResult) -> dict[tuple[str, str], _Standing]:
    """Give how the CDRs of the invoice stand from now on."""
    frames = ((_APPROVED, result.approved), (_WITHHELD, result.withheld))
    return {
        (row["cdr_key"], check.invoice_id.upper()): _Standing(
            check.invoice_id, kind, str(row["payable_excl_vat"]), row["currency"], _digits(row["asked_excl_vat"])
        )
        for kind, frame in frames
        for row in frame.iter_rows(named=True)
    }


def _settled(before: Mapping[tuple[str, str], sa.Row[Any]], result: CheckResult) -> dict[tuple[str, str], _Standing]:
    """Give how CDRs stand from now on under other invoices, whose credits this one carries."""
    told: dict[tuple[str, str], _Standing] = {}
    for row in result.settled_elsewhere.iter_rows(named=True):
        place = (row["cdr_key"], row["approved_under"].upper())
        amount = row["stands_excl_vat"]
        kind = _APPROVED if amount else _WITHHELD
        told[place] = _Standing(row["approved_under"], kind, str(amount), row["currency"], before[place].asked)
    return told


def _is_same(row: sa.Row[Any], wanted: _Standing) -> bool:
    told = (row.kind, row.amount, row.currency, row.asked)
    return told == (wanted.kind, wanted.amount, wanted.currency, wanted.asked)


def _append(tx: sa.Connection, check: InvoiceCheck, check_id: int, moves: Sequence[_Move]) -> None:
    """Write events of approvals down, numbered by CDR."""
    events = _event_counts(tx)
    common = {"check_id": check_id, "cpo_id": check.cpo_id, "happened_at": check.checked_at}
    rows: list[Mapping[str, object]] = []
    for key, each in moves:
        rows.append(common | {"cdr_key": key, "event_index": events.get(key, 0)} | asdict(each))
        events[key] = events.get(key, 0) + 1
    if rows:
        tx.execute(CPO_INVOICE_APPROVALS.insert(), rows)


def _standing(tx: sa.Connection) -> dict[tuple[str, str, str], sa.Row[Any]]:
    """Give the last event of every CDR under every invoice that names it, but for what was released."""
    order = (CPO_INVOICE_APPROVALS.c.cdr_key, CPO_INVOICE_APPROVALS.c.event_index)
    newest = {
        (row.cdr_key, row.cpo_id, row.invoice_id.upper()): row
        for row in tx.execute(sa.select(CPO_INVOICE_APPROVALS).order_by(*order))
    }
    return {place: row for place, row in newest.items() if row.kind != _RELEASED}


def _event_counts(tx: sa.Connection) -> dict[str, int]:
    key = CPO_INVOICE_APPROVALS.c.cdr_key
    return {row[0]: row[1] for row in tx.execute(sa.select(key, sa.func.count()).group_by(key))}


def _last_check(tx: sa.Connection, check: InvoiceCheck) -> sa.Row[Any] | None:
    return next((row for row in _checks(tx) if _same_invoice(row, check)), None)


def _is_partial(line: Mapping[str, Any], amounts: Mapping[str, str]) -> bool:
    """Tell whether less than the CDR's claim stands approved, beyond what the agreement tolerates."""
    is_matched = line["outcome"] == str(InvoiceLineOutcome.MATCHED)
    return not is_matched and amounts.get(line["cdr_key"]) != line["claimed_excl_vat"]


def _checks(tx: sa.Connection) -> sa.CursorResult[Any]:
    """Give every check, the newest first."""
    return tx.execute(sa.select(CPO_INVOICE_CHECKS).order_by(CPO_INVOICE_CHECKS.c.check_id.desc()))


def _same_invoice(row: sa.Row[Any], check: InvoiceCheck) -> bool:
    return _is_of(row, check.cpo_id, check.invoice_id)


def _is_of(row: sa.Row[Any], cpo_id: str, invoice_id: str) -> bool:
    """Tell whether a row is about the invoice: ids compare without case (CiString)."""
    return bool(row.cpo_id == cpo_id and row.invoice_id.upper() == invoice_id.upper())


_PASSING: Final = ("approved_before_excl_vat", "to_pay_now_excl_vat")


def _digest(lines: pl.DataFrame) -> str:
    """Hash what a check says of the invoice, not what it moved: said again, it moves nothing."""
    moving = [str(word) for word in (InvoiceLineOutcome.NO_LONGER_INVOICED, InvoiceLineOutcome.SETTLED_ELSEWHERE)]
    lasting = lines.filter(~pl.col("outcome").is_in(moving)).drop(_PASSING)
    return hashlib.sha256(_as_json(lasting).encode()).hexdigest()


def _as_json(lines: pl.DataFrame) -> str:
    """Write lines with amounts as texts: their digits are the register's promise."""
    rows: Iterable[dict[str, Any]] = lines.iter_rows(named=True)
    return json.dumps([{name: _text(value) for name, value in row.items()} for row in rows], separators=(",", ":"))


def _text(value: object) -> object:
    return str(value) if isinstance(value, Decimal | date) else value


def _digits(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _read(line: dict[str, Any]) -> dict[str, Any]:
    """Read a line as it was written; what earlier versions did not write down is unknown."""
    read: dict[str, Any] = {}
    for name, dtype in CHECKED.items():
        value = line.get(name)
        if value is not None and isinstance(dtype, pl.Decimal):
            value = Decimal(value)
        elif value is not None and dtype == pl.Date:
            value = date.fromisoformat(value)
        read[name] = value
    return read
