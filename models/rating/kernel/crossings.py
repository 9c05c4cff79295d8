"""Which periods need a second look: those inside which a restriction can change its answer, or the clock is set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.rating.kernel.exact import HIGHEST, LOWEST, Flags, Ints
from models.rating.kernel.facts import Periods
from models.rating.kernel.levels import Levels
from models.rating.kernel.matching import CHARGING, ENERGY, PARKING, VOLUME_OF, Moments, Slot, microseconds
from models.rating.kernel.rulebook import DAY_IN_MICROSECONDS, RuleBook
from models.rating.kernel.zones import Offsets
from models.rating.policy import DurationClock, Policy


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is needed to look into periods."""

    book: RuleBook
    periods: Periods
    version: Ints
    moments: Moments
    zone: Ints
    """per session with periods, a code"""
    zones: list[Offsets]
    policy: Policy
    is_zone_unknown: bool = False
    """true: nothing is known of local time, so that it may be any hour from 12 behind to 14 ahead of UTC"""


def uncertain_periods(around: Surroundings) -> Flags:
    """Tell the periods inside which some restriction can change its answer, or whose local time is open."""
    found = _crosses_duration(around) | _crosses_energy(around)
    is_local = around.book.versions.is_local[around.version]
    if around.is_zone_unknown:
        return found | is_local
    length = around.periods.ended_at - around.periods.started_at
    time_of_day = around.moments.local.time_of_day
    found |= is_local & _crosses_clock(around, time_of_day, time_of_day + length)
    return found | (is_local & _meets_change(around))


def _crosses_clock(around: Surroundings, low: Ints, high: Ints) -> Flags:
    """Tell where a time of day comes round strictly between two readings, counted from the first midnight."""
    found = np.zeros(len(low), dtype=np.bool_)
    a_day_before = high - DAY_IN_MICROSECONDS
    for rows, level in around.book.clock_levels.each(around.version):
        found[rows] |= ((low[rows] < level) & (level < high[rows])) | (level < a_day_before[rows])
    return found


def _crosses_energy(around: Surroundings) -> Flags:
    low, energy = around.moments.energy_before, around.periods.volumes["energy_kwh"]
    # Falling, the level itself is still reached from above: what changes is what lies below it.
    rising = _between(around.book.energy_levels, around.version, low, low + energy)
    if (energy >= 0).all():
        return rising
    return rising | _between(around.book.energy_levels, around.version, low + energy, low + 1)


def _crosses_duration(around: Surroundings) -> Flags:
    found = np.zeros(len(around.version), dtype=np.bool_)
    if not len(around.book.duration_levels.values):
        return found
    distinct = {id(clock): slot for slot, clock in around.moments.clocks.items()}
    for slot in distinct.values():
        low = around.moments.clocks[slot]
        found |= _between(around.book.duration_levels, around.version, low, low + clock_length(around, slot))
    return found


def _between(levels: Levels, version: Ints, low: Ints, high: Ints) -> Flags:
    """Tell where a level lies strictly between two values."""
    found = np.zeros(len(version), dtype=np.bool_)
    for rows, level in levels.each(version):
        found[rows] |= (low[rows] < level) & (level < high[rows])
    return found


def clock_length(around: Surroundings, slot: Slot) -> Ints:
    """Say how far a slot's clock goes on inside each period."""
    periods = around.periods
    if around.policy.duration_clock is DurationClock.EACH_DIMENSION and slot in (ENERGY, CHARGING, PARKING):
        name = VOLUME_OF[PARKING if slot == PARKING else CHARGING]
        before = np.cumsum(periods.volumes[name]) - periods.volumes[name]
        hours = before - before[periods.starts][periods.owner]
        return microseconds(hours + periods.volumes[name]) - microseconds(hours)
    return periods.ended_at - periods.started_at


def _meets_change(around: Surroundings) -> Flags:
    """Tell which periods come near an instant at which their clock is set."""
    periods = around.periods
    first, last = periods.earliest, periods.latest
    found = np.zeros(len(around.version), dtype=np.bool_)
    for place, table in enumerate(around.zones):
        for change, before, after in table.changes(int(first.min(initial=HIGHEST)), int(last.max(initial=LOWEST))):
            reach = abs(before - after)
            owners = (around.zone == place) & (first < change + reach) & (last >= change - reach)
            rows = np.flatnonzero(owners[periods.owner]) if owners.any() else np.zeros(0, dtype=np.int64)
            found[rows] |= (periods.started_at[rows] < change + reach) & (periods.ended_at[rows] >= change - reach)
    return found
