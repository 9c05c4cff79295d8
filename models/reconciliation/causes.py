"""Why a claimed price differs: the price under each likely mistake, and which of them gives the claim to the cent.

A cause is only named where pricing the session again under it gives exactly what was claimed. Several causes may do so;
they are then all named, as alternatives. Each hypothesis is one pass of the kernel over the differing CDRs alone.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Final

import polars as pl

from models.rating.audit import TariffTables, policies_of
from models.rating.kernel import Rated, rate
from models.rating.policy import CHOICES, DEFAULT_POLICY, Policy
from models.rating.selection import select_wholesale, tariffs_at_start
from models.reconciliation.hypotheses import alternatives, stepped_periods, under_alternatives
from models.reconciliation.wording import billed
from models.types.vocabularies import ComponentKind


class Cause(StrEnum):
    """What a CPO may have done; choices on contested points of rating are told as `name=value` instead."""

    UTC_FOR_LOCAL = "utc_for_local"
    """local times of the tariff were taken for UTC"""
    CLOCK_AHEAD = "clock_one_hour_ahead"
    CLOCK_BEHIND = "clock_one_hour_behind"
    STEP_PER_PERIOD = "step_per_period"
    """every charging period was rounded up, and not the session once"""
    STEP_IGNORED = "step_ignored"
    FLAT_PER_PERIOD = "flat_per_period"
    LIMITS_IGNORED = "limits_ignored"
    """neither min_price nor max_price was applied"""
    OTHER_VERSION = "other_tariff_version"
    """a version of the same tariff that was not in force at the start"""
    OTHER_TARIFF = "other_tariff"
    """another tariff of the same CPO"""
    OWN_TARIFF = "own_tariff"
    """the tariff inside the CDR, which is not the published one"""
    GROSS_AS_NET = "gross_as_net"
    """the amount with VAT stands where the one without belongs"""


TIME_CAUSES: Final = (Cause.UTC_FOR_LOCAL, Cause.CLOCK_AHEAD, Cause.CLOCK_BEHIND)
_SCHEMA: Final = {"cdr_key": pl.String, "cause": pl.String, "detail": pl.String}
NO_CAUSES: Final = pl.DataFrame(schema=_SCHEMA)
"""one row per CDR and cause that explains its claim; `detail` names the tariff version where the cause has one"""

_HOUR: Final = timedelta(hours=1)
_NOT_A_CAUSE: Final = frozenset({"absent_vat", "tariff_precedence"})
_AMOUNTS: Final = ("total_excl_vat", "total_incl_vat")


def causes_of(
    differing: pl.DataFrame, periods: pl.DataFrame, tariffs: TariffTables, agreements: pl.DataFrame
) -> pl.DataFrame:
    """Give one row per CDR and cause that explains its claim to the cent, sorted.

    Args:
        differing: `typed/cdrs` with `models.reconciliation.prices.with_prices`, of the CDRs whose price differs.
        periods: `typed/charging_periods`.
        tariffs: what is known of tariffs.
        agreements: `master/agreements`, for the rating policy of each CPO.
    """
    if differing.is_empty():
        return NO_CAUSES
    policies = policies_of(agreements)
    found: list[pl.DataFrame] = [_gross_as_net(differing)]
    for policy in dict.fromkeys([DEFAULT_POLICY, *policies.values()]):
        others = [cpo_id for cpo_id, own in policies.items() if own != policy]
        is_default = pl.lit(policy == DEFAULT_POLICY) | pl.col("cpo_id").is_in(list(policies))
        part = differing.filter(is_default & ~pl.col("cpo_id").is_in(others))
        if not part.is_empty():
            repricing = _Repricing(part, _periods_of(part, periods), tariffs, policy)
            found += [_explaining(part, *priced) for priced in repricing.hypotheses()]
    return pl.concat(found, how="vertical").unique().sort("cdr_key", "cause", "detail")


def _periods_of(cdrs: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    return periods.join(cdrs.select("cdr_key"), on="cdr_key", how="semi", maintain_order="left")


class _Repricing:
    """The differing CDRs under one rating policy, priced again and again."""

    def __init__(self, cdrs: pl.DataFrame, periods: pl.DataFrame, tariffs: TariffTables, policy: Policy) -> None:
        chosen = select_wholesale(cdrs, periods, tariffs.versions, tariffs.connectors, policy.tariff_precedence)
        self._cdrs, self._periods, self._tariffs, self._policy = cdrs, periods, tariffs, policy
        self._sessions = chosen.sessions

    def hypotheses(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Give every hypothesis with the prices under it: `cdr_key`, `detail` and the two totals, unrounded."""
        yield from self._times()
        yield from self._volumes()
        yield from self._policies()
        yield from self._other_tariffs()

    def _rate(
        self,
        *,
        sessions: pl.DataFrame | None = None,
        periods: pl.DataFrame | None = None,
        versions: pl.DataFrame | None = None,
        components: pl.DataFrame | None = None,
        policy: Policy | None = None,
    ) -> Rated:
        """Price the sessions, with what the hypothesis changes in place of what is known."""
        return rate(
            self._sessions if sessions is None else sessions,
            self._periods if periods is None else periods,
            self._tariffs.versions if versions is None else versions,
            self._tariffs.components if components is None else components,
            policy or self._policy,
        )

    def _times(self) -> Iterator[tuple[str, pl.DataFrame]]:
        utc = self._sessions.with_columns(pl.lit("UTC").alias("time_zone"))
        yield Cause.UTC_FOR_LOCAL, _totals(self._rate(sessions=utc).cdrs)
        for cause, shift in ((Cause.CLOCK_AHEAD, _HOUR), (Cause.CLOCK_BEHIND, -_HOUR)):
            moved = self._sessions.with_columns(pl.col("started_at", "ended_at") + shift)
            periods = self._periods.with_columns(pl.col("started_at") + shift)
            yield cause, _totals(self._rate(sessions=moved, periods=periods).cdrs)

    def _volumes(self) -> Iterator[tuple[str, pl.DataFrame]]:
        versions, components = self._tariffs.versions, self._tariffs.components
        limits = [pl.lit(None, versions[name].dtype).alias(name) for name in versions.columns if "_price_" in name]
        yield Cause.LIMITS_IGNORED, _totals(self._rate(versions=versions.with_columns(limits)).cdrs)
        unstepped = components.with_columns(pl.lit(0, components["step_size"].dtype).alias("step_size"))
        yield Cause.STEP_IGNORED, _totals(self._rate(components=unstepped).cdrs)
        priced = self._rate()
        stepped = stepped_periods(self._periods, priced.components, components)
        yield Cause.STEP_PER_PERIOD, _totals(self._rate(periods=stepped, components=unstepped).cdrs)
        yield Cause.FLAT_PER_PERIOD, _with_flats(priced, self._periods)

    def _policies(self) -> Iterator[tuple[str, pl.DataFrame]]:
        for name, choices in CHOICES.items():
            for choice in choices:
                if name not in _NOT_A_CAUSE and choice != getattr(self._policy, name):
                    policy = self._policy.choosing({name: str(choice)})
                    yield f"{name}={choice}", _totals(self._rate(policy=policy).cdrs)

    def _other_tariffs(self) -> Iterator[tuple[str, pl.DataFrame]]:
        tariffs = self._tariffs
        named = tariffs_at_start(self._cdrs, self._periods, tariffs.versions, tariffs.connectors)
        others = alternatives(self._cdrs, named, tariffs.versions)
        sessions, periods, versions = under_alternatives(self._sessions, self._periods, tariffs.versions, others)
        if sessions.is_empty():
            return
        rated = _totals(self._rate(sessions=sessions, periods=periods, versions=versions).cdrs)
        told = rated.drop("detail").rename({"cdr_key": "alternative"}).join(others, on="alternative", how="inner")
        for (kind,), part in told.group_by("kind", maintain_order=True):
            yield _KINDS[str(kind)], part.select("cdr_key", pl.col("version_id").alias("detail"), *_AMOUNTS)


_KINDS: Final = {"version": Cause.OTHER_VERSION, "tariff": Cause.OTHER_TARIFF, "own": Cause.OWN_TARIFF}


def _totals(rated: pl.DataFrame) -> pl.DataFrame:
    return rated.select("cdr_key", pl.lit(None, pl.String).alias("detail"), *_AMOUNTS)


def _with_flats(priced: Rated, periods: pl.DataFrame) -> pl.DataFrame:
    """Charge fixed fees once per period; CDRs at a price limit are left out, where it cannot be told."""
    counts = periods.group_by("cdr_key").agg((pl.len() - 1).cast(pl.Int64).alias("more"))
    rows = priced.components
    limited = rows.filter(pl.col("kind") == str(ComponentKind.LIMIT)).select("cdr_key")
    flats = (
        rows.filter(pl.col("kind") == str(ComponentKind.FLAT))
        .join(limited, on="cdr_key", how="anti")
        .group_by("cdr_key")
        .agg(pl.col("amount_excl_vat", "amount_incl_vat").sum())
        .join(counts, on="cdr_key", how="inner", validate="1:1")
    )
    both = _totals(priced.cdrs).join(flats, on="cdr_key", how="inner", validate="1:1")
    return both.select(
        "cdr_key",
        "detail",
        *(pl.col(f"total_{side}") + pl.col(f"amount_{side}") * pl.col("more") for side in ("excl_vat", "incl_vat")),
    )


def _explaining(differing: pl.DataFrame, cause: str, priced: pl.DataFrame) -> pl.DataFrame:
    """Keep the CDRs whose claim is what this hypothesis gives, to the cent and on the side of VAT compared."""
    claimed = differing.select("cdr_key", "claimed_price", "price_basis")
    is_excl = pl.col("price_basis") == "excl. VAT"
    given = pl.when(is_excl).then(billed(pl.col("total_excl_vat"))).otherwise(billed(pl.col("total_incl_vat")))
    both = priced.join(claimed, on="cdr_key", how="inner", validate="m:1")
    return both.filter(given == pl.col("claimed_price")).select("cdr_key", pl.lit(str(cause)).alias("cause"), "detail")


def _gross_as_net(differing: pl.DataFrame) -> pl.DataFrame:
    is_gross = pl.col("claimed_excl_vat") == pl.col("recomputed_incl_vat")
    cause = pl.lit(str(Cause.GROSS_AS_NET)).alias("cause")
    return differing.filter(is_gross).select("cdr_key", cause, pl.lit(None, pl.String).alias("detail"))
