"""Which component prices what: the first element in the tariff that has the dimension and whose restrictions hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.exact import Flags, Ints
from models.rating.facts import LocalTime, Periods, Sessions
from models.rating.rulebook import DIMENSIONS, RuleBook
from models.types.vocabularies import Dimension

Slot = tuple[bool, Dimension]
"""Whether it is the reservation that is priced, and for what."""

SLOTS: Final[tuple[Slot, ...]] = (
    *((False, dimension) for dimension in DIMENSIONS),
    (True, Dimension.FLAT),
    (True, Dimension.TIME),
)
"""Everything that can be priced in a period, in the order in which rows are listed."""

VOLUME_OF: Final[dict[Slot, str]] = {
    (False, Dimension.ENERGY): "energy_kwh",
    (False, Dimension.TIME): "charging_hours",
    (False, Dimension.PARKING_TIME): "parking_hours",
    (True, Dimension.TIME): "reservation_hours",
}
NO_COMPONENT: Final = -1


@dataclass(frozen=True, slots=True)
class Moments:
    """The start of each period, as restrictions see it (P3): nothing inside the period counts."""

    version: Ints
    local: LocalTime
    energy_before: Ints
    session_clock: Ints
    """microseconds since plugging in (P6)"""
    reservation_clock: Ints
    """microseconds since the session or its reservation began"""
    readings: dict[str, Ints]
    has_expired: Flags


@dataclass(frozen=True, slots=True)
class Scopes:
    """Which periods belong to the session, and which to its reservation; a period may belong to both."""

    session: Flags
    reservation: Flags


def scopes_of(periods: Periods) -> Scopes:
    """Tell the scopes of each period: one that only reserves is no part of the session."""
    reserves = periods.volumes["reservation_hours"] != 0
    charges = np.zeros(len(reserves), dtype=np.bool_)
    for name in ("energy_kwh", "charging_hours", "parking_hours"):
        charges |= periods.volumes[name] != 0
    return Scopes(~reserves | charges, reserves)


def moments_of(sessions: Sessions, periods: Periods, scopes: Scopes, version: Ints, local: LocalTime) -> Moments:
    """Count energy and clocks from the beginning of each session up to each of its periods."""
    energy = periods.volumes["energy_kwh"]
    before = np.cumsum(energy) - energy
    opening = np.minimum(sessions.started_at[periods.owners], periods.started_at[periods.starts])
    expired = sessions.frame["reservation_expired"].to_numpy()
    return Moments(
        version=version,
        local=local,
        energy_before=before - periods.per_period(before[periods.starts]),
        session_clock=periods.started_at - periods.per_period(_plugged_in_at(periods, scopes, opening)),
        reservation_clock=periods.started_at - periods.per_period(opening),
        readings=periods.readings,
        has_expired=expired[periods.session],
    )


def _plugged_in_at(periods: Periods, scopes: Scopes, opening: Ints) -> Ints:
    """Say when the clock of min/max_duration starts: with the session, which a reservation only precedes."""
    rows = np.flatnonzero(scopes.session)
    place = np.searchsorted(rows, periods.starts)
    ends = np.append(periods.starts[1:], len(periods.session))
    padded = np.append(rows, len(periods.session))[place]
    reserved_first = ~scopes.session[periods.starts] & (padded < ends)
    return np.where(reserved_first, periods.started_at[np.where(reserved_first, padded, 0)], opening)


def first_matches(book: RuleBook, moments: Moments, slot: Slot, rows: Ints) -> Ints:
    """Give for some periods the component that prices a slot, or NO_COMPONENT: then it is free (P2).

    Goes through the candidates in the tariff's order; periods that have found theirs drop out.
    """
    found = np.full(len(rows), NO_COMPONENT, dtype=np.int64)
    version = moments.version[rows]
    first, count = book.first[slot][version], book.count[slot][version]
    open_, rank = np.flatnonzero(count > 0), 0
    while len(open_):
        component = first[open_] + rank
        applies = _applies(book, moments, slot, component, rows[open_])
        found[open_[applies]] = component[applies]
        rank += 1
        open_ = open_[~applies]
        open_ = open_[count[open_] > rank]
    return found


def _applies(book: RuleBook, moments: Moments, slot: Slot, component: Ints, rows: Ints) -> Flags:
    """Tell whether all restrictions of a component's element hold (AND)."""
    applies = np.ones(len(rows), dtype=np.bool_)
    if slot[0]:
        applies &= moments.has_expired[rows] | ~book.components.only_expired[component]
    _apply_calendar(book, moments.local, component, rows, applies)
    _apply_bounds(book, moments, slot, component, rows, applies)
    return applies


def _apply_calendar(book: RuleBook, local: LocalTime, component: Ints, rows: Ints, applies: Flags) -> None:
    rules = book.components
    kinds = rules.restricted_by
    if kinds & {"start_time", "end_time"}:
        applies &= _within_day(rules.start_time[component], rules.end_time[component], local.time_of_day[rows])
    if "start_date" in kinds:
        applies &= local.day[rows] >= rules.start_date[component]
    if "end_date" in kinds:
        applies &= local.day[rows] < rules.end_date[component]
    if "days_of_week_mask" in kinds:
        applies &= (rules.days_mask[component] >> local.weekday[rows]) & 1 == 1


def _within_day(start: Ints, end: Ints, at: Ints) -> Flags:
    """Tell whether a time of day is in a window, end exclusive, that wraps over midnight where it ends first (P4)."""
    return np.where(start <= end, (start <= at) & (at < end), (at >= start) | (at < end))


def _apply_bounds(
    book: RuleBook,
    moments: Moments,
    slot: Slot,
    component: Ints,
    rows: Ints,
    applies: Flags,
) -> None:
    """Compare with lower bounds, inclusive, and upper bounds, exclusive."""
    clock = moments.reservation_clock if slot[0] else moments.session_clock
    values = {
        "min_kwh": moments.energy_before,
        "max_kwh": moments.energy_before,
        "min_duration_seconds": clock,
        "max_duration_seconds": clock,
        **moments.readings,
    }
    for name in sorted(book.components.restricted_by & values.keys()):
        bound, value = book.components.bounds[name][component], values[name][rows]
        applies &= value >= bound if name.startswith("min") else value < bound
