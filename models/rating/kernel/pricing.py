"""The kernel's way through a batch of sessions, from frames to frames.

`models.rating.reference` says the same one CDR at a time; tests hold the two together to the last digit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import polars as pl

from models.rating.kernel.alignment import Batch, batches
from models.rating.kernel.amounts import Pricing, Rows, matched_slots, volume_rows
from models.rating.kernel.choosing import NO_VERSION, check_tariffs, choose_tariffs
from models.rating.kernel.exact import Flags, Ints
from models.rating.kernel.facts import PRICED, Periods, Sessions, read_periods, read_sessions
from models.rating.kernel.matching import moments_of, scopes_of
from models.rating.kernel.notes import notes_of
from models.rating.kernel.output import cdr_frame, component_frame
from models.rating.kernel.rulebook import RuleBook, rule_book
from models.rating.kernel.steps import Steps, step_rows
from models.rating.kernel.totals import Owners, Totals, totals_of
from models.rating.kernel.zones import wall_clock, zones_of
from models.rating.outcome import Note, Reason
from models.rating.policy import DEFAULT_POLICY, LimitsOfSeveralTariffs, Policy
from models.types.money import PRECISE_SCALE, minor_unit_scale

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
class Priced:
    """The arrays between rules and frames; one entry per session with periods where not said otherwise."""

    sessions: Sessions
    book: RuleBook
    periods: Periods
    policy: Policy
    rows: list[Rows]
    steps: Steps
    totals: Totals
    period_version: Ints
    """per period"""
    version: Ints
    """the one version that priced the session, or NO_VERSION"""
    limiting_version: Ints
    mode: Ints
    """tax_included of all its tariffs, or -1 where they differ"""
    notes: dict[Note, Flags]


def rate(
    sessions: pl.DataFrame,
    periods: pl.DataFrame,
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
        periods: rows of `typed.ChargingPeriods`; those of other CDRs are ignored.
        versions: rows of `typed.TariffVersions`.
        components: rows of `typed.TariffComponents`.
        policy: the choices on contested points.
        keep_components: False where only totals are wanted: what the component rows are made of is let go then.

    Returns:
        One row per session, in the order given; what cannot be priced has its reason.
    """
    wanted = sessions["tariff_version_ids"].explode(empty_as_null=True).drop_nulls().unique()
    work = partial(_worked, book=rule_book(wanted, versions, components, policy), policy=policy, keep=keep_components)
    done = _mapped(work, batches(sessions, periods))
    frames = [frame for frame, _ in done]
    return Rated(pl.concat(frames, how="vertical"), [priced for _, priced in done if priced is not None])


def _mapped(work: partial[_Done], parts: Iterable[Batch]) -> list[_Done]:
    """Work through the batches on as many threads as there are cores: NumPy lets go of the interpreter."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        return list(threads.map(work, parts))


_Done = tuple[pl.DataFrame, "Priced | None"]


def _worked(batch: Batch, book: RuleBook, policy: Policy, *, keep: bool) -> _Done:
    priced = _price(batch, book, policy)
    return cdr_frame(priced), priced if keep else None


def _price(batch: Batch, book: RuleBook, policy: Policy) -> Priced:
    sessions = read_sessions(batch.sessions)
    every = read_periods(sessions, batch, book.versions.tariff_ids, book.components.restricted_by, policy)
    chosen = choose_tariffs(sessions, every, book.versions)
    check_tariffs(sessions, every, chosen, book.versions)
    wall = wall_clock(sessions, every, chosen, book.versions, zones_of(sessions))
    keep = sessions.reason[every.session] == PRICED
    periods, choice = every.kept(keep), chosen.kept(keep)
    scopes = scopes_of(periods)
    moments = moments_of(sessions, periods, scopes, choice.version, wall[keep], policy)
    pricing = Pricing(book, policy, periods, _minor_units(sessions)[periods.owners])
    matched = matched_slots(book, periods, moments, scopes, policy)
    rows = volume_rows(pricing, matched)
    steps = step_rows(pricing, rows)
    version = _single(choice.version, periods.starts)
    limiting = version
    if policy.limits_of_several_tariffs is LimitsOfSeveralTariffs.FIRST_TARIFF:
        limiting = choice.version[periods.starts]
    owners = Owners(limiting, sessions.flags["is_credit"][periods.owners])
    totals = totals_of(pricing, [*rows, *steps.rows], owners)
    sessions.decline(periods.owners[totals.too_large], Reason.OUT_OF_RANGE)
    return Priced(
        sessions=sessions,
        book=book,
        periods=periods,
        policy=policy,
        rows=[*rows, *steps.rows],
        steps=steps,
        totals=totals,
        period_version=choice.version,
        version=version,
        limiting_version=limiting,
        mode=_single(book.versions.mode[choice.version], periods.starts),
        notes=notes_of(sessions, periods, choice, pricing, matched, totals, version),
    )


def _minor_units(sessions: Sessions) -> Ints:
    """Give the smallest amount of each session's currency, in 1e-12."""
    codes = sessions.frame["currency"]
    known = codes.unique().drop_nulls()
    units = {code: 10 ** (PRECISE_SCALE - minor_unit_scale(code)) for code in known}
    return codes.replace_strict(units, default=10**PRECISE_SCALE, return_dtype=pl.Int64).to_numpy()


def _single(values: Ints, starts: Ints) -> Ints:
    """Give per session the value that all its periods share, or -1."""
    if not len(starts):
        return np.zeros(0, dtype=np.int64)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.where(low == high, low, NO_VERSION)
