"""Every CDR of a frame priced at once: rules P1-P16 over arrays, exact, row-local and linear.

The cost does not depend on tariffs that no session uses. `models.rating.reference` says the same one CDR at a time;
tests hold the two together to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from models.rating.amounts import Rows, volume_rows
from models.rating.exact import Flags, Ints, any_of
from models.rating.facts import (
    NO_VERSION,
    PRICED,
    Choice,
    Periods,
    Sessions,
    check_tariffs,
    choose_tariffs,
    kept_local_time,
    local_time,
    read_periods,
    read_sessions,
)
from models.rating.matching import moments_of, scopes_of
from models.rating.outcome import Note, Reason
from models.rating.output import cdr_frame, component_frame
from models.rating.policy import DEFAULT_POLICY, Policy
from models.rating.rulebook import RuleBook, rule_book
from models.rating.steps import Steps, step_rows
from models.rating.totals import Totals, totals_of

__all__ = ["Rated", "rate"]


@dataclass(frozen=True)
class Rated:
    """Priced sessions: `cdrs` fits `priced.RatedCdrs`, `components` fits `priced.RatedComponents`.

    The component rows are laid out when they are first asked for; totals do not need them.
    """

    cdrs: pl.DataFrame
    priced: Priced

    @cached_property
    def components(self) -> pl.DataFrame:
        """One row per priced component, in the order of `cdrs`."""
        return component_frame(self.priced)


@dataclass(frozen=True, slots=True)
class Priced:
    """The arrays between rules and frames; one entry per session with periods where not said otherwise."""

    sessions: Sessions
    book: RuleBook
    periods: Periods
    policy: Policy
    rows: list[Rows]
    steps: Steps
    totals: Totals
    version: Ints
    """the one version that priced the session, or NO_VERSION"""
    mode: Ints
    """tax_included of all its tariffs, or -1 where they differ"""
    notes: dict[Note, Flags]


def rate(
    sessions: pl.DataFrame,
    periods: pl.DataFrame,
    versions: pl.DataFrame,
    components: pl.DataFrame,
    policy: Policy = DEFAULT_POLICY,
) -> Rated:
    """Price sessions by the tariff versions that each lists in order of preference.

    Args:
        sessions: `cdr_key, started_at, ended_at, time_zone, currency, tariff_version_ids, billing_month`, and
            optionally `reservation_expired`, which no CDR can say.
        periods: rows of `typed.ChargingPeriods`; those of other CDRs are ignored.
        versions: rows of `typed.TariffVersions`.
        components: rows of `typed.TariffComponents`.
        policy: the choices on contested points.

    Returns:
        One row per session, in the order given; what cannot be priced has its reason.
    """
    priced = _price(_with_expired(sessions), periods, versions, components, policy)
    return Rated(cdr_frame(priced), priced)


def _with_expired(sessions: pl.DataFrame) -> pl.DataFrame:
    if "reservation_expired" in sessions.columns:
        return sessions
    return sessions.with_columns(pl.lit(False).alias("reservation_expired"))


def _price(
    frame: pl.DataFrame,
    period_frame: pl.DataFrame,
    versions: pl.DataFrame,
    components: pl.DataFrame,
    policy: Policy,
) -> Priced:
    sessions = read_sessions(frame)
    wanted = frame["tariff_version_ids"].explode(empty_as_null=True).drop_nulls().unique()
    book = rule_book(wanted, versions, components)
    every = read_periods(sessions, period_frame, book.versions.tariff_ids)
    choice = choose_tariffs(sessions, every, book.versions)
    check_tariffs(sessions, every, choice, book.versions)
    local = local_time(sessions, every, choice, book.versions)
    keep = sessions.reason[every.session] == PRICED
    periods = every.kept(keep)
    choice = Choice(choice.version[keep], choice.outside_validity[keep])
    scopes = scopes_of(periods)
    moments = moments_of(sessions, periods, scopes, choice.version, kept_local_time(local, keep))
    rows = volume_rows(book, periods, moments, scopes, policy)
    owner = periods.per_period(np.arange(len(periods.starts)))
    steps = step_rows(book, policy, periods, owner, rows)
    rows = [*rows, *steps.rows]
    version = _single(choice.version, periods.starts)
    totals = totals_of(book, rows, owner, len(periods.starts), version)
    sessions.decline(periods.owners[totals.too_large], Reason.OUT_OF_RANGE)
    return Priced(
        sessions=sessions,
        book=book,
        periods=periods,
        policy=policy,
        rows=rows,
        steps=steps,
        totals=totals,
        version=version,
        mode=_single(book.versions.mode[choice.version], periods.starts),
        notes=_notes(sessions, periods, choice, book, totals, version),
    )


def _single(values: Ints, starts: Ints) -> Ints:
    """Give per session the value that all its periods share, or -1."""
    if not len(starts):
        return np.zeros(0, dtype=np.int64)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.where(low == high, low, NO_VERSION)


def _notes(
    sessions: Sessions,
    periods: Periods,
    choice: Choice,
    book: RuleBook,
    totals: Totals,
    version: Ints,
) -> dict[Note, Flags]:
    """Say which sessions a reader should be told something about."""
    start, end = sessions.started_at[periods.session], sessions.ended_at[periods.session]
    outside = (periods.started_at < start) | (periods.started_at > end)
    several = version == NO_VERSION
    excl, incl = totals.excl["total"], totals.incl["total"]
    both = excl.known & incl.known
    return {
        Note.NOTHING_PRICED: ~totals.has_rows,
        Note.PERIOD_OUTSIDE_SESSION: any_of(outside, periods.starts),
        Note.TARIFF_OUTSIDE_VALIDITY: any_of(choice.outside_validity, periods.starts),
        Note.SEVERAL_TARIFFS: several,
        Note.LIMITS_NOT_APPLIED: several & any_of(book.versions.has_limits[choice.version], periods.starts),
        Note.LIMIT_ON_ONE_SIDE: both & ((totals.limit_excl == 0) != (totals.limit_incl == 0)),
        Note.VAT_UNKNOWN: ~both,
    }
