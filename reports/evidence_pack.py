"""An evidence pack as one HTML page, ready for `reports.pdf`: in the stylesheet of the invoices, in English.

Every figure is a field of the pack. Texts of others pass `reports.plain_text.shown`, all of them: it is the finalizer
of the templates, so that no place can forget it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import format_decimal
from jinja2 import Environment

from models.rating.policy import DEFAULT_POLICY, read_choices
from models.reconciliation.packs.found import Finding
from models.reconciliation.packs.pack import Claim, EvidencePack, Received
from reports.environment import templates
from reports.evidence_charts import power_chart, travel_chart
from reports.evidence_words import MATCHES, PARTS, cause_words, headline, severity_words, status_words
from reports.logos import logo_for
from reports.plain_text import Prose, Verbatim, clipped, shown

VERSION: Final = "v1"
MOST_ROWS: Final = 200
"""of one table on a page; the JSON beside it has them all"""
MOST_BYTES: Final = 12_000
"""characters of the raw record on a page; the JSON beside it has them all"""
SHORT: Final = 40
"""characters of a label in a drawing"""
TRAVEL_RULES: Final = frozenset({"R15", "R16"})
"""rules whose findings are drawn as distance over time"""

Item = TypeVar("Item")
_LOCALE: Final = "en"


@dataclass(frozen=True, slots=True)
class PackContext:
    """What stands beside a pack's content."""

    content_sha256: str
    """of the JSON pack with the same content"""
    json_name: str
    """the name of that file"""


def evidence_html(pack: EvidencePack, context: PackContext) -> str:
    """Give the pack as one HTML page; its links are relative to this package."""
    template = _environment().get_template(f"evidence_pack/{VERSION}/document.html.j2")
    sender = pack.sender
    return template.render(
        pack=pack,
        context=context,
        logo=None if sender is None else logo_for(sender.name),
        decisive=[finding for finding in pack.findings if finding.is_decisive],
        further=[finding for finding in pack.findings if not finding.is_decisive],
        agreed_choices=agreed_choices(pack.recomputation.policy),
        chart=power_chart(pack.power),
        written_at=newest_instant(pack),
    )


def newest_instant(pack: EvidencePack) -> datetime:
    """Give the newest instant that the pack tells of: its date, because the same pack must give the same bytes."""
    return max([pack.received.received_at, *(event.happened_at for event in pack.events)])


def amount(value: Decimal | None) -> str:
    """Write an amount with all its digits, two decimals at least; unknown is a word, never a zero."""
    return "unknown" if value is None else format_decimal(value, format="#,##0.00##########", locale=_LOCALE)


def figure(value: Decimal | int | None) -> str:
    """Write a number without the zeros that its scale appends; nothing for None."""
    return "" if value is None else format_decimal(value, format="#,##0.############", locale=_LOCALE)


def instant(value: datetime | None) -> str:
    """Write an instant in UTC, to the second; nothing for None."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def span(seconds: int | None) -> str:
    """Write a number of seconds as hours, minutes and seconds: `1 h 05 min`, `42 min 10 s`."""
    if seconds is None:
        return ""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def local_times(claim: Claim) -> str:
    """Write start and end on the clock of the charge point; nothing where its zone is not known."""
    try:
        zone = ZoneInfo(claim.time_zone or "")
        start, end = claim.started_at.astimezone(zone), claim.ended_at.astimezone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):  # the last one at the end of the calendar
        return ""
    until = f"{end:%H:%M:%S}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{start:%Y-%m-%d %H:%M:%S} to {until} {claim.time_zone}"


def bounded(rows: Sequence[Item]) -> Sequence[Item]:
    """Give the first rows of a table that may be endless."""
    return rows[:MOST_ROWS]


def record_text(received: Received) -> Verbatim:
    """Give the raw record as text, cut where a page would drown in it."""
    text = received.record if received.record is not None else received.record_base64 or ""
    return Verbatim(clipped(text[:MOST_BYTES], len(text), MOST_BYTES))


def agreed_choices(policy: str | None) -> list[str]:
    """Give the choices of rating in which an agreement differs from the defaults."""
    if policy is None:
        return []
    defaults = read_choices(str(DEFAULT_POLICY))
    return [f"{name}={value}" for name, value in read_choices(policy).items() if defaults[name] != value]


def short(text: str) -> str:
    """Cut a text to what fits into a drawing."""
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def is_travel(finding: Finding) -> bool:
    """Tell whether distance and time decide."""
    return finding.rule_id in TRAVEL_RULES


@lru_cache
def _environment() -> Environment:
    environment = templates(finalize=shown)
    environment.filters.update(
        amount=amount,
        bounded=bounded,
        cause_words=cause_words,
        figure=figure,
        instant=instant,
        prose=Prose,
        short=short,
        span=span,
    )
    environment.globals.update(
        headline=headline,
        is_travel=is_travel,
        local_times=local_times,
        match_words=MATCHES,
        most_rows=MOST_ROWS,
        part_names=PARTS,
        record_text=record_text,
        severity_words=severity_words,
        status_words=status_words,
        travel_chart=travel_chart,
    )
    return environment
