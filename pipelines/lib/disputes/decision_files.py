"""Many decisions from a CSV, with the columns `case_id, decision` and, where wanted, `amount, reason, at`.

A line that cannot be read is refused for itself; the others are ruled on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from models.types.money import written_number
from pipelines.lib.disputes.decisions import DECISIONS, Decision
from pipelines.lib.errors import UserError

_NEEDED: Final = ("case_id", "decision")
_COLUMNS: Final = (*_NEEDED, "amount", "reason", "at")
_MOST_BYTES: Final = 64 * 1024 * 1024
_TOO_MUCH: Final = 10**15
"""what no amount of the register reaches"""
_WORDS: Final = {str(kind): kind for kind in DECISIONS}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no decision."""

    line: int | None
    case_id: str
    problem: str


def read_decisions(path: Path, actor: str) -> tuple[list[Decision], list[BadLine]]:
    """Read the decisions of a file in their order, and the lines that are none.

    Raises:
        UserError: where the file cannot be read as such a table; nothing of it is applied then.
    """
    reader = csv.DictReader(io.StringIO(_text(path)), strict=True)
    decisions: list[Decision] = []
    bad: list[BadLine] = []
    try:
        reader.fieldnames = _columns(path, reader.fieldnames or ())
        for row in reader:
            read = _decision(row, reader.line_num, actor)
            decisions.append(read) if isinstance(read, Decision) else bad.append(read)
    except csv.Error as error:
        msg = f"{path} line {reader.line_num}: {error}: nothing was applied"
        raise UserError(msg) from None
    return decisions, bad


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror})"
        raise UserError(msg) from None
    if len(content) > _MOST_BYTES:
        msg = f"{path} has more than {_MOST_BYTES:,} bytes: split it"
        raise UserError(msg)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = f"{path} is not UTF-8: save it as CSV UTF-8"
        raise UserError(msg) from None


def _columns(path: Path, names: Sequence[str]) -> list[str]:
    """Give the columns without the spaces around them: an amount that is not found would count as all of it."""
    present = [name.strip() for name in names]
    missing = [name for name in _NEEDED if name not in present]
    unknown = [name for name in present if name not in _COLUMNS]
    twice = [name for name in _COLUMNS if present.count(name) > 1]
    faults = {"lacks": missing, "has unknown columns": unknown, "has more than one column": twice}
    for what, found in faults.items():
        if found:
            msg = f"{path} {what} {', '.join(found)}: its columns are {', '.join(_COLUMNS)}, separated by commas"
            raise UserError(msg)
    return present


def _decision(row: Mapping[str | None, object], line: int, actor: str) -> Decision | BadLine:
    cells = {name: str(row.get(name) or "").strip() for name in _COLUMNS}
    if None in row:
        problem = "has more cells than columns: put a reason with commas into quotes"
        return BadLine(line, cells["case_id"].upper(), problem)
    return read_one(cells, actor, line)


def read_one(cells: Mapping[str, str], actor: str, line: int | None = None) -> Decision | BadLine:
    """Read one decision from its cells, named as the columns are; case and state of ids do not matter."""
    case_id, word = cells["case_id"].strip().upper(), cells["decision"].strip().lower().replace(" ", "_")
    if word not in _WORDS:
        return BadLine(line, case_id, f"decision {cells['decision']!r} is none of {', '.join(_WORDS)}")
    try:
        amount = _amount(cells["amount"])
        happened = instant(cells["at"]) if cells["at"] else None
    except ValueError as error:
        return BadLine(line, case_id, str(error))
    return Decision(case_id, _WORDS[word], actor, cells["reason"], amount, happened, line)


def _amount(text: str) -> Decimal | None:
    msg = f"amount {text!r} is no number above zero such as 12.50"
    try:
        amount = written_number(text) if text else None
    except ValueError:
        raise ValueError(msg) from None
    if amount is not None and not 0 < amount < _TOO_MUCH:
        raise ValueError(msg)
    return amount


def instant(text: str) -> datetime:
    """Read an ISO 8601 day or instant; without an offset it is UTC.

    Raises:
        ValueError: where it is none.
    """
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"at {text!r} is no instant such as 2026-11-05 or 2026-11-05T14:30:00Z"
        raise ValueError(msg) from None
