"""What the rules look at: the CDRs to judge, their neighbours, and everything that is known about them."""

from dataclasses import dataclass

import polars as pl

from models.rating.selection import connector_key
from models.reconciliation.copies import copy_keys, standing, with_credit_status
from models.reconciliation.thresholds import DEFAULTS, Thresholds
from models.reconciliation.wording import billed


@dataclass(frozen=True, slots=True)
class Evidence:
    """Frames for the rules. Neighbours stand in `cdrs` with `is_judged` false: witnesses, never findings."""

    cdrs: pl.DataFrame
    """`typed/cdrs` with `is_judged`, `is_credited`, `claimed` (total excl. VAT, rounded once) and, joined from the
    agreement, `agreed_currency`, `tolerance_amount`, `tolerance_pct`, `has_agreement`; from the connector
    `connector_power_kw`, `latitude`, `longitude`, `tariff_ids`, `connector_updated_at`"""
    periods: pl.DataFrame
    matches: pl.DataFrame
    """`matched/matches` of the judged CDRs"""
    priced: pl.DataFrame
    """`priced/wholesale_cdrs` of the judged CDRs"""
    tokens: pl.DataFrame
    versions: pl.DataFrame
    tariffs_at_start: pl.DataFrame
    """of the judged CDRs, from `models.rating.selection.tariffs_at_start`"""
    copies: pl.Series
    """keys of the CDRs that tell a session again, from `models.reconciliation.copies.copy_keys`"""
    thresholds: Thresholds = DEFAULTS

    @property
    def judged(self) -> pl.DataFrame:
        """The CDRs that a run decides about."""
        return self.cdrs.filter("is_judged")

    @property
    def claims(self) -> pl.DataFrame:
        """Judged CDRs that claim money: no credits, and nothing that a credit took back."""
        return standing(self.judged)


def gather(
    *,
    cdrs: pl.DataFrame,
    periods: pl.DataFrame,
    matches: pl.DataFrame,
    priced: pl.DataFrame,
    tokens: pl.DataFrame,
    versions: pl.DataFrame,
    tariffs_at_start: pl.DataFrame,
    thresholds: Thresholds = DEFAULTS,
) -> Evidence:
    """Put the evidence together, with what several rules ask of it worked out once. See `Evidence` for the frames."""
    copies = copy_keys(cdrs, thresholds)
    return Evidence(cdrs, periods, matches, priced, tokens, versions, tariffs_at_start, copies, thresholds)


def cdrs_with_facts(
    cdrs: pl.DataFrame,
    neighbours: pl.DataFrame,
    agreements: pl.DataFrame,
    connectors: pl.DataFrame,
    thresholds: Thresholds = DEFAULTS,
) -> pl.DataFrame:
    """Give `Evidence.cdrs`: the judged CDRs and their neighbours, with agreement and connector beside each."""
    judged = cdrs.with_columns(pl.lit(True).alias("is_judged"))
    together = pl.concat([judged, neighbours.with_columns(pl.lit(False).alias("is_judged"))], how="vertical")
    return (
        with_credit_status(together)
        .with_columns(billed(pl.col("total_cost_excl_vat")).alias("claimed"), connector_key())
        .join(_connector_facts(connectors), on="connector_key", how="left", validate="m:1")
        .join(_agreement_facts(agreements), on="cpo_id", how="left", validate="m:1")
        .with_columns(
            pl.col("tolerance_amount").fill_null(thresholds.tolerance_amount),
            pl.col("tolerance_pct").fill_null(thresholds.tolerance_pct),
            _is_agreed().alias("has_agreement"),
        )
        .sort("cdr_key")
    )


def _connector_facts(connectors: pl.DataFrame) -> pl.DataFrame:
    power = pl.col("max_power_kw").alias("connector_power_kw")
    updated = pl.col("last_updated_at").alias("connector_updated_at")
    return connectors.select("connector_key", power, "latitude", "longitude", "tariff_ids", updated)


def _agreement_facts(agreements: pl.DataFrame) -> pl.DataFrame:
    return agreements.select(
        "cpo_id",
        pl.col("currency").alias("agreed_currency"),
        "tolerance_amount",
        "tolerance_pct",
        "valid_from",
        "valid_to",
    )


def _is_agreed() -> pl.Expr:
    """Tell whether an agreement with the CPO was in force on the day of the start (by day, half-open)."""
    day = pl.col("started_at").dt.date()
    ended = pl.col("valid_to").is_not_null() & (day >= pl.col("valid_to"))
    return (pl.col("valid_from") <= day).fill_null(False) & ~ended
