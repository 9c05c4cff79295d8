"""What else could price a period than its start says (P3): a price change inside it, or a doubled hour.

The same as `models.rating.kernel.spans`, one period at a time: a restriction is looked at again at the bounds of daily
windows and at midnight, at volumes and at durations, in every combination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from itertools import pairwise, product
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Restrictions, Tariff
from models.rating.bounds import LONGEST_LOOK_DAYS, MOST_MOMENTS
from models.rating.plain.admission import has_local_restriction
from models.rating.plain.session import ZERO, Found, Moment, Slot, volume_of
from models.rating.policy import DurationClock, Policy
from models.types.vocabularies import Dimension

LONGEST_LOOK: Final = timedelta(days=LONGEST_LOOK_DAYS)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_INSTANT: Final = timedelta(microseconds=1)
_LEAST_VOLUME: Final = Decimal(1).scaleb(-9)
_MICROSECONDS_OF_HOUR: Final = 3_600_000_000

_T = TypeVar("_T")
Match = Callable[[Moment, Slot], Found | None]


@dataclass(frozen=True, slots=True)
class Inside:
    """What a period goes through: readings of the clock, the other readings of doubled hours, volumes."""

    moment: Moment
    restrictions: list[Restrictions]
    plain: list[datetime]
    alternative: list[datetime]
    energies: list[Decimal]


@dataclass(frozen=True, slots=True)
class Options:
    """What may price a slot in a period: by the readings of the clock, and by the other reading of a doubled hour."""

    plain: list[Found | None]
    alternative: list[Found | None]


def inside_of(moment: Moment, zone: ZoneInfo | None) -> Inside:
    """Look into a period, whatever is priced in it."""
    restrictions = [element.restrictions for element in moment.tariff.elements]
    return Inside(moment, restrictions, *_readings(moment, zone, restrictions), _energies(moment, restrictions))


def options_of(inside: Inside, slot: Slot, policy: Policy, match: Match) -> Options:
    """Try every combination of reading, volume and duration that the period goes through."""
    moment, energies = inside.moment, inside.energies
    clocks = _clocks(moment, slot, policy, inside.restrictions)
    readings = len(inside.plain) + len(inside.alternative)
    if readings * len(energies) * len(clocks) == 1:
        return Options([], [])  # nothing changes inside: what its start says is all there is
    if readings * len(energies) * len(clocks) > MOST_MOMENTS:
        return Options([None, *_anything(moment.tariff, slot)], [])

    def found(readings: Iterable[datetime]) -> list[Found | None]:
        return [match(_at(moment, *values), slot) for values in product(readings, energies, clocks)]

    return Options(found(inside.plain), found(inside.alternative))


def _at(moment: Moment, local: datetime, energy: Decimal, clock: timedelta) -> Moment:
    """Give the period as seen at another moment inside it."""
    return replace(moment, local=local, energy_before=energy, later_clock=clock)


def _anything(tariff: Tariff, slot: Slot) -> Iterator[Found]:
    for element_index, element in enumerate(tariff.elements):
        for component_index, component in enumerate(element.components):
            is_reservation = element.restrictions.reservation is not None
            if component.dimension is slot[1] and is_reservation is slot[0]:
                yield Found(component, element_index, component_index)


def _energies(moment: Moment, restrictions: Sequence[Restrictions]) -> list[Decimal]:
    before, after = moment.energy_before, moment.energy_before + (moment.period.energy_kwh or ZERO)
    levels = _given(bound for found in restrictions for bound in (found.min_kwh, found.max_kwh))
    rising = [level for level in levels if before < level < after]
    falling = [level - _LEAST_VOLUME for level in levels if after < level <= before]
    return [before, *rising, *falling]


def _clocks(moment: Moment, slot: Slot, policy: Policy, restrictions: Sequence[Restrictions]) -> list[timedelta]:
    before = moment.clock(slot, policy)
    after = before + (moment.ended_at - moment.period.started_at)
    counts_volume = policy.duration_clock is DurationClock.EACH_DIMENSION and not slot[0]
    if counts_volume and slot[1] is not Dimension.FLAT:
        name = Dimension.PARKING_TIME if slot[1] is Dimension.PARKING_TIME else Dimension.TIME
        hours = moment.parking_before if name is Dimension.PARKING_TIME else moment.charging_before
        after = _whole_microseconds(hours + volume_of(moment.period, (False, name)))
    bounds = [bound for found in restrictions for bound in (found.min_duration_seconds, found.max_duration_seconds)]
    levels = [timedelta(seconds=bound) for bound in _given(bounds)]
    return [before, *(level for level in levels if before < level < after)]


def _whole_microseconds(hours: Decimal) -> timedelta:
    return timedelta(microseconds=int((hours * _MICROSECONDS_OF_HOUR).to_integral_value(ROUND_FLOOR)))


def _readings(
    moment: Moment, zone: ZoneInfo | None, restrictions: Sequence[Restrictions]
) -> tuple[list[datetime], list[datetime]]:
    """List what clock and calendar may say inside the period, and what the other reading of a doubled hour adds."""
    if zone is None or not has_local_restriction(moment.tariff):
        return [moment.local], []
    start, end = moment.period.started_at, moment.ended_at
    changes, times = _changes(zone, start, end), _times_of_day(restrictions)
    edges = [start, *(change for change in changes if start < change < end), end]
    plain = [reading for low, high in pairwise(edges) for reading in _stretch(low, high, _offset(zone, low), times)]
    return plain, list(_second_readings(zone, start, end, changes, times))


def _second_readings(
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    changes: Sequence[datetime],
    times_of_day: Iterable[timedelta],
) -> Iterator[datetime]:
    for change in changes:
        before, after = _offset(zone, change - _INSTANT), _offset(zone, change)
        doubled = before - after
        for first, last, offset in ((change - doubled, change, after), (change, change + doubled, before)):
            low, high = max(start, first), min(max(end, start + _INSTANT), last)
            if doubled > timedelta() and low < high:
                yield from _stretch(low, high, offset, times_of_day)


def _stretch(low: datetime, high: datetime, offset: timedelta, times_of_day: Iterable[timedelta]) -> Iterator[datetime]:
    """List the readings of a stretch without a clock change: its start, and every bound strictly inside."""
    begin, finish = (instant.replace(tzinfo=None) + offset for instant in (low, high))
    yield begin
    finish = min(finish, begin + LONGEST_LOOK)
    day = datetime.combine(begin.date(), time(0))
    while day < finish:
        yield from (day + since for since in times_of_day if begin < day + since < finish)
        day += _DAY


def _times_of_day(restrictions: Sequence[Restrictions]) -> set[timedelta]:
    """Give every time of day at which a restriction can change its answer; a day or a date does so at midnight."""
    bounds = _given(bound for found in restrictions for bound in (found.start_time, found.end_time))
    return {timedelta(hours=each.hour, minutes=each.minute, seconds=each.second) for each in (time(0), *bounds)}


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Find the instants at which the clock is set on the days from an hour before a period to an hour after it."""
    day, last = (start - _HOUR).date(), (end + _HOUR).date()
    changes: list[datetime] = []
    while day <= last:
        changes += _changes_of(zone, day)
        day += _DAY
    return changes


@lru_cache(maxsize=4096)
def _changes_of(zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """Find the instant of a UTC day at which the clock is set, if there is one."""
    low = datetime.combine(day, time(0), tzinfo=UTC)
    high = low + _DAY
    offset = _offset(zone, low)
    if _offset(zone, high) == offset:
        return ()
    while high - low > _INSTANT:
        middle = low + (high - low) // 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return (high,)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(UTC).astimezone(zone).utcoffset() or timedelta()


def _given(values: Iterable[_T | None]) -> list[_T]:
    return [value for value in values if value is not None]
