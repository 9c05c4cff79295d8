"""Which tariff version prices each period (P14), and whether it may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.kernel.exact import Flags, Ints
from models.rating.kernel.facts import NO_TARIFF_ID, Periods, Sessions
from models.rating.kernel.rulebook import Versions
from models.rating.outcome import Reason

NO_VERSION: Final = -1


@dataclass(frozen=True, slots=True)
class Choice:
    """The tariff version of each period."""

    version: Ints
    """NO_VERSION where there is none: the session is then declined"""
    outside_validity: Flags

    def at(self, rows: Ints) -> Choice:
        """Give the choice of some periods."""
        return Choice(self.version[rows], self.outside_validity[rows])


def choose_tariffs(sessions: Sessions, periods: Periods, versions: Versions, candidates: Ints) -> Choice:
    """Choose per period the first candidate of its tariff_id valid at session start, else the first of that id."""
    first, count = sessions.first_candidate, sessions.candidate_count
    sessions.decline(count == 0, Reason.NO_TARIFF)
    named = np.full(len(periods.session), NO_VERSION, dtype=np.int64)
    valid = named.copy()
    rows: Ints | slice = slice(None)
    rank = 0
    while len(owner := periods.session[rows]):
        has = count > rank
        version = candidates[np.where(has, first + rank, 0)] if len(candidates) else np.zeros_like(first)
        is_valid = has & _is_valid(sessions, versions, version)
        wanted, chosen = periods.tariff_id[rows], version[owner]
        fits = (wanted == NO_TARIFF_ID) | (wanted == _code(versions, version)[owner])
        fits &= has.all() or has[owner]
        good = fits & is_valid[owner]
        if not rank and good.all():
            # The usual case: there is nothing to choose from, and each session has its tariff.
            return Choice(chosen, ~good)
        named[rows] = np.where(fits & (named[rows] == NO_VERSION), chosen, named[rows])
        valid[rows] = np.where(good, chosen, NO_VERSION)
        rank += 1
        rows = np.arange(len(valid))[rows][~good & (count[owner] > rank)]
    none_valid = valid == NO_VERSION
    if none_valid.any():
        sessions.decline(periods.session[named == NO_VERSION], Reason.UNKNOWN_TARIFF)
        sessions.decline(periods.session[none_valid & (periods.tariff_id == NO_TARIFF_ID)], Reason.NO_VALID_TARIFF)
    return Choice(np.where(none_valid, named, valid), none_valid)


def _is_valid(sessions: Sessions, versions: Versions, version: Ints) -> Flags:
    """Tell whether a version of each session is valid at its start, its end exclusive."""
    if not len(versions.ids):
        return np.zeros(len(version), dtype=np.bool_)
    begun = versions.valid_from[version] <= sessions.started_at
    return begun & (sessions.started_at < versions.valid_to[version])


def _code(versions: Versions, version: Ints) -> Ints:
    return versions.tariff_code[version] if len(versions.ids) else np.zeros_like(version)


def check_tariffs(
    sessions: Sessions, periods: Periods, choice: Choice, versions: Versions, version_currency: Ints
) -> None:
    """Decline sessions whose tariffs have another currency, or figures beyond the bounds."""
    if not len(versions.ids):
        return
    if len(np.unique(version_currency)) > 1 or (sessions.currency != version_currency[0]).any():
        _check_currencies(sessions, periods, choice, version_currency)
    if not versions.is_in_range.all():
        beyond = (choice.version != NO_VERSION) & ~versions.is_in_range[choice.version]
        sessions.decline(periods.session[beyond], Reason.OUT_OF_RANGE)


def _check_currencies(sessions: Sessions, periods: Periods, choice: Choice, version_currency: Ints) -> None:
    is_chosen = choice.version != NO_VERSION
    differs = is_chosen & (version_currency[choice.version] != sessions.currency[periods.session])
    sessions.decline(periods.session[differs], Reason.CURRENCY_DIFFERS)
