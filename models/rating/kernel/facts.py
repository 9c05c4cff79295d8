"""Sessions and their charging periods as arrays, aligned: the periods of a session stand together, in their order."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.rating.bounds import LARGEST_VOLUME, MOST_PERIODS
from models.rating.kernel.alignment import runs
from models.rating.kernel.exact import (
    HIGHEST,
    LOWEST,
    VOLUME_UNIT,
    Flags,
    Ints,
    constant,
    integers,
    is_first,
    largest,
    sums,
)
from models.rating.kernel.exact import whole_units as units
from models.rating.kernel.rulebook import RuleBook
from models.rating.outcome import Reason
from models.rating.policy import Policy, TimeWithoutDimension

REASONS: Final = tuple(Reason)
PRICED: Final = len(REASONS)
"""The reason code of a session that nothing speaks against."""

VOLUMES: Final = ("energy_kwh", "charging_hours", "parking_hours", "reservation_hours")
_READINGS: Final = {
    "min_current_a": HIGHEST,
    "max_current_a": LOWEST,
    "min_power_kw": HIGHEST,
    "max_power_kw": LOWEST,
}
"""What the period says of current and power; the value of an absent one meets every bound (P5)."""

NO_TARIFF_ID: Final = -1
UNKNOWN_TARIFF_ID: Final = -2
NO_ZONE: Final = -1
FLAGS: Final = ("reservation_expired", "is_credit", "has_unordered_periods", "has_unknown_dimensions")
"""Columns of sessions that may be left out: then they are false."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """One entry per session; `reason` is lowered to the first thing that speaks against pricing it."""

    frame: pl.DataFrame
    started_at: Ints
    ended_at: Ints
    zone: Ints
    """a code, NO_ZONE where the zone is unknown or does not exist"""
    currency: Ints
    """a code shared with the versions"""
    minor_unit: Ints
    """the smallest amount of the currency, in 1e-12"""
    first_candidate: Ints
    """where the tariff versions that the session lists stand in `Tables.candidates`"""
    candidate_count: Ints
    flags: dict[str, Flags]
    reason: Ints

    def decline(self, sessions: Ints | Flags, reason: Reason) -> None:
        """Note a reason for some sessions; the one listed first in `Reason` stays."""
        self.reason[sessions] = np.minimum(self.reason[sessions], REASONS.index(reason))

    def part(self, which: slice) -> Sessions:
        """Give some sessions, as views: what is declined there is declined here."""
        return Sessions(
            frame=self.frame[which],
            started_at=self.started_at[which],
            ended_at=self.ended_at[which],
            zone=self.zone[which],
            currency=self.currency[which],
            minor_unit=self.minor_unit[which],
            first_candidate=self.first_candidate[which],
            candidate_count=self.candidate_count[which],
            flags={name: flags[which] for name, flags in self.flags.items()},
            reason=self.reason[which],
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of charging periods as arrays: one entry per period, in the order of their sessions."""

    owner: Ints
    """index into `Sessions`"""
    index: Ints
    started_at: Ints
    volumes: dict[str, Ints]
    readings: dict[str, Ints]
    """taken only where some tariff asks for them"""
    tariff_id: Ints
    lists_time: Flags
    """whether the period lists a TIME dimension at all"""

    def part(self, which: slice, first_session: int) -> Columns:
        """Give some periods, their sessions counted from `first_session`."""
        return Columns(
            self.owner[which] - first_session,
            self.index[which],
            self.started_at[which],
            {name: volume[which] for name, volume in self.volumes.items()},
            {name: reading[which] for name, reading in self.readings.items()},
            self.tariff_id[which],
            self.lists_time[which],
        )


@dataclass(frozen=True, slots=True)
class Periods:
    """One entry per period, of sessions that have any; volumes in 1e-9, instants in microseconds."""

    session: Ints
    """index into `Sessions`"""
    owners: Ints
    """the sessions that have periods"""
    owner: Ints
    """index into `owners`"""
    edges: Ints
    """where the periods of each owner begin, and where the last end"""
    index: Ints
    started_at: Ints
    ended_at: Ints
    """where the next begins, the last with its session; never before its own start"""
    earliest: Ints
    """per owner: when the first of its periods starts, whatever their order"""
    latest: Ints
    """per owner: when the last of them ends"""
    volumes: dict[str, Ints]
    readings: dict[str, Ints]
    tariff_id: Ints
    """a code shared with the versions, or NO_TARIFF_ID, or UNKNOWN_TARIFF_ID"""

    @property
    def starts(self) -> Ints:
        """Give the first period of each owner."""
        return self.edges[:-1]

    def owners_with(self, flags: Flags) -> Flags:
        """Tell which owners have a period that is flagged."""
        found = np.zeros(len(self.owners), dtype=np.bool_)
        found[self.owner[flags]] = True
        return found

    def kept(self, keep: Flags) -> tuple[Periods, Ints]:
        """Keep some owners, and say where their periods stood."""
        rows = np.flatnonzero(keep[self.owner])
        kept = Periods(
            *owned(self.session[rows]),
            index=self.index[rows],
            started_at=self.started_at[rows],
            ended_at=self.ended_at[rows],
            earliest=self.earliest[keep],
            latest=self.latest[keep],
            volumes={name: volume[rows] for name, volume in self.volumes.items()},
            readings={name: reading[rows] for name, reading in self.readings.items()},
            tariff_id=self.tariff_id[rows],
        )
        return kept, rows


def owned(session: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Give the first fields of `Periods` from the session of each period."""
    first = is_first(session)
    starts = np.flatnonzero(first)
    return session, session[starts], np.cumsum(first) - 1, np.append(starts, len(session))


def wanted_columns(book: RuleBook) -> list[str]:
    """List the columns of charging periods that pricing reads; readings of power only where some tariff asks."""
    asked = [name for name in _READINGS if name in book.components.restricted_by]
    return ["cdr_key", "period_index", "started_at", *VOLUMES, *asked, "tariff_id"]


def read_columns(rows: pl.DataFrame, owner: Ints, index: Ints, book: RuleBook, threads: Executor) -> Columns:
    """Take the columns that pricing reads, as many at once as there are threads."""
    asked = {name: absent for name, absent in _READINGS.items() if name in book.components.restricted_by}
    tariff_id = threads.submit(_tariff_codes, rows["tariff_id"], book)
    volumes = {name: threads.submit(units, rows[name]) for name in VOLUMES}
    readings = {name: threads.submit(units, rows[name], absent) for name, absent in asked.items()}
    return Columns(
        owner=owner,
        index=index,
        started_at=integers(rows["started_at"]),
        volumes={name: column.result() for name, column in volumes.items()},
        readings={name: column.result() for name, column in readings.items()},
        tariff_id=tariff_id.result(),
        lists_time=rows["charging_hours"].is_not_null().to_numpy(),
    )


def periods_of(sessions: Sessions, columns: Columns, policy: Policy) -> Periods:
    """Put the periods of some sessions together; volumes out of bounds decline their session and count as zero."""
    session, owners, owner, edges = owned(columns.owner)
    if len(owners) < len(sessions.frame):
        without = np.ones(len(sessions.frame), dtype=np.bool_)
        without[owners] = False
        sessions.decline(without, Reason.NO_PERIODS)
    ended_at = np.append(columns.started_at[1:], 0)[: len(session)]
    ended_at[edges[1:] - 1] = sessions.ended_at[owners]
    ended_at = np.maximum(ended_at, columns.started_at)
    earliest, latest = _reach(columns.started_at, ended_at, edges)
    periods = Periods(
        session=session,
        owners=owners,
        owner=owner,
        edges=edges,
        index=columns.index,
        started_at=columns.started_at,
        ended_at=ended_at,
        earliest=earliest,
        latest=latest,
        volumes=dict(columns.volumes),
        readings=columns.readings,
        tariff_id=columns.tariff_id,
    )
    if policy.time_without_dimension is TimeWithoutDimension.WALL_CLOCK:
        _count_wall_clock(periods, columns.lists_time)
    _check_volumes(sessions, periods)
    return periods


def _reach(started_at: Ints, ended_at: Ints, edges: Ints) -> tuple[Ints, Ints]:
    """Say per session when its first period starts and its last one ends; only where they are in disorder, search."""
    falls = np.flatnonzero(started_at[1:] < started_at[:-1]) + 1
    begins = np.zeros(len(started_at) + 1, dtype=np.bool_)
    begins[edges] = True
    if begins[falls].all():
        return started_at[edges[:-1]], ended_at[edges[1:] - 1]
    return np.minimum.reduceat(started_at, edges[:-1]), np.maximum.reduceat(ended_at, edges[:-1])


def _count_wall_clock(periods: Periods, lists_time: Flags) -> None:
    """Take the clock for charging time in sessions that list none; cut, so that rounding begins no step."""
    silent = ~periods.owners_with(lists_time)[periods.owner]
    hours = (periods.ended_at - periods.started_at) // 18 * 5 + (periods.ended_at - periods.started_at) % 18 * 5 // 18
    used = periods.volumes["parking_hours"] + periods.volumes["reservation_hours"]
    periods.volumes["charging_hours"] = np.where(silent, np.maximum(hours - used, 0), periods.volumes["charging_hours"])


def _tariff_codes(wanted: pl.Series, book: RuleBook) -> Ints:
    """Number the tariff ids of periods as the versions have them, without regard to case."""
    if wanted.null_count() == len(wanted):
        return constant(NO_TARIFF_ID, len(wanted))
    starts, heads = runs(wanted)
    spellings = heads.unique().drop_nulls().sort()
    known = dict(zip(book.versions.tariff_ids, book.versions.tariff_code.tolist(), strict=True))
    code = np.array([known.get(spelling.upper(), UNKNOWN_TARIFF_ID) for spelling in spellings], dtype=np.int64)
    of_heads = np.append(code, NO_TARIFF_ID)[integers(heads.cast(pl.Enum(spellings)), len(code))]
    return np.repeat(of_heads, np.diff(starts, append=len(wanted)))


def _check_volumes(sessions: Sessions, periods: Periods) -> None:
    bound = LARGEST_VOLUME * VOLUME_UNIT
    counts = np.diff(periods.edges)
    if largest(counts) > MOST_PERIODS:
        sessions.decline(periods.owners[counts > MOST_PERIODS], Reason.OUT_OF_RANGE)
    for name, volume in periods.volumes.items():
        if largest(volume) * largest(counts) <= bound:
            continue
        beyond = np.abs(volume) > bound
        sessions.decline(periods.session[beyond], Reason.OUT_OF_RANGE)
        periods.volumes[name] = np.where(beyond, 0, volume)
        total = sums(np.abs(periods.volumes[name]), periods.edges)
        sessions.decline(periods.owners[total > bound], Reason.OUT_OF_RANGE)
