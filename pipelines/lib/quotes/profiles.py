"""Reference sessions in words, such as `20 kWh in 30 min` and `50 kWh in 6 h with 2 h idle`, and when they start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from models.rating.splitting import ReferenceSession
from models.types.money import VOLUME_SCALE, rounded
from pipelines.lib.errors import UserError

DEFAULT_SESSIONS: Final = ("20 kWh in 30 min", "50 kWh in 6 h with 2 h idle")

_NUMBER: Final = r"\d{1,6}(?:\.\d{1,9})?"
_DURATION: Final = rf"{_NUMBER}\s*(?:hours?|h|minutes?|min|m)(?:\s*{_NUMBER}\s*(?:minutes?|min|m))?"
_SESSION: Final = re.compile(
    rf"(?P<kwh>{_NUMBER})\s*kwh\s+in\s+(?P<lasting>{_DURATION})"
    rf"(?:\s*,?\s*(?P<how>with|then)\s+(?P<idle>{_DURATION})\s+(?:of\s+)?idle)?",
    re.IGNORECASE,
)
_PART: Final = re.compile(rf"({_NUMBER})\s*([hm])", re.IGNORECASE)
_LONGEST: Final = timedelta(days=7)
_MOST_KWH: Final = 10_000
_YEARS: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Profile:
    """A reference session before it has a place and a start."""

    energy_kwh: Decimal
    charging: timedelta
    idle: timedelta

    @property
    def name(self) -> str:
        """Say it in the one form that tables use; idle time is part of the time that is named first."""
        whole = f"{_plain(self.energy_kwh)} kWh in {duration_words(self.charging + self.idle)}"
        return f"{whole} with {duration_words(self.idle)} idle" if self.idle else whole

    def starting(self, at: datetime) -> ReferenceSession:
        """Place it at an instant."""
        return ReferenceSession(at, self.energy_kwh, self.charging, self.idle)

    @property
    def power_kw(self) -> Decimal:
        """The power that it needs."""
        return self.starting(datetime(2000, 1, 1, tzinfo=UTC)).power_kw


@dataclass(frozen=True, slots=True)
class Start:
    """When reference sessions start: at one instant, or when every charge point's own clock shows a time."""

    at: datetime
    is_local: bool

    def instant(self, zone: ZoneInfo) -> datetime:
        """Give the start in UTC at a charge point; of a doubled hour the first, as a wall clock shows it first."""
        return self.at.replace(tzinfo=zone).astimezone(UTC) if self.is_local else self.at

    def __str__(self) -> str:
        """Say it as a heading does."""
        return f"{self.at:%Y-%m-%d %H:%M} {'local time of the charge point' if self.is_local else 'UTC'}"


def read_profile(text: str) -> Profile:
    """Read a reference session in words.

    `with 2 h idle` counts the idle time into the time that is named first, `then 2 h idle` adds it.

    Raises:
        UserError: when the words are others, or such a session cannot happen.
    """
    match = _SESSION.fullmatch(text.strip())
    if match is None:
        msg = f"session {text!r} is not of the form '20 kWh in 30 min' or '50 kWh in 6 h with 2 h idle'"
        raise UserError(msg)
    lasting, idle = _duration(match["lasting"]), _duration(match["idle"] or "")
    charging = lasting if match["how"] is None or match["how"].lower() == "then" else lasting - idle
    profile = Profile(Decimal(match["kwh"]), charging, idle)
    _check(profile, text)
    return profile


def read_start(text: str, now: datetime) -> Start:
    """Read when sessions start: now where nothing is said, else ISO 8601; without a zone it is local everywhere.

    Raises:
        UserError: when it is neither.
    """
    if not text:
        return Start(now, is_local=False)
    try:
        at = datetime.fromisoformat(text)
        start = Start(at, is_local=True) if at.tzinfo is None else Start(at.astimezone(UTC), is_local=False)
    except (ValueError, OverflowError):
        msg = f"at {text!r} is no time: write one such as 2026-10-15T12:00, or 2026-10-15T12:00Z for UTC"
        raise UserError(msg) from None
    if start.at.year not in _YEARS:
        msg = f"at {text!r}: nothing is quoted for that year; write a time from {_YEARS.start} to {_YEARS.stop - 1}"
        raise UserError(msg)
    return start


def duration_words(duration: timedelta) -> str:
    """Write a duration in hours and minutes, and in seconds where it has them."""
    minutes, seconds = divmod(duration // timedelta(seconds=1), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"


def _check(profile: Profile, text: str) -> None:
    if profile.charging + profile.idle > _LONGEST or profile.energy_kwh > _MOST_KWH:
        msg = f"session {text!r}: at most {_MOST_KWH:,} kWh in at most {_LONGEST.days} days can be quoted"
        raise UserError(msg)
    if profile.charging < timedelta():
        msg = f"session {text!r}: it is idle for longer than it lasts; 'then' adds idle time, 'with' does not"
        raise UserError(msg)
    try:
        _ = profile.power_kw
    except ValueError as error:
        msg = f"session {text!r}: {error}"
        raise UserError(msg) from None


def _duration(text: str) -> timedelta:
    """Add up hours and minutes; a fraction of a second is rounded away."""
    seconds = sum(
        (Decimal(number) * (3600 if unit.lower() == "h" else 60) for number, unit in _PART.findall(text)), Decimal(0)
    )
    return timedelta(seconds=int(rounded(seconds, 0)))


def _plain(number: Decimal) -> str:
    return f"{rounded(number, VOLUME_SCALE).normalize():f}"
