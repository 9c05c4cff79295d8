"""What step_size adds (P7, P8): once per session, at the price of the last component that priced the dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.kernel.amounts import Pricing, Rows, priced_rows
from models.rating.kernel.exact import UNITS_OF_PRODUCT, Flags, Ints, rounded_quotient, sums
from models.rating.kernel.facts import Periods
from models.rating.kernel.matching import CHARGING, ENERGY, PARKING, RESERVED, VOLUME_OF, Slot
from models.rating.policy import HourSnapping, ParkThenCharge, StepBase
from models.types.vocabularies import ComponentKind

_SECONDS_OF_HOUR: Final = 3600
_WH: Final = 10**6
"""A Wh in units of 1e-9 kWh."""
_SECOND: Final = 10**9
_ORDER: Final = (ENERGY, PARKING, CHARGING, RESERVED)


@dataclass(frozen=True, slots=True)
class Steps:
    """The rows that steps add, and the session's volumes as a bill states them, per session with periods."""

    rows: list[Rows]
    billed: dict[Slot, Ints]
    """in 1e-12 kWh or hours"""


@dataclass(frozen=True, slots=True)
class _Last:
    """Per session with priced volume of a slot: who, the last priced period and component."""

    owner: Ints
    period: Ints
    component: Ints

    def kept(self, keep: Flags) -> _Last:
        rows = np.flatnonzero(keep)
        return _Last(self.owner[rows], self.period[rows], self.component[rows])


@dataclass(frozen=True, slots=True)
class _Volume:
    """What is rounded up, per session with periods: its volume, and what steps count (see `HourSnapping`)."""

    actual: Ints
    """in 1e-9 kWh or 1e-9 seconds"""
    counted: Ints


def step_rows(pricing: Pricing, rows: list[Rows]) -> Steps:
    """Round up energy, one of the two clocks, and the reservation."""
    periods = pricing.periods
    priced = {row.slot: row for row in rows if row.slot in VOLUME_OF}
    last = {slot: _last(row) for slot, row in priced.items()}
    _choose_clock(pricing, last, len(periods.owners))
    every = {slot: _volume(pricing, slot, periods.volumes[VOLUME_OF[slot]], periods.edges) for slot in VOLUME_OF}
    missing = {slot: _missing(pricing, slot, last[slot], every[slot]) for slot in VOLUME_OF}
    billed = {slot: _billed(slot, last[slot], every[slot], missing[slot]) for slot in (ENERGY, CHARGING, PARKING)}
    if pricing.policy.step_base is StepBase.PRICED_VOLUME:
        for slot in _slots_with_free_volume(periods, priced):
            base = _volume(pricing, slot, priced[slot].volume, priced[slot].edges)
            missing[slot] = _missing(pricing, slot, last[slot], base)
    return Steps([_step(pricing, slot, last[slot], missing[slot]) for slot in _ORDER], billed)


def _slots_with_free_volume(periods: Periods, priced: dict[Slot, Rows]) -> list[Slot]:
    """List the slots where priced volume is not all volume: every row has volume, so that counting is enough."""
    return [
        slot for slot, row in priced.items() if len(row.period) < np.count_nonzero(periods.volumes[VOLUME_OF[slot]])
    ]


def _last(rows: Rows) -> _Last:
    owner = np.flatnonzero(np.diff(rows.edges))
    place = rows.edges[owner + 1] - 1
    return _Last(owner, rows.period[place], rows.component[place])


def _choose_clock(pricing: Pricing, last: dict[Slot, _Last], n_owners: int) -> None:
    """Keep one clock where both were priced: parking, or the one priced last."""
    parked = np.full(n_owners, -1, dtype=np.int64)
    parked[last[PARKING].owner] = last[PARKING].period
    if pricing.policy.park_then_charge is ParkThenCharge.PARKING_ALONE:
        last[CHARGING] = last[CHARGING].kept(parked[last[CHARGING].owner] < 0)
        return
    charged = np.full(n_owners, -1, dtype=np.int64)
    charged[last[CHARGING].owner] = last[CHARGING].period
    last[CHARGING] = last[CHARGING].kept((charged > parked)[last[CHARGING].owner])
    last[PARKING] = last[PARKING].kept((charged <= parked)[last[PARKING].owner])


def _volume(pricing: Pricing, slot: Slot, volumes: Ints, edges: Ints) -> _Volume:
    """Add volumes up per session, in the units that steps count in."""
    total = sums(volumes, edges) if volumes.any() else np.zeros(len(edges) - 1, dtype=np.int64)
    if slot == ENERGY:
        return _Volume(total, total)
    actual = total * _SECONDS_OF_HOUR
    if pricing.policy.hour_snapping is HourSnapping.NONE:
        return _Volume(actual, actual)
    whole_seconds = rounded_quotient(volumes * _SECONDS_OF_HOUR, _SECOND)
    return _Volume(actual, sums(whole_seconds, edges) * _SECOND)


def _step(pricing: Pricing, slot: Slot, last: _Last, missing: Ints) -> Rows:
    some = missing != 0
    last, missing = last.kept(some), missing[np.flatnonzero(some)]
    is_energy = slot == ENERGY
    return priced_rows(
        pricing,
        ComponentKind.STEP,
        slot,
        period=last.period,
        component=last.component,
        volume=missing if is_energy else rounded_quotient(missing, _SECONDS_OF_HOUR),
        charged=missing,
        divisor=UNITS_OF_PRODUCT if is_energy else UNITS_OF_PRODUCT * _SECONDS_OF_HOUR,
    )


def _missing(pricing: Pricing, slot: Slot, last: _Last, volume: _Volume) -> Ints:
    """Give what a volume lacks to whole steps; hours need not be whole in 1e-9 hours, so clocks count 1e-9 seconds."""
    sizes = pricing.book.components.step_size
    size = sizes[last.component]
    actual, counted = volume.actual[last.owner], volume.counted[last.owner]
    missing = np.zeros(len(size), dtype=np.int64)
    # Few sizes are in use: dividing by one number at a time is several times as quick as by a number per entry.
    for step in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero((size == step) & (actual > 0))
        unit = step * (_WH if slot == ENERGY else _SECOND)
        missing[rows] = -(-counted[rows] // unit) * unit - actual[rows]
    return missing


def _billed(slot: Slot, last: _Last, volume: _Volume, missing: Ints) -> Ints:
    """Round all volume of a dimension up, priced or free, where any of it was priced; keep it as it is elsewhere."""
    billed = volume.actual.copy()
    billed[last.owner] += missing
    return billed * 1000 if slot == ENERGY else _hours(billed)


def _hours(nanoseconds: Ints) -> Ints:
    """Give hours in 1e-12, rounded half away from zero: times 1000 over 3600 is times 5 over 18."""
    hours = (np.abs(nanoseconds) * 5 + 9) // 18
    return np.where(nanoseconds < 0, -hours, hours)
