"""What step_size adds (P7, P8): once per session, at the price of the last component that priced the dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.amounts import Rows, priced_rows
from models.rating.exact import UNITS_OF_PRODUCT, Flags, Ints, rounded_quotient, sums
from models.rating.facts import Periods
from models.rating.matching import VOLUME_OF, Slot
from models.rating.policy import Policy
from models.rating.rulebook import RuleBook
from models.types.vocabularies import ComponentKind, Dimension

ENERGY: Final[Slot] = (False, Dimension.ENERGY)
CHARGING: Final[Slot] = (False, Dimension.TIME)
PARKING: Final[Slot] = (False, Dimension.PARKING_TIME)
RESERVED: Final[Slot] = (True, Dimension.TIME)

_SECONDS_OF_HOUR: Final = 3600
_WH: Final = 10**6
"""A Wh in units of 1e-9 kWh."""
_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class Steps:
    """The rows that steps add, and the session's volumes as a bill states them, per session with periods."""

    rows: list[Rows]
    billed: dict[Slot, Ints]
    """in 1e-12 kWh or hours"""


@dataclass(frozen=True, slots=True)
class _Last:
    """Per session with priced volume of a slot: who, the last priced period and component, the volume."""

    owner: Ints
    period: Ints
    component: Ints
    volume: Ints

    def kept(self, keep: Flags) -> _Last:
        return _Last(self.owner[keep], self.period[keep], self.component[keep], self.volume[keep])


def step_rows(book: RuleBook, policy: Policy, periods: Periods, owner: Ints, rows: list[Rows]) -> Steps:
    """Round up energy, one of the two clocks, and the reservation; `owner` says whose each period is.

    Parking is rounded where it was priced, charging time otherwise, never both.
    """
    last = {row.slot: _last(row, owner) for row in rows if row.slot in VOLUME_OF}
    parks = np.zeros(len(periods.starts), dtype=np.bool_)
    parks[last[PARKING].owner] = True
    last[CHARGING] = last[CHARGING].kept(~parks[last[CHARGING].owner])
    order = (ENERGY, PARKING, CHARGING, RESERVED)
    return Steps(
        [_step(book, policy, slot, last[slot]) for slot in order],
        {slot: _billed(book, periods, slot, last[slot]) for slot in (ENERGY, CHARGING, PARKING)},
    )


def _last(rows: Rows, owner: Ints) -> _Last:
    owners = owner[rows.period]
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    ends = np.append(starts[1:], len(owners))[: len(starts)] - 1
    return _Last(owners[starts], rows.period[ends], rows.component[ends], sums(rows.volume, starts))


def _step(book: RuleBook, policy: Policy, slot: Slot, last: _Last) -> Rows:
    missing = _missing(book, slot, last.component, last.volume)
    some = missing > 0
    last, missing = last.kept(some), missing[some]
    is_energy = slot == ENERGY
    return priced_rows(
        book,
        policy,
        ComponentKind.STEP,
        slot,
        period=last.period,
        component=last.component,
        volume=missing if is_energy else rounded_quotient(missing, _SECONDS_OF_HOUR),
        charged=missing,
        divisor=UNITS_OF_PRODUCT if is_energy else UNITS_OF_PRODUCT * _SECONDS_OF_HOUR,
    )


def _missing(book: RuleBook, slot: Slot, component: Ints, volume: Ints) -> Ints:
    """Give what a volume lacks to whole steps, in 1e-9 kWh or 1e-9 seconds; hours need not be whole in 1e-9 hours."""
    step = book.components.step_size[component]
    if slot == ENERGY:
        missing = -volume % np.where(step > 0, step * _WH, 1)
    else:
        missing = -volume * _SECONDS_OF_HOUR % np.where(step > 0, step * _SECOND, 1)
    return np.where((step > 0) & (volume > 0), missing, 0)


def _billed(book: RuleBook, periods: Periods, slot: Slot, last: _Last) -> Ints:
    """Round all volume of a dimension up, priced or free, where any of it was priced; keep it as it is elsewhere."""
    volume = sums(periods.volumes[VOLUME_OF[slot]], periods.starts)
    missing = np.zeros(len(volume), dtype=np.int64)
    missing[last.owner] = _missing(book, slot, last.component, volume[last.owner])
    if slot == ENERGY:
        return (volume + missing) * 1000
    return _hours(volume * _SECONDS_OF_HOUR + missing)


def _hours(nanoseconds: Ints) -> Ints:
    """Give hours in 1e-12, rounded half away from zero: times 1000 over 3600 is times 5 over 18."""
    hours = (np.abs(nanoseconds) * 5 + 9) // 18
    return np.where(nanoseconds < 0, -hours, hours)
