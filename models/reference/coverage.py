"""Which element of a tariff prices which moment: every combination of the bounds that its restrictions name, tried.

Restrictions are half-open intervals on seven axes, so between two neighbouring bounds nothing changes: the lower bounds
of the cells stand for every moment. Dates and days of the week are taken as independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, Final, TypeVar

from models.ocpi.canonical import Restrictions, Tariff
from models.rating.plain.windows import within, within_day
from models.rating.policy import Policy
from models.types.vocabularies import Dimension

MOST_CELLS: Final = 20_000
"""combinations that are tried; a tariff with more is not judged"""

_ASKED: Final = len(Dimension) * 3
"""coverages of one tariff, by dimension and kind of reservation: several checks ask for the same"""

_Bound = TypeVar("_Bound", date, time, Decimal, int)

_POLICY: Final = Policy()
_MIDNIGHT: Final = time(0)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Moment:
    """The lower corner of a cell: local date, weekday (Monday 0) and time, and what the session has reached."""

    on: date
    weekday: int
    at: time
    kwh: Decimal
    current_a: Decimal
    power_kw: Decimal
    duration_seconds: int

    def __str__(self) -> str:
        """Describe what is not at its beginning: `on Saturday, from 22:00, from 20 kWh`."""
        said = [
            f"from {self.on.isoformat()}" if self.on != date.min else "",
            f"on {_DAYS[self.weekday]}" if self.weekday else "",
            f"from {self.at:%H:%M}" if self.at != _MIDNIGHT else "",
            f"from {self.kwh.normalize():f} kWh" if self.kwh else "",
            f"from {self.current_a.normalize():f} A" if self.current_a else "",
            f"from {self.power_kw.normalize():f} kW" if self.power_kw else "",
            f"from {self.duration_seconds} s" if self.duration_seconds else "",
        ]
        return ", ".join(filter(None, said)) or "from the beginning"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the elements that price one dimension share the moments."""

    first_gap: Moment | None
    """a moment that none of them prices"""
    idle: tuple[int, ...]
    """indices, in the tariff, of elements that no moment is left to"""
    outranked: tuple[tuple[int, int], ...]
    """pairs of indices, in order: the first prices a moment at which the restrictions of the second, not idle, hold"""


@lru_cache(maxsize=_ASKED)
def coverage(tariff: Tariff, dimension: Dimension, reservation: str | None) -> Coverage | None:
    """Give how a dimension is covered by the elements for charging, or for a kind of reservation.

    None where no such element prices it, or where there are more than `MOST_CELLS` combinations.
    """
    priced = [
        (index, element.restrictions)
        for index, element in enumerate(tariff.elements)
        if element.restrictions.reservation == reservation
        and any(component.dimension is dimension for component in element.components)
    ]
    axes = _axes([restrictions for _, restrictions in priced])
    if not priced or prod(map(len, axes)) > MOST_CELLS:
        return None
    first_gap, idle, outranked = None, {index for index, _ in priced}, set[tuple[int, int]]()
    for moment in _moments(axes):
        matching = [index for index, restrictions in priced if _holds(restrictions, moment)]
        if matching:
            idle.discard(matching[0])
            outranked.update((matching[0], later) for later in matching[1:])
        elif first_gap is None:
            first_gap = moment
    kept = sorted((first, later) for first, later in outranked if later not in idle)
    return Coverage(first_gap, tuple(sorted(idle)), tuple(kept))


def _axes(found: Sequence[Restrictions]) -> tuple[list[Any], ...]:
    """Give the lower bounds of the cells on each axis, in order."""
    days = range(7) if any(each.days_of_week for each in found) else (0,)
    return (
        _bounds(date.min, *((each.start_date, each.end_date) for each in found)),
        list(days),
        _bounds(_MIDNIGHT, *((each.start_time, each.end_time) for each in found)),
        _bounds(_ZERO, *((each.min_kwh, each.max_kwh) for each in found)),
        _bounds(_ZERO, *((each.min_current_a, each.max_current_a) for each in found)),
        _bounds(_ZERO, *((each.min_power_kw, each.max_power_kw) for each in found)),
        _bounds(0, *((each.min_duration_seconds, each.max_duration_seconds) for each in found)),
    )


def _bounds(lowest: _Bound, *pairs: tuple[_Bound | None, _Bound | None]) -> list[_Bound]:
    named = {bound for pair in pairs for bound in pair if bound is not None}
    return [lowest, *sorted(bound for bound in named if bound > lowest)]


def _moments(axes: tuple[list[Any], ...]) -> Iterator[Moment]:
    for corner in product(*axes):
        yield Moment(*corner)  # the axes are in the order of the fields


def _holds(found: Restrictions, moment: Moment) -> bool:
    """Tell whether restrictions hold at a moment, by the rules of rating (P4) and its default policy."""
    return (
        (not found.days_of_week or moment.weekday in found.days_of_week)
        and within_day(found.start_time, found.end_time, moment.at, _POLICY)
        and within(found.start_date, found.end_date, moment.on)
        and within(found.min_kwh, found.max_kwh, moment.kwh)
        and within(found.min_current_a, found.max_current_a, moment.current_a)
        and within(found.min_power_kw, found.max_power_kw, moment.power_kw)
        and _within_seconds(found, moment.duration_seconds)
    )


def _within_seconds(found: Restrictions, seconds: int) -> bool:
    low, high = found.min_duration_seconds, found.max_duration_seconds
    return (low is None or seconds >= low) and (high is None or seconds < high)
