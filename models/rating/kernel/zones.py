"""What clock and calendar at the charge point say: UTC offsets of IANA zones as sorted tables to look up in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from models.ocpi.locations import is_time_zone
from models.rating.kernel.choosing import NO_VERSION, Choice
from models.rating.kernel.exact import Flags, Ints, integers
from models.rating.kernel.facts import NO_ZONE, Periods, Sessions
from models.rating.kernel.rulebook import DAY_IN_MICROSECONDS, MICROSECONDS, Versions
from models.rating.outcome import Reason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FEW_YEARS: Final = 30
_FIRST_YEAR, _LAST_YEAR = 2, 9998
"""A local time one day on either side still has a year that Python can write."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """The UTC offsets of one zone over the years in use: `offset[i]` holds from `since[i]` on; both in microseconds."""

    since: Ints
    offset: Ints

    def at(self, instants: Ints) -> Ints:
        """Give the offset at some instants."""
        return self.offset[self.places(instants)]

    def places(self, instants: Ints) -> Ints:
        """Say which entry holds at some instants."""
        return np.maximum(np.searchsorted(self.since, instants, side="right") - 1, 0)

    def changes(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """List the instants at which the clock is set in or near a stretch, with the offsets before and after."""
        for place in range(1, len(self.since)):
            change, before, after = int(self.since[place]), int(self.offset[place - 1]), int(self.offset[place])
            if before == after:
                continue
            if first - abs(before - after) <= change <= last + abs(before - after):
                yield change, before, after


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Wall-clock readings taken apart."""

    time_of_day: Ints
    """microseconds"""
    day: Ints
    """days since 1970-01-01, a Thursday"""
    weekday: Ints
    """Monday is 0"""

    @classmethod
    def of(cls, wall: Ints) -> Self:
        """Take wall-clock readings apart, microseconds since 1970-01-01 00:00 local."""
        # Quotients, not remainders: NumPy divides by one number ten times as quickly as it takes a remainder.
        day = wall // DAY_IN_MICROSECONDS
        weekday = day + 3
        weekday -= weekday // 7 * 7
        return cls(wall - day * DAY_IN_MICROSECONDS, day, weekday)


def zone_codes(names: pl.Series, instants: Ints) -> tuple[Ints, list[Offsets]]:
    """Number time zones, and look up their offsets over the years in which some instants lie."""
    distinct = names.unique().drop_nulls().sort()
    known = pl.Series([name for name in distinct if is_time_zone(name)], dtype=pl.String)
    years = _years(instants) if len(known) else ()
    code = integers(names.cast(pl.Enum(known), strict=False), NO_ZONE)
    return code, [_offsets(name, years) for name in known]


def wall_clock(sessions: Sessions, periods: Periods, choice: Choice, versions: Versions, tables: list[Offsets]) -> Ints:
    """Give the reading at the start of each period whose tariff asks for it, 0 elsewhere.

    A session that needs a zone and has none, or one that does not exist, is declined.
    """
    if not versions.is_local.any() or not len(periods.session):
        return np.zeros(len(periods.session), dtype=np.int64)
    asking = (choice.version != NO_VERSION) & versions.is_local[choice.version]
    code = sessions.zone[periods.owners]
    offset, is_set = _offsets_of_sessions(periods, code, tables)
    wall = periods.started_at + offset[periods.owner]
    if (code == NO_ZONE).any():
        without = (code == NO_ZONE)[periods.owner]
        sessions.decline(periods.session[asking & without], Reason.NO_TIME_ZONE)
        asking &= ~without
    wall *= asking
    rows = np.flatnonzero(asking & is_set[periods.owner]) if is_set.any() else np.zeros(0, dtype=np.int64)
    for place, table in enumerate(tables):
        inside = rows[code[periods.owner[rows]] == place]
        wall[inside] = periods.started_at[inside] + table.at(periods.started_at[inside])
    return wall


def _offsets_of_sessions(periods: Periods, code: Ints, tables: list[Offsets]) -> tuple[Ints, Flags]:
    """Give the offset at the first start of a period of each session, and tell whether the clock is set after it."""
    offset, is_set = np.zeros(len(code), dtype=np.int64), np.zeros(len(code), dtype=np.bool_)
    reach = np.array([periods.earliest.min(), periods.latest.max()])
    for place, table in enumerate(tables):
        here = np.flatnonzero(code == place)
        since, until = table.places(reach)
        if since != until:
            # Only near the nights when this clock is set does a session have to be looked up by itself.
            since, until = table.places(periods.earliest[here]), table.places(periods.latest[here])
        offset[here], is_set[here] = table.offset[since], since != until
    return offset, is_set


def _years(instants: Ints) -> tuple[int, ...]:
    """List the years that instants lie in, and one on either side of each."""
    first, last = (_years_since_1970(instants[[place]])[0] for place in (instants.argmin(), instants.argmax()))
    found = range(first, last + 1) if last - first < _FEW_YEARS else np.unique(_years_since_1970(instants))
    near = {int(year) + 1970 + step for year in found for step in (-1, 0, 1)}
    return tuple(sorted(min(max(year, _FIRST_YEAR), _LAST_YEAR) for year in near))


def _years_since_1970(instants: Ints) -> Ints:
    return instants.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64)


def _offsets(name: str, years: tuple[int, ...]) -> Offsets:
    entries = [entry for year in dict.fromkeys(years) for entry in _year(name, year)]
    return Offsets(np.array([since for since, _ in entries]), np.array([offset for _, offset in entries]))


@cache
def _year(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """Give the offsets of one year: that of its first instant, and every change, found day by day."""
    zone = ZoneInfo(name)
    day = datetime(year, 1, 1, tzinfo=UTC)
    entries = [(_micros(day), _offset(zone, day))]
    while day.year == year:
        following = day + timedelta(days=1)
        if _offset(zone, following) != entries[-1][1]:
            change = _change(zone, day, following)
            entries.append((_micros(change), _offset(zone, change)))
        day = following
    return tuple(entries)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Find the second at which the offset changes between two instants."""
    low, high = 0, int((after - before).total_seconds())
    offset = _offset(zone, before)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, before + timedelta(seconds=middle)) == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int((offset or timedelta()).total_seconds()) * MICROSECONDS


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
