"""Which component prices what: the first element in the tariff that has the dimension and whose restrictions hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.rating.kernel.exact import Flags, Ints
from models.rating.kernel.facts import Periods, Sessions
from models.rating.kernel.ranks import Rank
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
_TIMES: Final = frozenset(("start_time", "end_time"))
_CALENDAR: Final = _TIMES | {"start_date", "end_date", "days_of_week_mask"}


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
        has_expired=_has_expired(sessions, periods),
    )


def _has_expired(sessions: Sessions, periods: Periods) -> Flags:
    flags = sessions.flags["reservation_expired"]
    return flags[periods.session] if flags.any() else np.zeros(len(periods.session), dtype=np.bool_)


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
    first, count = book.first[slot], book.count[slot]
    open_ = np.flatnonzero((count > 0)[moments.version[rows]]) if len(count) else rows[:0]
    rows = rows[open_]
    for place, rank in enumerate(book.ranks[slot]):
        version = moments.version[rows]
        component = first[version] + place
        if not rank.kinds and not slot[0]:
            found[open_] = component
            break
        applies = _applies(_Trial(book, rank.kinds, slot, component, rows), moments, rank, policy)
        matched = np.flatnonzero(applies)
        found[open_[matched]] = component[matched]
        goes_on = np.flatnonzero(~applies & (count > place + 1)[version])
        open_, rows = open_[goes_on], rows[goes_on]
    return found


@dataclass(frozen=True, slots=True)
class _Trial:
    """Components that are held against moments, one to one."""

    book: RuleBook
    kinds: frozenset[str]
    """the kinds of restriction that some of them have"""
    slot: Slot
    component: Ints
    rows: Ints
    """places of the moments"""

    def at(self, places: Ints) -> _Trial:
        return replace(self, component=self.component[places], rows=self.rows[places])


def _applies(trial: _Trial, moments: Moments, rank: Rank, policy: Policy) -> Flags:
    """Tell whether all restrictions of a component's element hold (AND)."""
    applies = np.ones(len(trial.rows), dtype=np.bool_)
    if trial.slot[0]:
        applies &= moments.has_expired[trial.rows] | ~trial.book.components.only_expired[trial.component]
    if rank.is_restricted:
        _restrict(trial, moments, applies, policy)
    elif rank.kinds:
        asked = np.flatnonzero(trial.book.components.is_restricted[trial.component])
        holds = applies[asked]
        _restrict(trial.at(asked), moments, holds, policy)
        applies[asked] = holds
    return applies


def _restrict(trial: _Trial, moments: Moments, applies: Flags, policy: Policy) -> None:
    if trial.kinds & _CALENDAR:
        _apply_calendar(trial, moments.local, applies, policy)
    _apply_bounds(trial, moments, applies)


def _apply_calendar(trial: _Trial, local: LocalTime, applies: Flags, policy: Policy) -> None:
    rules, kinds, component, rows = trial.book.components, trial.kinds, trial.component, trial.rows
    if kinds & _TIMES:
        applies &= _within_day(rules.start_time[component], rules.end_time[component], local.time_of_day[rows])
    if "start_date" in kinds:
        applies &= local.day[rows] >= rules.start_date[component]
    if "end_date" in kinds:
        applies &= local.day[rows] < rules.end_date[component]
    if "days_of_week_mask" in kinds:
        applies &= (rules.days_mask[component] >> _weekday(trial, local, policy)) & 1 == 1


def _weekday(trial: _Trial, local: LocalTime, policy: Policy) -> Ints:
    """Say which weekday counts: after midnight that of the evening before, where the policy and a window say so."""
    weekday = local.weekday[trial.rows]
    if not trial.kinds & _TIMES or policy.night_weekday is not NightWeekday.OF_THE_EVENING:
        return weekday
    rules, at = trial.book.components, local.time_of_day[trial.rows]
    start, end = rules.start_time[trial.component], rules.end_time[trial.component]
    return np.where((start > end) & (at < end), (weekday + 6) % 7, weekday)


def _within_day(start: Ints, end: Ints, at: Ints) -> Flags:
    """Tell whether a time of day is in a window, end exclusive, that wraps over midnight where it ends first (P4)."""
    since, until = start <= at, at < end
    return (since & until) | ((start > end) & (since | until))


def _apply_bounds(trial: _Trial, moments: Moments, applies: Flags) -> None:
    """Compare with lower bounds, inclusive, and upper bounds, exclusive."""
    values = {
        "min_kwh": moments.energy_before,
        "max_kwh": moments.energy_before,
        "min_duration_seconds": moments.clocks[trial.slot],
        "max_duration_seconds": moments.clocks[trial.slot],
        **moments.readings,
    }
    for name in sorted(trial.kinds & values.keys()):
        bound, value = trial.book.components.bounds[name][trial.component], values[name][trial.rows]
        applies &= value >= bound if name.startswith("min") else value < bound
