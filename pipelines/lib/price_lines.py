"""Priced JSON lines: one line is a CDR with its tariffs, one answer is its price or the reason why there is none.

A line is `{"id", "ocpi_version", "timezone", "tariffs": [...], "cdr": {...}}`, optionally with `"reservation_expired"`
and with `"policy"`, its own choices on contested points as `name=value;name=value`. Lines are priced by the kernel
together; a bad line is an answer with an `error` and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from models.ocpi.canonical import Cdr, Tariff
from models.ocpi.exact_json import decode_json
from models.ocpi.fields import Fields
from models.ocpi.frames import period_frame, period_rows, tariff_frames, tariff_version_id
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import noted_tariff, parse_cdr
from models.rating.kernel import rate
from models.rating.policy import DEFAULT_POLICY, AbsentVat, Policy, PolicyError, TariffPrecedence, read_choices
from models.types.identifiers import party_id
from models.types.vocabularies import RatingOutcome, TariffSource

Row = dict[str, object]

_BLANK: Final = "\ufeff \t\r\n"
"""What a line without content may have: a byte order mark counts as none."""

_NO_CHOICES: Final[Mapping[str, str]] = {}

_NOBODY: Final = party_id("XX", "XXX")
"""Whose a CDR or tariff is that does not say so; a price does not depend on it."""

_NOT_PRICED_BY: Final[dict[str, object]] = {"id": "CDR", "total_energy": 0, "total_time": 0}
"""Required fields of a CDR that a price is not computed from, for lines that leave them out."""

_NOTHING_CLAIMED: Final = {"2.1.1": 0, "2.2.1": {"excl_vat": 0}, "2.3.0": {"before_taxes": 0}}
"""the like for `total_cost`, as a version writes it: in another shape it would be noted"""

_RECEIVED_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH: Final = date(1970, 1, 1)
_SESSION_SCHEMA: Final = {
    "cdr_key": pl.String(),
    "started_at": pl.Datetime("us", "UTC"),
    "ended_at": pl.Datetime("us", "UTC"),
    "time_zone": pl.String(),
    "currency": pl.String(),
    "tariff_version_ids": pl.List(pl.String()),
    "billing_month": pl.Date(),
    "reservation_expired": pl.Boolean(),
    "is_credit": pl.Boolean(),
    "has_unordered_periods": pl.Boolean(),
    "has_unknown_dimensions": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A line that could be read."""

    number: int
    """of the line in its file, from 1"""
    line_id: str
    cdr: Cdr
    tariffs: tuple[Tariff, ...]
    time_zone: str | None
    reservation_expired: bool
    policy: Policy
    notes: tuple[str, ...]
    """what the readers of CDR and tariffs had to do to understand them"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said about a line: its priced row and component rows, or an error."""

    number: int
    """of the line in its file, from 1"""
    line_id: str | None
    line: PriceLine | None
    error: str | None = None
    cdr: Row | None = None
    """also beside an error where the line could be read: it may bound the price (`price_low_*`, `price_high_*`)"""
    components: tuple[Row, ...] = ()


def price_lines(texts: Iterable[str | bytes], choices: Mapping[str, str] = _NO_CHOICES, first: int = 1) -> list[Answer]:
    """Answer every line, in order; empty lines are skipped.

    Args:
        texts: lines as text, or as bytes of which only those of one line are refused where they are not UTF-8.
        choices: policies by name, for lines that do not choose themselves.
        first: the number of the first line in its file.

    Raises:
        PolicyError: when `choices` names a policy that does not exist.
    """
    _ = DEFAULT_POLICY.choosing(choices)
    read = [_read(number, text, choices) for number, text in enumerate(texts, start=first) if not _is_empty(text)]
    priced: dict[int, Answer] = {}
    lines = {place: line for place, line in enumerate(read) if isinstance(line, PriceLine)}
    for policy in sorted({line.policy for line in lines.values()}, key=str):
        priced |= _price({place: line for place, line in lines.items() if line.policy == policy}, policy)
    return [line if isinstance(line, Answer) else priced[place] for place, line in enumerate(read)]


def policy_of(version: str) -> Policy:
    """Give the policy of an OCPI version: 2.1.1 knows no VAT, later an absent rate says that none applies."""
    return Policy(absent_vat=AbsentVat.UNKNOWN if version == "2.1.1" else AbsentVat.NOT_APPLICABLE)


def _is_empty(text: str | bytes) -> bool:
    return not (text.strip(_BLANK) if isinstance(text, str) else text.strip(_BLANK.encode()))


def _read(number: int, text: str | bytes, choices: Mapping[str, str]) -> PriceLine | Answer:
    line_id: str | None = None
    try:
        line = decode_json(_decoded(text).lstrip("\ufeff"))
        if not isinstance(line, Mapping):
            return Answer(number, None, None, f"line {number}: expected an object, found {type(line).__name__}")
        fields = Fields("line", cast("Mapping[str, object]", line))
        line_id = fields.text("id")
        return _line(number, line_id, fields, choices)
    except RecordProblem as problem:
        return Answer(number, line_id, None, problem.message if line_id else f"line {number}: {problem.message}")
    except PolicyError as problem:
        return Answer(number, line_id, None, f"policy: {problem}")


def _decoded(text: str | bytes) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as error:
        message = f"expected UTF-8, found byte 0x{error.object[error.start]:02x} at place {error.start + 1}"
        raise RecordProblem(rule="not_json", field="", message=message) from None


def _line(number: int, line_id: str, fields: Fields, choices: Mapping[str, str]) -> PriceLine:
    version = fields.text("ocpi_version")
    policy = policy_of(version).choosing({**choices, **read_choices(fields.maybe_text("policy") or "")})
    unsaid = _NOT_PRICED_BY | {"total_cost": _NOTHING_CLAIMED.get(version)}
    cdr = parse_cdr(unsaid | dict(fields.child("cdr").values), version, owner_id=_NOBODY)
    listed = [noted_tariff(tariff.values, version, owner_id=_NOBODY) for tariff in fields.children("tariffs")]
    tariffs = tuple(tariff for tariff, _ in listed)
    own_first = policy.tariff_precedence is TariffPrecedence.CDR_FIRST
    return PriceLine(
        number=number,
        line_id=line_id,
        cdr=cdr,
        tariffs=(cdr.tariffs or tariffs) if own_first else (tariffs or cdr.tariffs),
        time_zone=_time_zone(fields),
        reservation_expired=fields.flag("reservation_expired"),
        policy=policy,
        notes=(*cdr.notes, *(note for _, notes in listed for note in notes)),
    )


def _time_zone(fields: Fields) -> str | None:
    name = fields.maybe_text("timezone")
    if name is not None and not _exists(name):
        fields.fail("unknown_time_zone", "timezone", "an IANA time zone such as Europe/Berlin")
    return name


@cache
def _exists(zone: str) -> bool:
    try:
        _ = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _price(lines: Mapping[int, PriceLine], policy: Policy) -> dict[int, Answer]:
    """Price lines by the kernel; the place of a line is its key."""
    periods = [row | {"cdr_key": str(place)} for place, line in lines.items() for row in period_rows(line.cdr, _MONTH)]
    versions, components = tariff_frames(
        (tariff, TariffSource.CDR, _RECEIVED_AT) for line in lines.values() for tariff in line.tariffs
    )
    rated = rate(_sessions(lines), period_frame(periods), versions, components, policy)
    rows: dict[str, list[Row]] = {}
    for row in rated.components.iter_rows(named=True):
        rows.setdefault(row["cdr_key"], []).append(row)
    return {
        place: _answer(line, cdr, rows.get(str(place), ()))
        for (place, line), cdr in zip(lines.items(), rated.cdrs.iter_rows(named=True), strict=True)
    }


def _sessions(lines: Mapping[int, PriceLine]) -> pl.DataFrame:
    rows = [
        {
            "cdr_key": str(place),
            "started_at": line.cdr.started_at,
            "ended_at": line.cdr.ended_at,
            "time_zone": line.time_zone,
            "currency": line.cdr.currency,
            "tariff_version_ids": [tariff_version_id(tariff) for tariff in line.tariffs],
            "billing_month": _MONTH,
            "reservation_expired": line.reservation_expired,
            "is_credit": line.cdr.is_credit,
            "has_unordered_periods": line.cdr.has_unordered_periods,
            "has_unknown_dimensions": line.cdr.has_unknown_dimensions,
        }
        for place, line in lines.items()
    ]
    return pl.DataFrame(rows, schema=_SESSION_SCHEMA)


def _answer(line: PriceLine, cdr: Row, rows: Sequence[Row]) -> Answer:
    if cdr["outcome"] != RatingOutcome.PRICED:
        return Answer(line.number, line.line_id, line, str(cdr["reason"]), cdr)
    return Answer(line.number, line.line_id, line, None, cdr, tuple(rows))


def as_json(answer: Answer) -> Row:
    """Give an answer in the form that scripts read: decimal strings, unrounded, null where unknown."""
    if answer.cdr is None or answer.line is None:
        return {"id": answer.line_id, "error": answer.error}
    cdr = answer.cdr
    if answer.error is not None:
        return {"id": answer.line_id, "error": answer.error, **_interval(cdr)}
    return {
        "id": answer.line_id,
        "currency": cdr["currency"],
        "total_cost": _cost(cdr, "total"),
        "total_energy_cost": _cost(cdr, "energy"),
        "total_time_cost": _cost(cdr, "time"),
        "total_parking_cost": _cost(cdr, "parking"),
        "total_fixed_cost": _cost(cdr, "fixed"),
        "total_reservation_cost": _cost(cdr, "reservation"),
        "billed_energy": plain(cdr["billed_energy_kwh"]),
        "billed_time": plain(cdr["billed_charging_hours"]),
        "billed_parking_time": plain(cdr["billed_parking_hours"]),
        "notes": [*answer.line.notes, *cast("list[str]", cdr["notes"])],
        **_interval(cdr),
    }


def _interval(cdr: Row) -> Row:
    """Give the bounds of an open price, where there are any; that a price is open is said by its notes."""
    ends = {end: _cost(cdr, end) for end in ("price_low", "price_high")}
    return dict(ends) if any(amount is not None for cost in ends.values() for amount in cost.values()) else {}


def _cost(cdr: Row, part: str) -> Row:
    return {"excl_vat": plain(cdr[f"{part}_excl_vat"]), "incl_vat": plain(cdr[f"{part}_incl_vat"])}


def plain(number: object) -> str | None:
    """Write a Decimal without exponent and without trailing zeros; null stays null."""
    if not isinstance(number, Decimal):
        return None
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
