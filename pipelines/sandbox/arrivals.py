"""When people plug in: by month, weekday, hour and kind of site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from models.types.time import BillingMonth
from pipelines.sandbox.clock import COMPANY_ZONE, HOUR, local_second, month_bounds, ticked, zone_changes
from pipelines.sandbox.places import SiteKind

_HOURS = {
    SiteKind.PUBLIC: (1, 1, 0, 0, 0, 1, 2, 4, 5, 6, 6, 6, 6, 6, 6, 7, 9, 13, 15, 14, 10, 6, 3, 2),
    SiteKind.WORKPLACE: (0, 0, 0, 0, 0, 1, 8, 24, 26, 12, 4, 3, 3, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    SiteKind.FAST: (1, 1, 1, 1, 1, 2, 5, 7, 8, 8, 9, 9, 9, 9, 9, 10, 11, 11, 9, 7, 5, 3, 2, 1),
    SiteKind.HOME: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 8, 18, 22, 18, 12, 8, 4, 1),
}
"""relative numbers of arrivals by local hour"""
_WEEKDAYS = {
    SiteKind.PUBLIC: (10, 10, 10, 10, 12, 13, 11),
    SiteKind.WORKPLACE: (20, 21, 21, 20, 16, 1, 0),
    SiteKind.FAST: (9, 8, 8, 10, 14, 13, 13),
    SiteKind.HOME: (10, 10, 10, 10, 9, 8, 10),
}
_KINDS = (SiteKind.PUBLIC, SiteKind.WORKPLACE, SiteKind.FAST)
_KIND_WEIGHTS = (45, 22, 33)
_SHARE_OF_FIRST_MONTH = 1 / 3
_HOURS_CUMULATED = {kind: tuple(accumulate(hours)) for kind, hours in _HOURS.items()}


@dataclass(frozen=True, slots=True)
class Arrival:
    """That somebody wants to plug in at a kind of site, at this second."""

    kind: SiteKind
    at: int


@dataclass(frozen=True)
class Calendar:
    """The days of a month, weighted for each kind of site."""

    days: tuple[date, ...]
    weights: dict[SiteKind, tuple[int, ...]]

    @classmethod
    def of(cls, month: BillingMonth) -> Calendar:
        """Give the calendar of a month."""
        count = (month.last_day - month.first_day).days + 1
        days = tuple(month.first_day + timedelta(days=number) for number in range(count))
        weights = {
            kind: tuple(accumulate(weekdays[day.weekday()] for day in days)) for kind, weekdays in _WEEKDAYS.items()
        }
        return cls(days, weights)

    def arrival(self, kind: SiteKind, random: Random) -> Arrival:
        """Draw an arrival at a kind of site."""
        day = random.choices(self.days, cum_weights=self.weights[kind])[0]
        hour = random.choices(range(24), cum_weights=_HOURS_CUMULATED[kind])[0]
        start = local_second(day, hour * 60, COMPANY_ZONE)
        return Arrival(kind, start + ticked(random.randrange(HOUR)))


def draw_kind(random: Random) -> SiteKind:
    """Draw a kind of public site."""
    return random.choices(_KINDS, weights=_KIND_WEIGHTS)[0]


def draw_month(month: BillingMonth, random: Random) -> BillingMonth:
    """Draw the month before or the month itself."""
    return month.previous if random.random() < _SHARE_OF_FIRST_MONTH else month


def special_evenings(month: BillingMonth) -> tuple[int, ...]:
    """Give evenings, seven hours before the ends of the months and before a change of the clocks where there is one."""
    start, end = month_bounds(month)
    before, _ = month_bounds(month.previous)
    return tuple(moment - 7 * HOUR for moment in (start, end, *zone_changes(before, end, COMPANY_ZONE)))
