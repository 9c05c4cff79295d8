"""Sessions and their charging periods as arrays, aligned: the periods of a session stand together, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from models.rating.bounds import LARGEST_VOLUME, MOST_PERIODS
from models.rating.exact import HIGHEST, LOWEST, VOLUME_UNIT, Flags, Ints, integers, sums
from models.rating.exact import whole_units as units
from models.rating.outcome import Reason
from models.rating.rulebook import DAY_IN_MICROSECONDS, Versions

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
NO_VERSION: Final = -1


@dataclass(frozen=True, slots=True)
class Sessions:
    """One entry per session; `reason` is lowered to the first thing that speaks against pricing it."""

    frame: pl.DataFrame
    started_at: Ints
    ended_at: Ints
    reason: Ints

    def decline(self, sessions: Ints | Flags, reason: Reason) -> None:
        """Note a reason for some sessions; the one listed first in `Reason` stays."""
        self.reason[sessions] = np.minimum(self.reason[sessions], REASONS.index(reason))


@dataclass(frozen=True, slots=True)
class Periods:
    """One entry per period, of sessions that have any; volumes in 1e-9, instants in microseconds."""

    session: Ints
    """index into `Sessions`"""
    starts: Ints
    """where the periods of each session begin"""
    owners: Ints
    """the session of each start"""
    index: Ints
    started_at: Ints
    volumes: dict[str, Ints]
    readings: dict[str, Ints]
    tariff_id: Ints
    """a code shared with the versions, or NO_TARIFF_ID, or UNKNOWN_TARIFF_ID"""

    def per_period(self, of_sessions: Ints) -> Ints:
        """Repeat one value per session with periods for each of its periods."""
        return np.repeat(of_sessions, np.diff(self.starts, append=len(self.session)))

    def kept(self, keep: Flags) -> Periods:
        """Leave out the periods of whole sessions."""
        session = self.session[keep]
        starts = np.flatnonzero(np.diff(session, prepend=-1))
        return Periods(
            session=session,
            starts=starts,
            owners=session[starts],
            index=self.index[keep],
            started_at=self.started_at[keep],
            volumes={name: volume[keep] for name, volume in self.volumes.items()},
            readings={name: reading[keep] for name, reading in self.readings.items()},
            tariff_id=self.tariff_id[keep],
        )


def read_sessions(frame: pl.DataFrame) -> Sessions:
    """Take the columns that pricing reads; a session that ends before it starts is declined."""
    sessions = Sessions(
        frame,
        integers(frame["started_at"]),
        integers(frame["ended_at"]),
        np.full(len(frame), PRICED, dtype=np.int64),
    )
    sessions.decline(sessions.ended_at < sessions.started_at, Reason.END_BEFORE_START)
    return sessions


def read_periods(sessions: Sessions, frame: pl.DataFrame, tariff_ids: pl.Series) -> Periods:
    """Line the periods up with their sessions; volumes out of bounds decline their session and count as zero."""
    keys = sessions.frame.select("cdr_key").with_row_index("session")
    rows = frame.join(keys, on="cdr_key", how="inner", validate="m:1").sort("session", "period_index")
    session = integers(rows["session"])
    starts = np.flatnonzero(np.diff(session, prepend=-1))
    without = np.ones(len(sessions.frame), dtype=np.bool_)
    without[session] = False
    sessions.decline(without, Reason.NO_PERIODS)
    periods = Periods(
        session=session,
        starts=starts,
        owners=session[starts],
        index=integers(rows["period_index"]),
        started_at=integers(rows["started_at"]),
        volumes={name: units(rows[name]) for name in VOLUMES},
        readings={name: units(rows[name], absent) for name, absent in _READINGS.items()},
        tariff_id=_codes(rows["tariff_id"], tariff_ids),
    )
    _check_volumes(sessions, periods)
    return periods


def _codes(wanted: pl.Series, known: pl.Series) -> Ints:
    words = pl.Enum(known.unique().sort())
    code = integers(wanted.str.to_uppercase().cast(words, strict=False), UNKNOWN_TARIFF_ID)
    return np.where(wanted.is_null().to_numpy(), NO_TARIFF_ID, code)


def codes_of_versions(versions: Versions) -> Ints:
    """Give the tariff id code of each version, as `Periods.tariff_id` counts them."""
    return _codes(versions.tariff_ids, versions.tariff_ids)


def _check_volumes(sessions: Sessions, periods: Periods) -> None:
    bound = LARGEST_VOLUME * VOLUME_UNIT
    many = np.diff(periods.starts, append=len(periods.session)) > MOST_PERIODS
    sessions.decline(periods.owners[many], Reason.OUT_OF_RANGE)
    for name, volume in periods.volumes.items():
        beyond = np.abs(volume) > bound
        sessions.decline(periods.session[beyond], Reason.OUT_OF_RANGE)
        periods.volumes[name] = np.where(beyond, 0, volume)
        total = sums(np.abs(periods.volumes[name]), periods.starts)
        sessions.decline(periods.owners[total > bound], Reason.OUT_OF_RANGE)


@dataclass(frozen=True, slots=True)
class Choice:
    """The tariff version of each period (P14)."""

    version: Ints
    """NO_VERSION where there is none: the session is then declined"""
    outside_validity: Flags


def choose_tariffs(sessions: Sessions, periods: Periods, versions: Versions) -> Choice:
    """Choose per period the first candidate of its tariff_id valid at session start, else the first of that id."""
    first, count, candidates = _candidates(sessions, versions)
    sessions.decline(count == 0, Reason.NO_TARIFF)
    valid = np.full(len(periods.session), NO_VERSION, dtype=np.int64)
    named = valid.copy()
    code = codes_of_versions(versions)
    rows, rank = np.arange(len(periods.session)), 0
    while len(rows := rows[(count[periods.session[rows]] > rank) & (valid[rows] == NO_VERSION)]):
        version = candidates[first[periods.session[rows]] + rank]
        start = sessions.started_at[periods.session[rows]]
        fits = (periods.tariff_id[rows] == NO_TARIFF_ID) | (periods.tariff_id[rows] == code[version])
        in_time = (versions.valid_from[version] <= start) & (start < versions.valid_to[version])
        valid[rows[fits & in_time]] = version[fits & in_time]
        new = fits & (named[rows] == NO_VERSION)
        named[rows[new]] = version[new]
        rank += 1
    none_valid = (valid == NO_VERSION) & (periods.tariff_id == NO_TARIFF_ID)
    sessions.decline(periods.session[named == NO_VERSION], Reason.UNKNOWN_TARIFF)
    sessions.decline(periods.session[none_valid], Reason.NO_VALID_TARIFF)
    return Choice(np.where(valid == NO_VERSION, named, valid), valid == NO_VERSION)


def _candidates(sessions: Sessions, versions: Versions) -> tuple[Ints, Ints, Ints]:
    """Give per session where its candidates stand, how many there are, and the candidates; unknown ids are dropped."""
    known = versions.ids.to_frame().with_row_index("version")
    rows = (
        sessions.frame.select(pl.col("tariff_version_ids").alias("tariff_version_id"))
        .with_row_index("session")
        .explode("tariff_version_id", empty_as_null=True)
        .join(known, on="tariff_version_id", how="inner", maintain_order="left")
    )
    count = np.bincount(integers(rows["session"]), minlength=len(sessions.frame)).astype(np.int64)
    return np.cumsum(count) - count, count, integers(rows["version"])


def check_tariffs(sessions: Sessions, periods: Periods, choice: Choice, versions: Versions) -> None:
    """Decline sessions whose tariffs have another currency, or figures beyond the bounds."""
    chosen = np.flatnonzero(choice.version != NO_VERSION)
    session, version = periods.session[chosen], choice.version[chosen]
    every = pl.concat([versions.currencies, sessions.frame["currency"]]).unique().drop_nulls().sort()
    tariff_currency = integers(versions.currencies.cast(pl.Enum(every)), -1)
    session_currency = integers(sessions.frame["currency"].cast(pl.Enum(every)), -1)
    sessions.decline(session[tariff_currency[version] != session_currency[session]], Reason.CURRENCY_DIFFERS)
    sessions.decline(session[~versions.is_in_range[version]], Reason.OUT_OF_RANGE)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """What clock and calendar at the charge point say at the start of each period; zero where nothing asks."""

    time_of_day: Ints
    """microseconds"""
    day: Ints
    """days since 1970-01-01, a Thursday"""
    weekday: Ints
    """Monday is 0"""


def local_time(sessions: Sessions, periods: Periods, choice: Choice, versions: Versions) -> LocalTime:
    """Convert where a tariff has local restrictions, zone by zone: a zone belongs to a column, not to a row.

    A session that needs a zone and has none, or one that does not exist, is declined.
    """
    wall = np.zeros(len(periods.session), dtype=np.int64)
    chosen = np.flatnonzero(choice.version != NO_VERSION)
    asking = chosen[versions.is_local[choice.version[chosen]]]
    names = sessions.frame["time_zone"].gather(periods.session[asking])
    zones = names.unique()
    code = integers(names.cast(pl.Enum(zones.drop_nulls())), -1)
    for place, zone in enumerate(zones.drop_nulls()):
        rows = asking[code == place]
        local = _wall_clock(periods.started_at[rows], zone)
        if local is None:
            sessions.decline(periods.session[rows], Reason.NO_TIME_ZONE)
        else:
            wall[rows] = local
    sessions.decline(periods.session[asking[code == -1]], Reason.NO_TIME_ZONE)
    day = wall // DAY_IN_MICROSECONDS
    return LocalTime(wall - day * DAY_IN_MICROSECONDS, day, (day + 3) % 7)


def kept_local_time(local: LocalTime, keep: Flags) -> LocalTime:
    """Leave out what `Periods.kept` leaves out."""
    return LocalTime(local.time_of_day[keep], local.day[keep], local.weekday[keep])


def _wall_clock(instants: Ints, zone: str) -> Ints | None:
    column = pl.Series(instants).cast(pl.Datetime("us", "UTC"))
    try:
        return integers(column.dt.convert_time_zone(zone).dt.replace_time_zone(None))
    except PolarsError:
        return None
