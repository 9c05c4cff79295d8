"""Answers of `pipelines.lib.price_lines` as finished sentences: for each cent where it comes from, and why.

Texts of others (ids, errors) lose their control characters here, so that neither a terminal nor a page obeys them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.frames import tariff_frames, tariff_version_id
from models.rating.outcome import Note
from models.rating.policy import DEFAULT_POLICY, read_choices
from models.types.vocabularies import ComponentKind, Dimension, TariffSource
from pipelines.lib.explanation_timelines import timeline
from pipelines.lib.price_lines import Answer, PriceLine, Row, plain
from pipelines.lib.quotes.wording import restriction_words
from reports.explanation import ExplainedLine, ExplainedRow, PolicyChoice

_DIGITS: Final = 100
"""Of a sum of amounts: more than any sum has, so that none is rounded."""

_RECEIVED_AT: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final[Mapping[object, str]] = {Dimension.ENERGY: "kWh", Dimension.TIME: "h", Dimension.PARKING_TIME: "h"}

_SESSION_KINDS: Final[Mapping[object, str]] = {
    ComponentKind.LIMIT: "min_price or max_price",
    ComponentKind.ROUNDING: "rounding to the minor unit",
    ComponentKind.CREDIT: "credit: taken back from the original",
}

NOTE_SENTENCES: Final[Mapping[str, str]] = {
    Note.CREDIT: "This is a credit CDR: its total is negative. Set it against the CDR that it credits.",
    Note.PERIODS_OUT_OF_ORDER: "The charging periods were not in order of time. They were sorted; tell the CPO.",
    Note.UNKNOWN_DIMENSION: "A charging period has a dimension unknown to OCPI. It was not priced; ask the CPO.",
    Note.PERIOD_OUTSIDE_SESSION: "A charging period starts outside the session. Ask the CPO which time is right.",
    Note.START_NOT_COVERED: "The first charging period starts after the session. Ask the CPO what happened before it.",
    Note.MISSING_ZONE: "The tariff has local times and the time zone of the location is unknown. Give its time zone.",
    Note.PERIOD_SPANS_PRICE_CHANGE: (
        "A price changes inside a charging period, which was priced as it began. Ask the CPO to cut periods there."
    ),
    Note.AMBIGUOUS_HOUR: (
        "The clocks were set back and the price depends on which of two equal hours is meant. Ask the CPO."
    ),
    Note.NOTHING_PRICED: "No component of any tariff applied, so the session is free. Check the tariff's restrictions.",
    Note.MISSING_COMPONENT: (
        "The session charged and its tariffs have no price for energy, charging time or FLAT. Check the tariff."
    ),
    Note.UNPRICED_VOLUME: "Part of a volume met no restriction and is free. Check whether the tariff means that.",
    Note.TARIFF_OUTSIDE_VALIDITY: (
        "A charging period names a tariff that was not valid at the session's start; it was used. Ask the CPO."
    ),
    Note.SEVERAL_TARIFFS: "Several tariffs priced the session. See each row for its own; nothing needs to be done.",
    Note.LIMITS_NOT_APPLIED: (
        "Several tariffs priced the session, so min_price and max_price were not applied. "
        "The policy limits_of_several_tariffs decides that."
    ),
    Note.LIMIT_ON_ONE_SIDE: (
        "A limit moved only one of the amounts without and with VAT. Check that the tariff's limits fit its VAT."
    ),
    Note.VAT_UNKNOWN: "A component has no VAT rate, so a total is unknown. Ask the CPO, or choose absent_vat.",
}
"""What every note means and what to do about it."""


def readable(text: object) -> str:
    r"""Write what cannot be printed as an escape such as \x1b: a terminal would obey it, a reader would not see it."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in str(text))


def explained(answer: Answer) -> ExplainedLine:
    """Tell an answer; one with an error tells the error, and its bounds where the price has any."""
    name, error = readable("(no id)" if answer.line_id is None else answer.line_id), readable(answer.error or "")
    line, cdr = answer.line, answer.cdr
    if line is None or cdr is None:
        return ExplainedLine(name, "", "", "", error)
    currency = readable(cdr["currency"] or line.cdr.currency)
    told = [readable(note) for note in line.notes]
    listed = cdr["notes"] if isinstance(cdr["notes"], list) else []
    return ExplainedLine(
        line_id=name,
        session=_session(line),
        tariffs="; ".join(_tariff_names(line).values()),
        currency=currency,
        error=error,
        rows=() if error else tuple(_rows(answer, line)),
        total_excl_vat=_amount(cdr["total_excl_vat"]),
        total_incl_vat=_amount(cdr["total_incl_vat"]),
        proof=() if error else tuple(_proof(answer, cdr)),
        interval=tuple(_interval(cdr, currency)),
        notes=(*told, *(NOTE_SENTENCES.get(str(note), readable(note)) for note in listed)),
        policies=tuple(_policies(str(cdr["policy"]))),
        timeline=timeline(line, answer.components),
    )


def _rows(answer: Answer, line: PriceLine) -> Iterator[ExplainedRow]:
    names, components = _tariff_names(line), _components(line)
    starts = sorted(period.started_at for period in line.cdr.periods)
    for row in answer.components:
        version, element, component = row["tariff_version_id"], row["element_index"], row["component_index"]
        found = components.get((version, element, component))
        index = row["period_index"]
        yield ExplainedRow(
            what=_what(row),
            period=f"{starts[index].astimezone(_zone(line)):%a %H:%M:%S}" if isinstance(index, int) else "",
            tariff=names.get(str(version), readable(version)),
            place="" if element is None else f"{element}.{component}",
            applies=restriction_words(found) if found else "",
            volume=plain(row["volume"]) or "",
            billed_volume=plain(row["billed_volume"]) or "",
            unit=_UNITS.get(row["dimension"], ""),
            unit_price=plain(row["unit_price"]) or "",
            vat=_percent(row["vat_rate_pct"]),
            excl_vat=_amount(row["amount_excl_vat"]),
            incl_vat=_amount(row["amount_incl_vat"]),
        )


def _components(line: PriceLine) -> dict[tuple[object, object, object], Row]:
    """Give the rows of `typed/tariff_components` of a line by version, element and component."""
    _, frame = tariff_frames((tariff, TariffSource.CDR, _RECEIVED_AT) for tariff in line.tariffs)
    rows = frame.iter_rows(named=True)
    return {(row["tariff_version_id"], row["element_index"], row["component_index"]): row for row in rows}


def _tariff_names(line: PriceLine) -> dict[str, str]:
    versions = {tariff_version_id(tariff): tariff.tariff_id for tariff in line.tariffs}
    return {version: f"tariff {readable(name)}, version {version}" for version, name in versions.items()}


def _what(row: Row) -> str:
    if row["kind"] in _SESSION_KINDS:
        return _SESSION_KINDS[row["kind"]]
    scope = "reservation " if row["is_reservation"] else ""
    step = " (step_size)" if row["kind"] == ComponentKind.STEP else ""
    return f"{scope}{row['dimension']}{step}"


def _zone(line: PriceLine) -> ZoneInfo:
    return ZoneInfo(line.time_zone or "UTC")


def _session(line: PriceLine) -> str:
    start, end = (instant.astimezone(_zone(line)) for instant in (line.cdr.started_at, line.cdr.ended_at))
    zone = line.time_zone or "UTC, as the time zone is unknown"
    return f"{start:%a %Y-%m-%d %H:%M:%S} to {end:%a %Y-%m-%d %H:%M:%S}, {zone}"


def _amount(amount: object) -> str:
    return plain(amount) or "unknown"


def _percent(rate: object) -> str:
    return f"{plain(rate)} %" if isinstance(rate, Decimal) else ""


def _proof(answer: Answer, cdr: Row) -> Iterator[str]:
    """Sum the rows exactly and compare with the totals of the CDR's row."""
    for side in ("excl_vat", "incl_vat"):
        words, total = f"{side[:4]}. VAT", cdr[f"total_{side}"]
        amounts = [row[f"amount_{side}"] for row in answer.components]
        known = [amount for amount in amounts if isinstance(amount, Decimal)]
        if not isinstance(total, Decimal) or len(known) < len(amounts):
            yield f"The total {words} is unknown: the rows leave it open."
            continue
        with localcontext(prec=_DIGITS):
            found = sum(known, Decimal(0))
        verdict = "exactly the total" if found == total else f"but the total is {plain(total)}: please report this"
        yield f"The rows sum to {plain(found)} {words}, {verdict}."


def _interval(cdr: Row, currency: str) -> Iterator[str]:
    for side in ("excl_vat", "incl_vat"):
        low, high = plain(cdr[f"price_low_{side}"]), plain(cdr[f"price_high_{side}"])
        if low is None and high is None:
            continue
        if low == high:
            yield f"The CDR leaves something open, and all that it allows comes to {low} {currency} {side[:4]}. VAT."
        else:
            ends = f"{low or 'unknown'} and {high or 'unknown'} {currency} {side[:4]}. VAT"
            yield f"The CDR leaves the price open: it lies between {ends}."


def _policies(text: str) -> Iterator[PolicyChoice]:
    defaults = read_choices(str(DEFAULT_POLICY))
    for name, value in read_choices(text).items():
        yield PolicyChoice(name, value, is_default=defaults[name] == value)
