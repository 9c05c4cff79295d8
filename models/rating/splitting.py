"""Reference sessions cut into charging periods, as a CPO must cut a session at every change of price (OCPI P3).

Restrictions are read at the start of a period only. So a period may not span an instant at which one of them changes
its answer: a bound of a daily window, a local midnight, a change of the clocks, a duration, a threshold of energy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.canonical import ChargingPeriod, Restrictions, Tariff
from models.types.money import VOLUME_SCALE, rounded

_ZERO: Final = Decimal(0)
_MIDNIGHT: Final = time(0)
_UNIT: Final = 10**VOLUME_SCALE
"""units of a volume in one kWh or hour"""

_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ReferenceSession:
    """A plain session: energy at constant power from plugging in on, then nothing until unplugging.

    Raises:
        ValueError: when it lasts no time at all, or energy flows in no time.
    """

    started_at: datetime
    energy_kwh: Decimal
    """at most 9 decimals"""
    charging: timedelta
    idle: timedelta = timedelta()

    def __post_init__(self) -> None:
        """Refuse what cannot happen."""
        if min(self.charging, self.idle) < timedelta() or not self.charging + self.idle or self.energy_kwh < 0:
            msg = "a session lasts longer than no time, and takes no less than no energy"
            raise ValueError(msg)
        if self.energy_kwh and not self.charging:
            msg = f"{self.energy_kwh} kWh cannot flow in no time"
            raise ValueError(msg)

    @property
    def ended_at(self) -> datetime:
        """When the vehicle unplugs, in UTC."""
        return self.started_at + self.charging + self.idle

    @property
    def power_kw(self) -> Decimal:
        """The constant power while charging, to 9 decimals half away from zero."""
        if not self.charging:
            return _ZERO
        return _fraction(2 * _units(self.energy_kwh) * _micros(_HOUR) + _micros(self.charging), 2 * self.charging)


@dataclass(frozen=True, slots=True, order=True)
class _Cut:
    """A point of a session: how long after its start, and how much energy had flowed by then, in units of 1e-9 kWh."""

    after: timedelta
    energy: int


def restrictions_of(tariff: Tariff) -> list[Restrictions]:
    """List what may change the answer of a tariff in the course of a session."""
    return [element.restrictions for element in tariff.elements]


def charging_periods(
    session: ReferenceSession, restrictions: Iterable[Restrictions], time_zone: ZoneInfo | None
) -> tuple[ChargingPeriod, ...]:
    """Cut a session wherever one of the restrictions can change its answer, and where charging gives way to idling.

    Energies add up to the session's exactly; hours, charging and idle each, to the durations cut to 9 decimals. Power
    is the constant one, and zero while idle; currents are not said, because the voltage is not known.

    Args:
        session: the profile.
        restrictions: of every tariff that may price it.
        time_zone: of the charge point; without one no local time is known and no cut is made for it.
    """
    found = list(restrictions)
    ends = {timedelta(), session.charging, session.charging + session.idle}
    times = ends | {cut for cut in _times(session, found, time_zone) if timedelta() < cut < max(ends)}
    cuts = {_Cut(after, _energy_after(session, after)) for after in times} | set(_thresholds(session, found))
    return tuple(_period(session, start, end) for start, end in pairwise(sorted(cuts)))


def _times(session: ReferenceSession, found: list[Restrictions], zone: ZoneInfo | None) -> Iterator[timedelta]:
    """Give the instants, after the start, at which a duration ends or a local time arrives."""
    for restrictions in found:
        for bound in (restrictions.min_duration_seconds, restrictions.max_duration_seconds):
            if bound is not None:
                yield timedelta(seconds=bound)
                # a policy may count the hours of idling alone, which begin when charging has ended
                yield session.charging + timedelta(seconds=bound)
    clocks = set(_clocks(found))
    if zone is not None and clocks:
        yield from (instant - session.started_at for instant in _local_instants(session, clocks, zone))


def _clocks(found: list[Restrictions]) -> Iterator[time]:
    """Give the times of day at which an answer can change: bounds of windows, and midnight wherever the day matters.

    It matters to a window with one bound as well, because that is open from or to midnight.
    """
    for restrictions in found:
        bounds = [bound for bound in (restrictions.start_time, restrictions.end_time) if bound is not None]
        yield from bounds
        if len(bounds) == 1 or restrictions.start_date or restrictions.end_date or restrictions.days_of_week:
            yield _MIDNIGHT


def _local_instants(session: ReferenceSession, clocks: set[time], zone: ZoneInfo) -> Iterator[datetime]:
    """Give when the wall clock shows one of the times, each time that it does, and when it jumps."""
    for day in _local_days(session, zone):
        for clock in clocks:
            for fold in (0, 1):
                instant = datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC)
                # a time that a spring night skips is nobody's; its jump is given below
                if instant.astimezone(zone).time() == clock:
                    yield instant
    yield from _clock_changes(session, zone)


def _local_days(session: ReferenceSession, zone: ZoneInfo) -> Iterator[date]:
    day, last = session.started_at.astimezone(zone).date(), session.ended_at.astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _clock_changes(session: ReferenceSession, zone: ZoneInfo) -> Iterator[datetime]:
    """Give the instants at which the zone's offset changes; zones change it at whole seconds, never twice an hour."""
    low = session.started_at
    while low < session.ended_at:
        high = low + _HOUR
        if _offset(low, zone) != _offset(high, zone):
            yield _first_after(low, high, zone)
        low = high


def _first_after(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Find the second between two instants from which on the offset of the later one holds."""
    later = _offset(high, zone)
    low = low.replace(microsecond=0)
    while high - low > _SECOND:
        middle = low + ((high - low) // 2 // _SECOND) * _SECOND
        low, high = (low, middle) if _offset(middle, zone) == later else (middle, high)
    return high.replace(microsecond=0)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def _thresholds(session: ReferenceSession, found: list[Restrictions]) -> Iterator[_Cut]:
    """Give the cuts at which a threshold of energy is reached: exact in energy, to the next microsecond in time."""
    for restrictions in found:
        for bound in (restrictions.min_kwh, restrictions.max_kwh):
            if bound is not None and 0 < bound < session.energy_kwh:
                energy = _units(bound)
                micros = -(-energy * _micros(session.charging) // _units(session.energy_kwh))
                yield _Cut(micros * _MICROSECOND, energy)


def _energy_after(session: ReferenceSession, after: timedelta) -> int:
    """Give the units of energy that have flowed, cut off.

    Cut off and not rounded, because otherwise a cut in time just before a threshold would already stand on it.
    """
    if after >= session.charging:
        return _units(session.energy_kwh)
    return _units(session.energy_kwh) * _micros(after) // _micros(session.charging)


def _period(session: ReferenceSession, start: _Cut, end: _Cut) -> ChargingPeriod:
    """Give the period between two cuts: charging as long as energy flows, or its time is not over."""
    is_charging = start.after < session.charging or start.energy < end.energy
    begun = timedelta() if is_charging else session.charging
    hours = _volume(_hour_units(end.after - begun) - _hour_units(start.after - begun))
    power = session.power_kw if is_charging else _ZERO
    return ChargingPeriod(
        started_at=session.started_at + start.after,
        energy_kwh=_volume(end.energy - start.energy) if is_charging else None,
        charging_hours=hours if is_charging else None,
        parking_hours=None if is_charging else hours,
        min_power_kw=power,
        max_power_kw=power,
    )


def _hour_units(duration: timedelta) -> int:
    """Give units of hours, cut off; differences along a session add up to what its end has."""
    return _micros(duration) * _UNIT // _micros(_HOUR)


def _fraction(numerator: int, denominator: timedelta) -> Decimal:
    return _volume(numerator // _micros(denominator))


def _volume(units: int) -> Decimal:
    return Decimal(units).scaleb(-VOLUME_SCALE)


def _units(volume: Decimal) -> int:
    return int(rounded(volume, VOLUME_SCALE).scaleb(VOLUME_SCALE))


def _micros(duration: timedelta) -> int:
    return duration // _MICROSECOND
