"""Sessions and their charging periods as arrays, aligned: the periods of a session stand together, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.rating.bounds import LARGEST_VOLUME, MOST_PERIODS
from models.rating.kernel.alignment import Batch
from models.rating.kernel.exact import (
    HIGHEST,
    LOWEST,
    VOLUME_UNIT,
    Flags,
    Ints,
    edges_of,
    integers,
    is_first,
    largest,
    sums,
)
from models.rating.kernel.exact import whole_units as units
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
FLAGS: Final = ("reservation_expired", "is_credit", "has_unordered_periods", "has_unknown_dimensions")
"""Columns of sessions that may be left out: then they are false."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """One entry per session; `reason` is lowered to the first thing that speaks against pricing it."""

    frame: pl.DataFrame
    started_at: Ints
    ended_at: Ints
    flags: dict[str, Flags]
    reason: Ints

    def decline(self, sessions: Ints | Flags, reason: Reason) -> None:
        """Note a reason for some sessions; the one listed first in `Reason` stays."""
        self.reason[sessions] = np.minimum(self.reason[sessions], REASONS.index(reason))


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

    def kept(self, keep: Flags) -> Periods:
        """Leave out the periods of whole sessions."""
        if keep.all():
            return self
        return Periods(
            *owned(self.session[keep]),
            index=self.index[keep],
            started_at=self.started_at[keep],
            ended_at=self.ended_at[keep],
            volumes={name: volume[keep] for name, volume in self.volumes.items()},
            readings={name: reading[keep] for name, reading in self.readings.items()},
            tariff_id=self.tariff_id[keep],
        )


def owned(session: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Give the first fields of `Periods` from the session of each period."""
    first = is_first(session)
    owner = np.cumsum(first) - 1
    owners = session[first]
    return session, owners, owner, edges_of(owner, len(owners))


def read_sessions(frame: pl.DataFrame) -> Sessions:
    """Take the columns that pricing reads; a session that ends before it starts is declined."""
    nothing = np.zeros(len(frame), dtype=np.bool_)
    sessions = Sessions(
        frame,
        integers(frame["started_at"]),
        integers(frame["ended_at"]),
        {name: frame[name].to_numpy() if name in frame.columns else nothing for name in FLAGS},
        np.full(len(frame), PRICED, dtype=np.int64),
    )
    sessions.decline(sessions.ended_at < sessions.started_at, Reason.END_BEFORE_START)
    return sessions


def read_periods(
    sessions: Sessions, batch: Batch, tariff_ids: pl.Series, restricted_by: frozenset[str], policy: Policy
) -> Periods:
    """Take the periods of a batch; volumes out of bounds decline their session and count as zero.

    Readings of current and power are taken only where some tariff asks for them.
    """
    rows = batch.periods
    session, owners, owner, edges = owned(batch.owner)
    if len(owners) < len(sessions.frame):
        without = np.ones(len(sessions.frame), dtype=np.bool_)
        without[owners] = False
        sessions.decline(without, Reason.NO_PERIODS)
    started_at = integers(rows["started_at"])
    ended_at = np.append(started_at[1:], 0)[: len(session)]
    ended_at[edges[1:] - 1] = sessions.ended_at[owners]
    periods = Periods(
        session=session,
        owners=owners,
        owner=owner,
        edges=edges,
        index=integers(rows["period_index"]),
        started_at=started_at,
        ended_at=np.maximum(ended_at, started_at),
        volumes={name: units(rows[name]) for name in VOLUMES},
        readings={name: units(rows[name], absent) for name, absent in _READINGS.items() if name in restricted_by},
        tariff_id=_codes(rows["tariff_id"], tariff_ids),
    )
    if policy.time_without_dimension is TimeWithoutDimension.WALL_CLOCK:
        _count_wall_clock(periods, rows["charging_hours"].is_not_null().to_numpy())
    _check_volumes(sessions, periods)
    return periods


def _count_wall_clock(periods: Periods, lists_time: Flags) -> None:
    """Take the clock for charging time in sessions that list none; cut, so that rounding begins no step."""
    silent = ~periods.owners_with(lists_time)[periods.owner]
    hours = (periods.ended_at - periods.started_at) // 18 * 5 + (periods.ended_at - periods.started_at) % 18 * 5 // 18
    used = periods.volumes["parking_hours"] + periods.volumes["reservation_hours"]
    periods.volumes["charging_hours"] = np.where(silent, np.maximum(hours - used, 0), periods.volumes["charging_hours"])


def _codes(wanted: pl.Series, known: pl.Series) -> Ints:
    """Number tariff ids as `known` has them, without regard to case."""
    if wanted.null_count() == len(wanted):
        return np.full(len(wanted), NO_TARIFF_ID, dtype=np.int64)
    spellings = wanted.unique().drop_nulls()
    words = pl.Enum(known.unique().sort())
    code = integers(spellings.str.to_uppercase().cast(words, strict=False), UNKNOWN_TARIFF_ID)
    return np.append(code, NO_TARIFF_ID)[integers(wanted.cast(pl.Enum(spellings)), len(code))]


def codes_of(tariff_ids: pl.Series) -> Ints:
    """Give the tariff id code of each version, as `Periods.tariff_id` counts them."""
    return _codes(tariff_ids, tariff_ids)


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
