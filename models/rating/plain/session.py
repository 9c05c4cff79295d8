"""A session as its charging periods tell it: what each may be priced for, and what the clocks and the meter say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final

from models.ocpi.canonical import Cdr, ChargingPeriod, PriceComponent, Tariff
from models.ocpi.frames import chronological
from models.rating.policy import DurationClock, Policy, TimeWithoutDimension
from models.types.money import VOLUME_SCALE
from models.types.vocabularies import Dimension

ZERO: Final = Decimal(0)
DIMENSIONS: Final = (Dimension.FLAT, Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME)
"""The order in which rows of one period are listed."""

Slot = tuple[bool, Dimension]
"""Whether it is the reservation that is priced, and for what."""

_HOUR: Final = timedelta(hours=1)
_MICROSECONDS_OF_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """The start of a charging period, as restrictions see it (P3): nothing inside the period counts."""

    index: int
    period: ChargingPeriod
    tariff: Tariff
    local: datetime
    ended_at: datetime
    energy_before: Decimal
    session_clock: timedelta
    reservation_clock: timedelta
    charging_before: Decimal
    parking_before: Decimal
    later_clock: timedelta | None = None
    """what every clock says, where the inside of the period is looked at"""

    def clock(self, slot: Slot, policy: Policy) -> timedelta:
        """Give what min_duration and max_duration compare with (P6), in whole microseconds where hours are counted."""
        if self.later_clock is not None:
            return self.later_clock
        is_reservation, dimension = slot
        if is_reservation:
            return self.reservation_clock
        if policy.duration_clock is DurationClock.WHOLE_SESSION or dimension is Dimension.FLAT:
            return self.session_clock
        hours = self.parking_before if dimension is Dimension.PARKING_TIME else self.charging_before
        return timedelta(microseconds=int((hours * _MICROSECONDS_OF_HOUR).to_integral_value(ROUND_FLOOR)))


@dataclass(frozen=True, slots=True)
class Found:
    """A component that prices a dimension, and where it stands in its tariff."""

    component: PriceComponent
    element_index: int
    component_index: int


@dataclass(frozen=True, slots=True)
class PricedVolume:
    """A priced volume of one period; 1 for a fixed fee."""

    moment: Moment
    found: Found
    slot: Slot
    volume: Decimal

    @property
    def dimension(self) -> Dimension:
        """Give what is priced."""
        return self.slot[1]


def ordered_periods(cdr: Cdr, policy: Policy) -> list[ChargingPeriod]:
    """Give the periods in order of time, with the clock's charging time where a policy puts it in."""
    periods = chronological(cdr.periods)
    if policy.time_without_dimension is TimeWithoutDimension.FREE:
        return periods
    if any(period.charging_hours is not None for period in periods):
        return periods
    ends = ends_of(periods, cdr)
    return [
        replace(period, charging_hours=_clock_hours(period, end)) for period, end in zip(periods, ends, strict=True)
    ]


def _clock_hours(period: ChargingPeriod, ended_at: datetime) -> Decimal:
    """Give the wall clock less parking and reservation; cut, so that rounding begins no step."""
    wall = Decimal((ended_at - period.started_at) // timedelta(microseconds=1)) / _MICROSECONDS_OF_HOUR
    hours = wall.quantize(Decimal(1).scaleb(-VOLUME_SCALE), rounding=ROUND_DOWN)
    return max(ZERO, hours - (period.parking_hours or ZERO) - (period.reservation_hours or ZERO))


def ends_of(periods: Sequence[ChargingPeriod], cdr: Cdr) -> list[datetime]:
    """Say where each period ends: where the next begins, the last with the session; never before its start."""
    if not periods:
        return []
    last = max(cdr.ended_at, periods[-1].started_at)
    return [*(period.started_at for period in periods[1:]), last]


def slots_of(period: ChargingPeriod) -> Iterator[Slot]:
    """List what a period may be priced for: the session, unless it only reserves, and the reservation if it does."""
    if not is_reservation_only(period):
        yield from ((False, dimension) for dimension in DIMENSIONS)
    if period.reservation_hours:
        yield True, Dimension.FLAT
        yield True, Dimension.TIME


def is_reservation_only(period: ChargingPeriod) -> bool:
    """Tell whether a period reserves and does nothing else."""
    return bool(period.reservation_hours) and not (period.energy_kwh or period.charging_hours or period.parking_hours)


def volume_of(period: ChargingPeriod, slot: Slot) -> Decimal:
    """Give the volume of a slot; what the period does not list is zero."""
    is_reservation, dimension = slot
    volumes = {
        Dimension.ENERGY: period.energy_kwh,
        Dimension.TIME: period.reservation_hours if is_reservation else period.charging_hours,
        Dimension.PARKING_TIME: period.parking_hours,
    }
    return volumes.get(dimension) or ZERO
