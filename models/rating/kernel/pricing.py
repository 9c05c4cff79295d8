"""The kernel's way through a batch of sessions, from frames to frames.

`models.rating.reference` says the same one CDR at a time; tests hold the two together to the last digit.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import polars as pl

from models.rating.kernel.amounts import Pricing, Rows, matched_slots, volume_rows
from models.rating.kernel.choosing import NO_VERSION, Choice, check_tariffs, choose_tariffs
from models.rating.kernel.crossings import Surroundings
from models.rating.kernel.exact import Flags, Ints
from models.rating.kernel.facts import PRICED, REASONS, Columns, Periods, Sessions, periods_of
from models.rating.kernel.matching import moments_of, scopes_of
from models.rating.kernel.notes import notes_of
from models.rating.kernel.openness import Openness, openness_of
from models.rating.kernel.output import Told, cdr_frame, component_frame, told_of
from models.rating.kernel.rulebook import RuleBook, rule_book
from models.rating.kernel.steps import Steps, step_rows
from models.rating.kernel.tables import Tables, read_tables
from models.rating.kernel.totals import Owners, Totals, totals_of
from models.rating.kernel.zones import wall_clock
from models.rating.outcome import Note, Reason
from models.rating.policy import DEFAULT_POLICY, LimitsOfSeveralTariffs, Policy

__all__ = ["Priced", "Rated", "rate"]


@dataclass(frozen=True)
class Rated:
    """Priced sessions: `cdrs` fits `priced.RatedCdrs`, `components` fits `priced.RatedComponents`.

    The component rows are laid out when they are first asked for; totals do not need them.
    """

    cdrs: pl.DataFrame
    priced: list[Priced]

    @cached_property
    def components(self) -> pl.DataFrame:
        """One row per priced component, in the order of `cdrs`."""
        return pl.concat([component_frame(priced) for priced in self.priced], how="vertical")


@dataclass(frozen=True, slots=True)
class Work:
    """What the rules make of some sessions; one entry per session with periods where not said otherwise."""

    periods: Periods
    rows: list[Rows]
    steps: Steps
    totals: Totals
    openness: Openness
    period_version: Ints
    """per period"""
    version: Ints
    """the one version that priced the session, or NO_VERSION"""
    mode: Ints
    """tax_included of all its tariffs, or -1 where they differ"""
    notes: dict[Note, Flags]


@dataclass(frozen=True, slots=True)
class Priced:
    """A batch between rules and frames."""

    sessions: Sessions
    book: RuleBook
    policy: Policy
    work: Work
    unzoned: Work | None
    """sessions that cannot be priced for want of a time zone, as far as their price can be bounded; None without any"""


def rate(
    sessions: pl.DataFrame,
    periods: pl.DataFrame | pl.LazyFrame,
    versions: pl.DataFrame,
    components: pl.DataFrame,
    policy: Policy = DEFAULT_POLICY,
    *,
    keep_components: bool = True,
) -> Rated:
    """Price sessions by the tariff versions that each lists in order of preference.

    Args:
        sessions: `cdr_key, started_at, ended_at, time_zone, currency, tariff_version_ids, billing_month`, and
            optionally the Boolean columns `facts.FLAGS`, such as `reservation_expired`, which no CDR can say.
        periods: rows of `typed.ChargingPeriods`, those of other CDRs are ignored; a scan is read as far as needed.
        versions: rows of `typed.TariffVersions`.
        components: rows of `typed.TariffComponents`.
        policy: the choices on contested points.
        keep_components: False where only totals are wanted: what the component rows are made of is let go then.

    Returns:
        One row per session, in the order given; what cannot be priced has its reason.
    """
    wanted = sessions["tariff_version_ids"].explode(empty_as_null=True).drop_nulls().unique()
    book = rule_book(wanted, versions, components, policy)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        # NumPy and Polars let go of the interpreter, so that threads keep every core busy.
        tables = read_tables(sessions, periods, book, threads)
        done = list(threads.map(partial(_worked, tables, policy, keep=keep_components), tables.batches()))
        cdrs = cdr_frame(tables, policy, [told for told, _ in done], threads)
    return Rated(cdrs, [work for _, work in done if work is not None])


def _worked(
    tables: Tables, policy: Policy, batch: tuple[Sessions, Columns], *, keep: bool
) -> tuple[Told, Priced | None]:
    priced = _price(tables, policy, *batch)
    return told_of(priced), priced if keep else None


def _price(tables: Tables, policy: Policy, sessions: Sessions, columns: Columns) -> Priced:
    versions = tables.book.versions
    every = periods_of(sessions, columns, policy)
    choice = choose_tariffs(sessions, every, versions, tables.candidates)
    check_tariffs(sessions, every, choice, versions, tables.version_currency)
    wall = wall_clock(sessions, every, choice, versions, tables.zones)
    facts = _Facts(tables, policy, sessions)
    code = sessions.reason[every.owners]
    lost = code == REASONS.index(Reason.NO_TIME_ZONE)
    unzoned = _work(facts, every, choice, wall, lost, is_zone_unknown=True) if lost.any() else None
    work = _work(facts, every, choice, wall, code == PRICED)
    sessions.decline(work.periods.owners[work.totals.too_large], Reason.OUT_OF_RANGE)
    return Priced(sessions, tables.book, policy, work, unzoned)


@dataclass(frozen=True, slots=True)
class _Facts:
    tables: Tables
    policy: Policy
    sessions: Sessions


def _work(
    facts: _Facts, every: Periods, chosen: Choice, clocks: Ints, keep: Flags, *, is_zone_unknown: bool = False
) -> Work:
    """Apply the rules to the sessions with periods that are to be kept."""
    sessions, book, policy = facts.sessions, facts.tables.book, facts.policy
    periods, choice, wall = _kept(every, chosen, clocks, keep)
    scopes = scopes_of(periods)
    moments = moments_of(sessions, periods, scopes, choice.version, wall, policy)
    pricing = Pricing(book, policy, periods, sessions.minor_unit[periods.owners])
    matched = matched_slots(book, periods, moments, scopes, policy)
    rows = volume_rows(pricing, matched)
    steps = step_rows(pricing, rows)
    version = _single(choice.version, periods)
    by_first = policy.limits_of_several_tariffs is LimitsOfSeveralTariffs.FIRST_TARIFF
    limiting = choice.version[periods.starts] if by_first else version
    owners = Owners(limiting, sessions.flags["is_credit"][periods.owners])
    totals = totals_of(pricing, [*rows, *steps.rows], owners)
    around = Surroundings(
        book=book,
        periods=periods,
        version=choice.version,
        moments=moments,
        zone=sessions.zone[periods.owners],
        zones=facts.tables.zones,
        policy=policy,
        is_zone_unknown=is_zone_unknown,
    )
    openness = openness_of(around, pricing, matched, steps.rows, owners)
    return Work(
        periods=periods,
        rows=[*rows, *steps.rows],
        steps=steps,
        totals=totals,
        openness=openness,
        period_version=choice.version,
        version=version,
        mode=_single_mode(book.versions.mode, choice.version, version, periods),
        notes=notes_of(sessions, periods, choice, pricing, matched, totals, version) | openness.notes,
    )


def _kept(every: Periods, choice: Choice, wall: Ints, keep: Flags) -> tuple[Periods, Choice, Ints]:
    if keep.all():
        return every, choice, wall
    periods, rows = every.kept(keep)
    return periods, choice.at(rows), wall[rows]


def _single(values: Ints, periods: Periods) -> Ints:
    """Give per session the value that all its periods share, or -1."""
    changes = (values[1:] != values[:-1]) & (periods.owner[1:] == periods.owner[:-1])
    single = values[periods.starts]
    single[periods.owner[np.flatnonzero(changes)]] = NO_VERSION
    return single


def _single_mode(modes: Ints, version: Ints, single_version: Ints, periods: Periods) -> Ints:
    """Give per session the mode that its tariffs share, or -1: what has one tariff has one mode."""
    if (single_version == NO_VERSION).any():
        return _single(modes[version], periods)
    return modes[single_version] if len(modes) else single_version
