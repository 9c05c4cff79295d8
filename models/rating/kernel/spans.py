"""What else could price a period than its start says (P3): a price change inside it, or a doubled hour.

A restriction is looked at again wherever it can change its answer inside the period: at the bounds of daily windows and
at midnight (local readings), at volumes (the meter) and at durations (the clocks). These three are taken together in
every combination, because a CDR does not say how energy was spread over a period. On nights when clocks are set back,
each instant of the doubled hours has a second reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.bounds import LONGEST_LOOK_DAYS, MOST_MOMENTS
from models.rating.kernel.crossings import Surroundings, clock_length
from models.rating.kernel.exact import Flags, Ints, is_first
from models.rating.kernel.levels import Levels
from models.rating.kernel.matching import NO_COMPONENT, Moments, Slot, first_matches
from models.rating.kernel.rulebook import DAY_IN_MICROSECONDS
from models.rating.kernel.zones import LocalTime, Offsets

LONGEST_LOOK: Final = LONGEST_LOOK_DAYS * DAY_IN_MICROSECONDS
_AT_ONCE: Final = 2_000_000
"""Combinations held in memory together."""
_EAST, _WEST = 14 * 3_600_000_000, 12 * 3_600_000_000
"""How far local time can be ahead of and behind UTC, for a zone that is not known."""


@dataclass(frozen=True, slots=True)
class Possible:
    """Components that may price a slot, one entry per period, component and kind of reading; NO_COMPONENT is free."""

    period: Ints
    component: Ints
    is_alternative: Flags
    """it takes the other reading of a doubled hour"""


@dataclass(frozen=True, slots=True)
class _Lists:
    """Values per row: `value[first[i] : first[i] + count[i]]`."""

    first: Ints
    count: Ints
    value: Ints
    flag: Flags


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Stretches of local time that a row goes through, half-open; one of no length still has its start."""

    row: Ints
    low: Ints
    high: Ints
    is_alternative: Flags


def possible_matches(around: Surroundings, slot: Slot, rows: Ints) -> Possible:
    """Give every component that may price a slot in some periods, each with the readings that lead to it."""
    readings, energies, clocks = _readings(around, rows), _energies(around, rows), _clocks(around, slot, rows)
    combinations = readings.count * energies.count * clocks.count
    few = combinations <= MOST_MOMENTS
    chosen = np.flatnonzero(few)
    parts = [
        _combined(around, slot, rows, part, readings, energies, clocks)
        for part in _in_memory(chosen, combinations[chosen])
    ]
    return _distinct([_anything(around, slot, rows[~few]), *parts])


def _in_memory(rows: Ints, combinations: Ints) -> list[Ints]:
    """Cut rows into parts whose combinations fit in memory together."""
    ends = np.cumsum(combinations)
    total = int(ends[-1]) if len(ends) else 0
    edges = [int(edge) for edge in np.searchsorted(ends, np.arange(_AT_ONCE, total, _AT_ONCE))]
    return [part for part in np.split(rows, edges) if len(part)]


def _combined(
    around: Surroundings, slot: Slot, rows: Ints, part: Ints, readings: _Lists, energies: _Lists, clocks: _Lists
) -> Possible:
    """Match every combination of reading, energy and clock of some rows."""
    count = readings.count[part] * energies.count[part] * clocks.count[part]
    owner, place = _spread(count)
    row = part[owner]
    place, which_reading = np.divmod(place, readings.count[row])
    which_clock, which_energy = np.divmod(place, energies.count[row])
    reading = readings.first[row] + which_reading
    period = rows[row]
    moments = Moments(
        version=around.version[period],
        local=LocalTime.of(readings.value[reading]),
        energy_before=energies.value[energies.first[row] + which_energy],
        clocks={slot: clocks.value[clocks.first[row] + which_clock]},
        readings={name: values[period] for name, values in around.moments.readings.items()},
        has_expired=around.moments.has_expired[period],
    )
    component = first_matches(around.book, moments, slot, np.arange(len(period)), around.policy)
    return Possible(period, component, readings.flag[reading])


def _anything(around: Surroundings, slot: Slot, rows: Ints) -> Possible:
    """Give all that the tariffs have for a slot, and nothing, for periods with more combinations than are tried."""
    count = around.book.count[slot][around.version[rows]]
    owner, place = _spread(count)
    component = around.book.first[slot][around.version[rows]][owner] + place
    period = np.concatenate([rows, rows[owner]])
    return Possible(
        period,
        np.concatenate([np.full(len(rows), NO_COMPONENT), component]),
        np.zeros(len(period), dtype=np.bool_),
    )


def distinct_pairs(period: Ints, component: Ints, flag: Ints | None = None) -> Ints:
    """Give each pair of period and component once, as one sorted number that `pairs_of` takes apart."""
    number = period * (int(component.max(initial=0)) + 2) + component + 1
    return _unique(number if flag is None else number * 2 + flag)


def pairs_of(number: Ints, component: Ints) -> tuple[Ints, Ints]:
    """Take numbers of `distinct_pairs` apart, made over the same components and without their flag."""
    period, one_more = np.divmod(number, int(component.max(initial=0)) + 2)
    return period, one_more - 1


def _unique(values: Ints) -> Ints:
    """Sort and leave out repetitions; the values come nearly in order, where a merge sort is quick."""
    ordered = np.sort(values, kind="stable")
    return ordered[is_first(ordered)]


def _distinct(parts: list[Possible]) -> Possible:
    period, component = (np.concatenate([getattr(part, name) for part in parts]) for name in ("period", "component"))
    flag = np.concatenate([part.is_alternative for part in parts])
    found, alternative = np.divmod(distinct_pairs(period, component, flag.astype(np.int64)), 2)
    return Possible(*pairs_of(found, component), alternative.astype(np.bool_))


def _spread(count: Ints) -> tuple[Ints, Ints]:
    """Number the entries of lists of some lengths: whose each is, and which of its list."""
    owner = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    return owner, np.arange(len(owner)) - first[owner]


def _listed(row: Ints, value: Ints, flag: Flags, n_rows: int) -> _Lists:
    order = np.argsort(row, kind="stable")
    count = np.bincount(row, minlength=n_rows).astype(np.int64)
    return _Lists(np.cumsum(count) - count, count, value[order], flag[order])


def _inside(levels: Levels, version: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """List the levels strictly between two values: the row of each, and the level."""
    owner, place = _spread(levels.count[version])
    value = levels.values[levels.first[version][owner] + place] if len(owner) else np.zeros(0, dtype=np.int64)
    inside = (low[owner] < value) & (value < high[owner])
    return owner[inside], value[inside]


def _with_start(start: Ints, row: Ints, value: Ints) -> _Lists:
    rows = np.concatenate([np.arange(len(start)), row])
    values = np.concatenate([start, value])
    return _listed(rows, values, np.zeros(len(rows), dtype=np.bool_), len(start))


def _energies(around: Surroundings, rows: Ints) -> _Lists:
    """List what the meter may say: at the start, and at every level that is passed."""
    levels, version = around.book.energy_levels, around.version[rows]
    low, energy = around.moments.energy_before[rows], around.periods.volumes["energy_kwh"][rows]
    rising, level = _inside(levels, version, low, low + energy)
    falling, top = _inside(levels, version, low + energy, low + 1)
    return _with_start(low, np.concatenate([rising, falling]), np.concatenate([level, top - 1]))


def _clocks(around: Surroundings, slot: Slot, rows: Ints) -> _Lists:
    low = around.moments.clocks[slot][rows]
    length = clock_length(around, slot)[rows]
    return _with_start(low, *_inside(around.book.duration_levels, around.version[rows], low, low + length))


def _readings(around: Surroundings, rows: Ints) -> _Lists:
    """List what clock and calendar may say: at the start of every stretch, and at every level inside it."""
    ranges = _ranges(around, rows)
    high = np.minimum(ranges.high, ranges.low + LONGEST_LOOK)
    levels, version = around.book.clock_levels, around.version[rows][ranges.row]
    owner, place = _spread(levels.count[version])
    level = levels.values[levels.first[version][owner] + place] if len(owner) else np.zeros(0, dtype=np.int64)
    before = (ranges.low[owner] - level) // DAY_IN_MICROSECONDS
    times = np.maximum((high[owner] - 1 - level) // DAY_IN_MICROSECONDS - before, 0)
    again, nth = _spread(times)
    value = (before[again] + 1 + nth) * DAY_IN_MICROSECONDS + level[again]
    source = owner[again]
    return _listed(
        np.concatenate([ranges.row, ranges.row[source]]),
        np.concatenate([ranges.low, value]),
        np.concatenate([ranges.is_alternative, ranges.is_alternative[source]]),
        len(rows),
    )


def _ranges(around: Surroundings, rows: Ints) -> _Ranges:
    """Give the local time that each period goes through; a tariff that does not ask for it goes through none."""
    start, end = around.periods.started_at[rows], around.periods.ended_at[rows]
    is_local = around.book.versions.is_local[around.version[rows]]
    if around.is_zone_unknown:
        low, high = np.where(is_local, start - _WEST, 0), np.where(is_local, end + _EAST, 0)
        return _Ranges(np.arange(len(rows)), low, high, np.zeros(len(rows), dtype=np.bool_))
    elsewhere = np.flatnonzero(~is_local)
    nothing = np.zeros_like(elsewhere)
    parts = [_Ranges(elsewhere, nothing, nothing, nothing != 0)]
    code = around.zone[around.periods.owner[rows]]
    for place, table in enumerate(around.zones):
        local = np.flatnonzero(is_local & (code == place))
        since, offset = table.since, table.offset
        until = np.append(since[1:], np.iinfo(np.int64).max)
        for part in range(len(since)):
            low = np.maximum(start[local], since[part]) if part else start[local]
            high = np.minimum(end[local], until[part])
            begins_here = (start[local] < until[part]) & ((start[local] >= since[part]) if part else True)
            inside = (low < high) | begins_here
            parts.append(_range(local[inside], low[inside], high[inside], int(offset[part]), is_alternative=False))
        parts += _second_readings(start, end, local, table)
    return _Ranges(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.is_alternative for part in parts]),
    )


def _second_readings(start: Ints, end: Ints, local: Ints, table: Offsets) -> list[_Ranges]:
    """Give the other reading of the doubled hours: as if the clock had, or had not yet, been set back."""
    parts: list[_Ranges] = []
    if not len(local):
        return parts
    for change, before, after in table.changes(int(start[local].min()), int(end[local].max())):
        doubled = before - after
        for first, last, offset in ((change - doubled, change, after), (change, change + doubled, before)):
            low = np.maximum(start[local], first)
            high = np.minimum(np.maximum(end[local], start[local] + 1), last)
            inside = low < high
            if doubled > 0 and inside.any():
                parts.append(_range(local[inside], low[inside], high[inside], offset, is_alternative=True))
    return parts


def _range(row: Ints, low: Ints, high: Ints, offset: int, *, is_alternative: bool) -> _Ranges:
    return _Ranges(row, low + offset, high + offset, np.full(len(row), is_alternative))
