"""The CDRs as rules see them: with what agreement and connector say beside each."""

import polars as pl

from models.rating.selection import connector_key
from models.reconciliation.copies import with_credit_status
from models.reconciliation.frames import sorted_by
from models.reconciliation.thresholds import DEFAULTS
from models.reconciliation.wording import billed


def cdrs_with_facts(
    cdrs: pl.DataFrame, neighbours: pl.DataFrame, agreements: pl.DataFrame, connectors: pl.DataFrame
) -> pl.DataFrame:
    """Give `Evidence.cdrs`: the CDRs to judge and their neighbours, sorted by key.

    Beside `typed/cdrs` there are `is_judged`, `is_credited` (a credit took it back in full), `claimed` (total excl.
    VAT, rounded once); of the agreement `agreed_currency`, `tolerance_amount`, `tolerance_pct`, `has_agreement` (in
    force on the day of the start); of the connector `connector_power_kw`, `power_type`, `latitude`, `longitude`,
    `tariff_ids`, `connector_updated_at`.

    Args:
        cdrs: `typed/cdrs` to judge.
        neighbours: CDRs of the months around them.
        agreements: `master/agreements`.
        connectors: `typed/connectors`.
    """
    judged = cdrs.with_columns(pl.lit(True).alias("is_judged"))
    together = sorted_by(
        pl.concat([judged, neighbours.with_columns(pl.lit(False).alias("is_judged"))], how="vertical"), "cdr_key"
    )
    return (
        with_credit_status(together)
        .with_columns(billed(pl.col("total_cost_excl_vat")).alias("claimed"), connector_key())
        .join(_connector_facts(connectors), on="connector_key", how="left", maintain_order="left", validate="m:1")
        .join(_agreement_facts(agreements), on="cpo_id", how="left", maintain_order="left", validate="m:1")
        .with_columns(
            pl.col("tolerance_amount").fill_null(DEFAULTS.tolerance_amount),
            pl.col("tolerance_pct").fill_null(DEFAULTS.tolerance_pct),
            _is_agreed().alias("has_agreement"),
            pl.coalesce("connector_power_type", "_power_type").alias("power_type"),
        )
        .drop("_power_type")
    )


def _connector_facts(connectors: pl.DataFrame) -> pl.DataFrame:
    return connectors.select(
        "connector_key",
        pl.col("max_power_kw").alias("connector_power_kw"),
        pl.col("power_type").alias("_power_type"),
        *("latitude", "longitude", "tariff_ids"),
        pl.col("last_updated_at").alias("connector_updated_at"),
    )


def _agreement_facts(agreements: pl.DataFrame) -> pl.DataFrame:
    currency = pl.col("currency").alias("agreed_currency")
    return agreements.select("cpo_id", currency, "tolerance_amount", "tolerance_pct", "valid_from", "valid_to")


def _is_agreed() -> pl.Expr:
    """Tell whether an agreement with the CPO was in force on the day of the start (by day, half-open)."""
    day = pl.col("started_at").dt.date()
    ended = pl.col("valid_to").is_not_null() & (day >= pl.col("valid_to"))
    return (pl.col("valid_from") <= day).fill_null(False) & ~ended
