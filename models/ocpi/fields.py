"""Typed access to the fields of one JSON object: every reader returns a value or raises a `RecordProblem`.

What a reader had to do to understand a field (a number written as text, a tenth decimal, an offset) goes to `notes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn, cast

from models.ocpi.problems import RecordProblem
from models.types.money import VOLUME_SCALE, rounded

_INTEGER_DIGITS: Final = 9
"""Digits before the point of a volume, price or claimed amount: Decimal(18, 9) holds no more."""

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""JSON's own grammar (RFC 8259, 6). Decimal would also read `1_5` as 15, digits of any script, and `Infinity`."""

_CLOCK_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})?",
)
_SHOWN: Final = 80
"""Characters of a found value that a message quotes."""
_REMARK_LENGTH: Final = 500
"""Characters of its notes that a remark repeats: a tariff may have hundreds of numbers written as text."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object of a record, with the path that leads to it and the notes of the whole record."""

    record: str
    """what the record is, such as `cdr` or `tariff`"""
    values: Mapping[str, object]
    notes: list[str] = field(default_factory=list[str])
    path: str = ""

    def where(self, name: str) -> str:
        """Give the path of a field inside the record."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Tell whether the field is there and not null; OCPI peers write absent fields as null."""
        return self.values.get(name) is not None

    def fail(self, rule: str, name: str, expected: str) -> NoReturn:
        """Raise the problem of one field, quoting what was found."""
        path = self.where(name)
        found = _quoted(self.values[name]) if name in self.values else "nothing"
        raise RecordProblem(rule, path, f"{self.record} {path}: expected {expected}, found {found}")

    def note(self, name: str, text: str) -> None:
        """Remember what had to be done to understand a field."""
        self.notes.append(f"{self.record} {self.where(name)}: {text}")

    def require(self, name: str, expected: str) -> object:
        """Give a required value of any type."""
        value = self.values.get(name)
        if value is None:
            self.fail("missing_field", name, expected)
        return value

    def text(self, name: str) -> str:
        """Read a required, non-empty string."""
        value = self.require(name, "a text")
        if not isinstance(value, str) or not value.strip():
            self.fail("wrong_type", name, "a text")
        return value

    def maybe_text(self, name: str) -> str | None:
        """Read an optional string; empty is absent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        return self.text(name)

    def decimal(self, name: str, scale: int = VOLUME_SCALE) -> Decimal:
        """Read a required number exactly, to at most `scale` decimals and nine digits before the point."""
        number = self._number(name)
        if not number.is_finite() or (number and number.adjusted() >= _INTEGER_DIGITS):
            self.fail("number_out_of_range", name, f"a number below 10^{_INTEGER_DIGITS}")
        kept = rounded(number, scale)
        if kept != number:
            self.note(name, f"{number} rounded to {scale} decimals")
        return kept

    def maybe_decimal(self, name: str, scale: int = VOLUME_SCALE) -> Decimal | None:
        """Read an optional number; see `decimal`."""
        return self.decimal(name, scale) if self.has(name) else None

    def _number(self, name: str) -> Decimal:
        value = self.require(name, "a number")
        if isinstance(value, bool):
            self.fail("wrong_type", name, "a number")
        if isinstance(value, (int, Decimal)):
            return Decimal(value)
        if not isinstance(value, str):
            self.fail("wrong_type", name, "a number")
        return self._number_in_text(name, value)

    def _number_in_text(self, name: str, text: str) -> Decimal:
        """Read a number that was written as a text, as JSON would have it without the quotation marks."""
        if not _NUMBER.fullmatch(digits := text.strip()):
            self.fail("wrong_type", name, "a number")
        try:
            number = Decimal(digits)
        except InvalidOperation:  # an exponent that no Decimal can hold
            self.fail("number_out_of_range", name, f"a number below 10^{_INTEGER_DIGITS}")
        self.note(name, f"number written as text {_quoted(text)}")
        return number

    def whole(self, name: str) -> int:
        """Read a required whole number that is not negative."""
        number = self.decimal(name)
        if number < 0 or number != number.to_integral_value():
            self.fail("wrong_type", name, "a whole number, zero or more")
        return int(number)

    def maybe_whole(self, name: str) -> int | None:
        """Read an optional whole number; see `whole`."""
        return self.whole(name) if self.has(name) else None

    def flag(self, name: str) -> bool:
        """Read an optional boolean; absent is false, as OCPI says of all its flags."""
        value = self.values.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            self.fail("wrong_type", name, "true or false")
        return value

    def instant(self, name: str) -> datetime:
        """Read a required DateTime as UTC; without a zone it is UTC (OCPI types, DateTime)."""
        found = _DATE_TIME.fullmatch(self.text(name))
        if found is None:
            self.fail("bad_date", name, "a date and time such as 2026-10-01T12:00:00Z")
        day, clock, fraction, zone = found.groups()
        if zone not in {None, "Z", "z"}:
            self.note(name, f"offset {zone} turned into UTC")
        text = f"{day}T{clock}.{(fraction or '').ljust(6, '0')[:6]}{zone or 'Z'}"
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("bad_date", name, "a date and time that exists")

    def maybe_instant(self, name: str) -> datetime | None:
        """Read an optional DateTime; see `instant`."""
        return self.instant(name) if self.has(name) else None

    def maybe_day(self, name: str) -> date | None:
        """Read an optional local date such as 2026-10-01."""
        if not self.has(name):
            return None
        text = self.text(name)
        if not _DATE.fullmatch(text):
            self.fail("bad_date", name, "a date such as 2026-10-01")
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.fail("bad_date", name, "a date that exists")

    def maybe_clock_time(self, name: str) -> time | None:
        """Read an optional local time such as 17:30."""
        if not self.has(name):
            return None
        text = self.text(name)
        if not _CLOCK_TIME.fullmatch(text):
            self.fail("bad_date", name, "a time such as 17:30")
        return time.fromisoformat(text)

    def child(self, name: str) -> Fields:
        """Give a required object."""
        value = self.require(name, "an object")
        if not isinstance(value, Mapping):
            self.fail("wrong_type", name, "an object")
        return self._below(cast("Mapping[str, object]", value), self.where(name))

    def maybe_child(self, name: str) -> Fields | None:
        """Give an optional object."""
        return self.child(name) if self.has(name) else None

    def children(self, name: str) -> tuple[Fields, ...]:
        """Give an optional list of objects; absent is empty."""
        return tuple(self._listed(name, index, item) for index, item in enumerate(self.items(name)))

    def some_children(self, name: str) -> tuple[Fields, ...]:
        """Give a required list of at least one object."""
        self.require(name, "a list")
        if not self.items(name):
            self.fail("empty_list", name, "a list of at least one")
        return self.children(name)

    def items(self, name: str) -> Sequence[object]:
        """Give an optional list of anything; absent is empty."""
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.fail("wrong_type", name, "a list")
        return cast("list[object]", value)

    def _listed(self, name: str, index: int, item: object) -> Fields:
        path = f"{self.where(name)}[{index}]"
        if not isinstance(item, Mapping):
            message = f"{self.record} {path}: expected an object, found {_quoted(item)}"
            raise RecordProblem(rule="wrong_type", field=path, message=message)
        return self._below(cast("Mapping[str, object]", item), path)

    def _below(self, values: Mapping[str, object], path: str) -> Fields:
        return Fields(self.record, values, self.notes, path)


def remark_of(notes: Sequence[str]) -> str | None:
    """Put the notes of a record, each once, into one text of bounded length; None where there are none."""
    distinct = list(dict.fromkeys(notes))
    text = "; ".join(distinct)
    if len(text) > _REMARK_LENGTH:
        return f"{text[:_REMARK_LENGTH]}... ({len(distinct)} notes in all)"
    return text or None


def _quoted(value: object) -> str:
    try:
        shown = str(value) if isinstance(value, Decimal) else repr(value)
    except RecursionError:
        return "something nested beyond all reason"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
