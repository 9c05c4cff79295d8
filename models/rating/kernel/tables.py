"""Frames read once into arrays, and cut into batches that fit a processor's cache: the kernel is row-local."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.rating.kernel.alignment import lined_up
from models.rating.kernel.choosing import NO_VERSION
from models.rating.kernel.exact import Ints, integers
from models.rating.kernel.facts import FLAGS, PRICED, Columns, Sessions, read_columns, wanted_columns
from models.rating.kernel.rulebook import RuleBook
from models.rating.kernel.zones import Offsets, zone_codes
from models.rating.outcome import Reason
from models.types.money import PRECISE_SCALE, minor_unit_scale

BATCH: Final = 65_536
"""Sessions priced together: at five periods each, an array of theirs is 2.6 MB."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that is to be priced, and what codes stand for."""

    sessions: Sessions
    columns: Columns
    book: RuleBook
    candidates: Ints
    """versions, as sessions list them one after the other"""
    version_currency: Ints
    zones: list[Offsets]

    def batches(self) -> Iterator[tuple[Sessions, Columns]]:
        """Cut the sessions into batches, one at least, each with its periods."""
        edges = np.arange(0, max(len(self.sessions.frame), 1) + BATCH, BATCH)
        rows = np.searchsorted(self.columns.owner, edges)
        for place, first in enumerate(edges[:-1].tolist()):
            which = slice(int(rows[place]), int(rows[place + 1]))
            yield self.sessions.part(slice(first, first + BATCH)), self.columns.part(which, first)


def read_tables(frame: pl.DataFrame, periods: pl.DataFrame | pl.LazyFrame, book: RuleBook, threads: Executor) -> Tables:
    """Read sessions and periods; a session that ends before it starts is declined."""
    started_at, ended_at = integers(frame["started_at"]), integers(frame["ended_at"])
    zoned = threads.submit(zone_codes, frame["time_zone"], np.concatenate([started_at, ended_at]))
    listed = threads.submit(_candidates, frame["tariff_version_ids"], book)
    priced_in = threads.submit(_currencies, frame["currency"], book)
    rows = periods.lazy().select(wanted_columns(book)).collect()
    columns = read_columns(*lined_up(frame, rows), book, threads)
    first, count, candidates = listed.result()
    currency, version_currency, minor_unit = priced_in.result()
    zone, zones = zoned.result()
    nothing = np.zeros(len(frame), dtype=np.bool_)
    sessions = Sessions(
        frame=frame,
        started_at=started_at,
        ended_at=ended_at,
        zone=zone,
        currency=currency,
        minor_unit=minor_unit,
        first_candidate=first,
        candidate_count=count,
        flags={name: frame[name].to_numpy() if name in frame.columns else nothing for name in FLAGS},
        reason=np.full(len(frame), PRICED, dtype=np.int64),
    )
    sessions.decline(ended_at < started_at, Reason.END_BEFORE_START)
    return Tables(sessions, columns, book, candidates, version_currency, zones)


def _candidates(lists: pl.Series, book: RuleBook) -> tuple[Ints, Ints, Ints]:
    """Give per session where its candidates stand, how many there are, and the candidates; unknown ids are dropped."""
    listed = integers(lists.list.len())
    versions = lists.explode(empty_as_null=False).cast(pl.Enum(book.versions.ids), strict=False)
    version = integers(versions, NO_VERSION)
    known = version != NO_VERSION
    if known.all():
        return np.cumsum(listed) - listed, listed, version
    owner = np.repeat(np.arange(len(lists)), listed)
    count = np.bincount(owner[known], minlength=len(lists)).astype(np.int64)
    return np.cumsum(count) - count, count, version[known]


def _currencies(of_sessions: pl.Series, book: RuleBook) -> tuple[Ints, Ints, Ints]:
    """Number the currencies of sessions and of versions alike, and give each session its smallest amount."""
    words = pl.concat([book.versions.currencies, of_sessions]).unique().drop_nulls().sort()
    code = integers(of_sessions.cast(pl.Enum(words)), len(words))
    units = [10 ** (PRECISE_SCALE - minor_unit_scale(word)) for word in words]
    return code, integers(book.versions.currencies.cast(pl.Enum(words)), -1), np.array([*units, 1])[code]
