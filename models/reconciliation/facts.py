"""The CDRs as rules see them: with what agreement and connector say beside each."""

from typing import Final

import polars as pl

from models.frames import sorted_by
from models.rating.selection import connector_key
from models.reconciliation.copies import with_credit_status
from models.reconciliation.thresholds import DEFAULTS
from models.reconciliation.wording import billed

CDR_COLUMNS: Final = (
    *("cdr_key", "cpo_id", "cdr_id", "session_id", "auth_method", "token_uid", "token_type", "contract_id"),
    *("location_id", "charge_country", "evse_uid", "evse_id", "connector_id", "connector_power_type"),
    *("started_at", "ended_at", "time_zone", "currency", "total_energy_kwh", "total_hours", "total_parking_hours"),
    *("total_cost_excl_vat", "total_cost_incl_vat", "energy_cost_excl_vat", "time_cost_excl_vat"),
    *("parking_cost_excl_vat", "fixed_cost_excl_vat", "reservation_cost_excl_vat", "tariff_version_ids"),
    *("is_credit", "credit_reference_id", "is_home_charging", "has_unordered_periods", "has_unknown_dimensions"),
    *("last_updated_at", "billing_month", "received_at"),
)
"""What rules and causes read of `typed/cdrs`: a million CDRs with all their columns take three gigabytes."""


METERS: Final = {
    "cdr_key": pl.String(),
    "has_signed_values": pl.Boolean(),
    "start_kwh": pl.Decimal(18, 9),
    "end_kwh": pl.Decimal(18, 9),
}
"""one row per CDR that carries signed meter values, or whose version of OCPI has no place for them (null)"""


def meter_facts(*cdrs: pl.DataFrame) -> pl.DataFrame:
    """Give the meters of CDRs, `METERS`: few in most months, and so kept apart from the wide table of all CDRs."""
    chosen = [
        frame.filter(pl.col("has_signed_values").is_null() | pl.col("has_signed_values")).select(
            "cdr_key",
            "has_signed_values",
            pl.col("meter_start_kwh").alias("start_kwh"),
            pl.col("meter_end_kwh").alias("end_kwh"),
        )
        for frame in cdrs
    ]
    return pl.concat([pl.DataFrame(schema=METERS), *chosen], how="vertical")


def cdrs_with_facts(
    cdrs: pl.DataFrame, neighbours: pl.DataFrame, agreements: pl.DataFrame, connectors: pl.DataFrame
) -> pl.DataFrame:
    """Give `Evidence.cdrs`: the CDRs to judge and their neighbours, sorted by key.

    Beside `CDR_COLUMNS` there are `is_judged`, `is_credited` (a credit took it back in full), `claimed` (total excl.
    VAT, rounded once); of the agreement `agreed_currency`, `tolerance_amount`, `tolerance_pct`, `has_agreement` (in
    force on the day of the start); of the connector `connector_power_kw`, `power_type`, `latitude`, `longitude`,
    `tariff_ids`, `connector_updated_at`.

    Args:
        cdrs: `typed/cdrs` to judge.
        neighbours: CDRs of the months around them.
        agreements: `master/agreements`.
        connectors: `typed/connectors`.
    """
    judged = cdrs.select(CDR_COLUMNS).with_columns(pl.lit(True).alias("is_judged"))
    others = neighbours.select(CDR_COLUMNS)
    together = sorted_by(
        pl.concat([judged, others.with_columns(pl.lit(False).alias("is_judged"))], how="vertical"), "cdr_key"
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
