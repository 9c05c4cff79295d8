"""Which component prices what: the first element in the tariff that has the dimension and whose restrictions hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.kernel.exact import Flags, Ints
from models.rating.kernel.facts import Periods, Sessions
from models.rating.kernel.rulebook import DIMENSIONS, RuleBook
from models.rating.kernel.zones import LocalTime
from models.rating.policy import DurationClock, NightWeekday, Policy
from models.types.vocabularies import Dimension

Slot = tuple[bool, Dimension]
"""Whether it is the reservation that is priced, and for what."""

FLAT: Final[Slot] = (False, Dimension.FLAT)
ENERGY: Final[Slot] = (False, Dimension.ENERGY)
CHARGING: Final[Slot] = (False, Dimension.TIME)
PARKING: Final[Slot] = (False, Dimension.PARKING_TIME)
RESERVED: Final[Slot] = (True, Dimension.TIME)
RESERVED_FLAT: Final[Slot] = (True, Dimension.FLAT)

SLOTS: Final[tuple[Slot, ...]] = (
    *((False, dimension) for dimension in DIMENSIONS),
    RESERVED_FLAT,
    RESERVED,
)
"""Everything that can be priced in a period, in the order in which rows are listed."""

VOLUME_OF: Final[dict[Slot, str]] = {
    ENERGY: "energy_kwh",
    CHARGING: "charging_hours",
    PARKING: "parking_hours",
    RESERVED: "reservation_hours",
}
NO_COMPONENT: Final = -1


@dataclass(frozen=True, slots=True)
class Moments:
    """Instants as restrictions see them (P3): what the clocks and the meter say then."""

    version: Ints
    local: LocalTime
    energy_before: Ints
    clocks: dict[Slot, Ints]
    """what min_duration and max_duration compare with, in microseconds"""
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
    if not reserves.any():
        return Scopes(~reserves, reserves)
    charges = np.zeros(len(reserves), dtype=np.bool_)
    for name in ("energy_kwh", "charging_hours", "parking_hours"):
        charges |= periods.volumes[name] != 0
    return Scopes(~reserves | charges, reserves)


def moments_of(
    sessions: Sessions, periods: Periods, scopes: Scopes, version: Ints, wall: Ints, policy: Policy
) -> Moments:
    """Look at the start of each period: nothing inside the period counts (P3)."""
    opening = np.minimum(sessions.started_at[periods.owners], periods.started_at[periods.starts])
    clock = periods.started_at - _plugged_in_at(periods, scopes, opening)[periods.owner]
    reserved = periods.started_at - opening[periods.owner] if scopes.reservation.any() else clock
    clocks: dict[Slot, Ints] = {slot: reserved if slot[0] else clock for slot in SLOTS}
    if policy.duration_clock is DurationClock.EACH_DIMENSION:
        charging = microseconds(before(periods, "charging_hours"))
        clocks |= {ENERGY: charging, CHARGING: charging, PARKING: microseconds(before(periods, "parking_hours"))}
    return Moments(
        version=version,
        local=LocalTime.of(wall),
        energy_before=before(periods, "energy_kwh"),
        clocks=clocks,
        readings=periods.readings,
        has_expired=sessions.flags["reservation_expired"][periods.session],
    )


def before(periods: Periods, name: str) -> Ints:
    """Add a volume up from the beginning of each session to each of its periods."""
    volume = periods.volumes[name]
    total = np.cumsum(volume) - volume
    return total - total[periods.starts][periods.owner]


def microseconds(hours: Ints) -> Ints:
    """Give hours in 1e-9 as whole microseconds, cut: comparing them with whole seconds stays exact."""
    return hours * 18 // 5


def _plugged_in_at(periods: Periods, scopes: Scopes, opening: Ints) -> Ints:
    """Say when the clock of min/max_duration starts: with the session, which a reservation only precedes."""
    if scopes.session.all():
        return opening
    rows = np.flatnonzero(scopes.session)
    place = np.searchsorted(rows, periods.starts)
    padded = np.append(rows, len(periods.session))[place]
    reserved_first = ~scopes.session[periods.starts] & (padded < periods.edges[1:])
    return np.where(reserved_first, periods.started_at[np.where(reserved_first, padded, 0)], opening)


def rows_of_slot(periods: Periods, scopes: Scopes, slot: Slot) -> Ints:
    """List the periods that have something to be priced in a slot."""
    in_scope = scopes.reservation if slot[0] else scopes.session
    if slot[1] is Dimension.FLAT:
        return np.flatnonzero(in_scope)
    return np.flatnonzero(in_scope & (periods.volumes[VOLUME_OF[slot]] != 0))


def first_matches(book: RuleBook, moments: Moments, slot: Slot, rows: Ints, policy: Policy) -> Ints:
    """Give for some moments the component that prices a slot, or NO_COMPONENT: then it is free (P2).

    Goes through the candidates in the tariff's order; moments that have found theirs drop out.
    """
    found = np.full(len(rows), NO_COMPONENT, dtype=np.int64)
    if not len(book.components.version):
        return found
    version = moments.version[rows]
    component, count = book.first[slot][version], book.count[slot][version]
    open_ = np.flatnonzero(count > 0)
    component, last = component[open_], component[open_] + count[open_] - 1
    while len(open_):
        applies = _applies(book, moments, slot, component, rows[open_], policy)
        matched = np.flatnonzero(applies)
        found[open_[matched]] = component[matched]
        goes_on = np.flatnonzero(~applies & (component < last))
        open_, component, last = open_[goes_on], component[goes_on] + 1, last[goes_on]
    return found


def _applies(book: RuleBook, moments: Moments, slot: Slot, component: Ints, rows: Ints, policy: Policy) -> Flags:
    """Tell whether all restrictions of a component's element hold (AND)."""
    applies = np.ones(len(rows), dtype=np.bool_)
    if slot[0]:
        applies &= moments.has_expired[rows] | ~book.components.only_expired[component]
    asked = np.flatnonzero(book.components.is_restricted[component])
    if len(asked) == len(rows):
        _apply_calendar(book, moments.local, component, rows, applies, policy)
        _apply_bounds(book, moments, slot, component, rows, applies)
    elif len(asked):
        component, rows = component[asked], rows[asked]
        holds = applies[asked]
        _apply_calendar(book, moments.local, component, rows, holds, policy)
        _apply_bounds(book, moments, slot, component, rows, holds)
        applies[asked] = holds
    return applies


def _apply_calendar(
    book: RuleBook, local: LocalTime, component: Ints, rows: Ints, applies: Flags, policy: Policy
) -> None:
    rules = book.components
    kinds = rules.restricted_by
    weekday = local.weekday[rows]
    if kinds & {"start_time", "end_time"}:
        at = local.time_of_day[rows]
        start, end = rules.start_time[component], rules.end_time[component]
        applies &= _within_day(start, end, at)
        if policy.night_weekday is NightWeekday.OF_THE_EVENING:
            weekday = np.where((start > end) & (at < end), (weekday + 6) % 7, weekday)
    if "start_date" in kinds:
        applies &= local.day[rows] >= rules.start_date[component]
    if "end_date" in kinds:
        applies &= local.day[rows] < rules.end_date[component]
    if "days_of_week_mask" in kinds:
        applies &= (rules.days_mask[component] >> weekday) & 1 == 1


def _within_day(start: Ints, end: Ints, at: Ints) -> Flags:
    """Tell whether a time of day is in a window, end exclusive, that wraps over midnight where it ends first (P4)."""
    since, until = start <= at, at < end
    return (since & until) | ((start > end) & (since | until))


def _apply_bounds(book: RuleBook, moments: Moments, slot: Slot, component: Ints, rows: Ints, applies: Flags) -> None:
    """Compare with lower bounds, inclusive, and upper bounds, exclusive."""
    values = {
        "min_kwh": moments.energy_before,
        "max_kwh": moments.energy_before,
        "min_duration_seconds": moments.clocks[slot],
        "max_duration_seconds": moments.clocks[slot],
        **moments.readings,
    }
    for name in sorted(book.components.restricted_by & values.keys()):
        bound, value = book.components.bounds[name][component], values[name][rows]
        applies &= value >= bound if name.startswith("min") else value < bound
