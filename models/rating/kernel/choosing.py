"""Which tariff version prices each period (P14), and whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.rating.kernel.exact import Flags, Ints, integers
from models.rating.kernel.facts import NO_TARIFF_ID, Periods, Sessions, codes_of
from models.rating.kernel.rulebook import Versions
from models.rating.outcome import Reason

NO_VERSION: Final = -1


@dataclass(frozen=True, slots=True)
class Choice:
    """The tariff version of each period."""

    version: Ints
    """NO_VERSION where there is none: the session is then declined"""
    outside_validity: Flags

    def kept(self, keep: Flags) -> Choice:
        """Leave out what `Periods.kept` leaves out."""
        return self if keep.all() else Choice(self.version[keep], self.outside_validity[keep])


def choose_tariffs(sessions: Sessions, periods: Periods, versions: Versions) -> Choice:
    """Choose per period the first candidate of its tariff_id valid at session start, else the first of that id."""
    first, count, candidates = _candidates(sessions, versions)
    sessions.decline(count == 0, Reason.NO_TARIFF)
    valid = np.full(len(periods.session), NO_VERSION, dtype=np.int64)
    named = valid.copy()
    code = codes_of(versions.tariff_ids)
    rows, rank = np.arange(len(periods.session)), 0
    while len(rows := rows[(count[periods.session[rows]] > rank) & (valid[rows] == NO_VERSION)]):
        version = candidates[np.minimum(first + rank, len(candidates) - 1)]
        in_time = (versions.valid_from[version] <= sessions.started_at) & (
            sessions.started_at < versions.valid_to[version]
        )
        owner, wanted = periods.session[rows], periods.tariff_id[rows]
        fits = (wanted == NO_TARIFF_ID) | (wanted == code[version][owner])
        chosen = version[owner]
        good = fits & in_time[owner]
        valid[rows[good]] = chosen[good]
        new = fits & (named[rows] == NO_VERSION)
        named[rows[new]] = chosen[new]
        rank += 1
    none_valid = valid == NO_VERSION
    sessions.decline(periods.session[named == NO_VERSION], Reason.UNKNOWN_TARIFF)
    sessions.decline(periods.session[none_valid & (periods.tariff_id == NO_TARIFF_ID)], Reason.NO_VALID_TARIFF)
    return Choice(np.where(none_valid, named, valid), none_valid)


def _candidates(sessions: Sessions, versions: Versions) -> tuple[Ints, Ints, Ints]:
    """Give per session where its candidates stand, how many there are, and the candidates; unknown ids are dropped."""
    lists = sessions.frame["tariff_version_ids"]
    listed = integers(lists.list.len())
    word = pl.Enum(versions.ids)
    version = integers(lists.explode(empty_as_null=False).cast(word, strict=False), NO_VERSION)
    owner = np.repeat(np.arange(len(lists)), listed)
    known = version != NO_VERSION
    count = np.bincount(owner[known], minlength=len(lists)).astype(np.int64)
    return np.cumsum(count) - count, count, version[known]


def check_tariffs(sessions: Sessions, periods: Periods, choice: Choice, versions: Versions) -> None:
    """Decline sessions whose tariffs have another currency, or figures beyond the bounds."""
    chosen = np.flatnonzero(choice.version != NO_VERSION)
    session, version = periods.session[chosen], choice.version[chosen]
    every = pl.concat([versions.currencies, sessions.frame["currency"]]).unique().drop_nulls().sort()
    tariff_currency = integers(versions.currencies.cast(pl.Enum(every)), -1)
    session_currency = integers(sessions.frame["currency"].cast(pl.Enum(every)), -1)
    sessions.decline(session[tariff_currency[version] != session_currency[session]], Reason.CURRENCY_DIFFERS)
    sessions.decline(session[~versions.is_in_range[version]], Reason.OUT_OF_RANGE)
