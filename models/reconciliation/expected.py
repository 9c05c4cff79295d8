"""CDRs that never came: what to chase, and what to accrue for it until it comes."""

from typing import Final

import polars as pl

from models.rating.audit import TariffTables, audit
from models.reconciliation.outcomes import MonthOfRecords
from models.reconciliation.wording import billed
from models.schemas.registry import Layer, table
from models.types.money import VOLUME
from models.types.vocabularies import MatchOutcome, RecordKind

_NANO: Final = 1_000_000_000
_SECONDS_PER_HOUR: Final = 3600
_NEAR: Final = "15m"
"""how far an authorization may lie from the session that it was given for"""


def expected_cdrs(
    month: MonthOfRecords, outcomes: pl.DataFrame, tariffs: TariffTables, agreements: pl.DataFrame
) -> pl.DataFrame:
    """Give `matched/expected_cdrs`, one row per missing CDR, sorted.

    A session without a CDR is priced by its energy and time at its connector's tariff, all of it as charging: that is
    an estimate. An authorization stands for itself only where no session, with or without a CDR, came of it.

    Args:
        month: the records.
        outcomes: `matched/record_outcomes` of them.
        tariffs: what is known of tariffs.
        agreements: `master/agreements`.
    """
    missing = outcomes.filter(pl.col("outcome") == str(MatchOutcome.MISSING_PARTNER))
    sessions = _of(missing, RecordKind.SESSION, month.sessions, "session_key")
    authorizations = _of(missing, RecordKind.AUTHORIZATION, month.authorizations, "authorization_id")
    alone = _without_session(authorizations, month.sessions).with_columns(
        pl.col("authorized_at").alias("started_at"),
        pl.lit("no session tells what was charged").alias("estimate_reason"),
    )
    estimated = _estimated(sessions, tariffs, agreements)
    schema = table(Layer.MATCHED, "expected_cdrs").schema
    days = month.limits.days("missing_days")
    parts = [
        _shaped(estimated.with_columns((pl.coalesce("ended_at", "started_at") + days).alias("due_at")), schema),
        _shaped(alone.with_columns((pl.col("started_at") + days).alias("due_at")), schema),
    ]
    return pl.concat(parts, how="vertical").sort("record_kind", "record_key")


def _of(missing: pl.DataFrame, kind: RecordKind, records: pl.DataFrame, key: str) -> pl.DataFrame:
    own = missing.filter(pl.col("record_kind") == str(kind)).select("record_kind", "record_key")
    return records.join(own, left_on=key, right_on="record_key", how="inner", validate="1:1").with_columns(
        pl.col(key).alias("record_key")
    )


def _shaped(frame: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return frame.select(
        (pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind)).alias(name)
        for name, kind in schema.items()
    )


def _without_session(authorizations: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Leave out authorizations that a session names, or whose token starts a session within a quarter of an hour."""
    named = sessions.select(pl.col("authorization_reference").str.to_uppercase().alias("_reference")).drop_nulls()
    keyed = authorizations.with_columns(pl.col("authorization_reference").str.to_uppercase().alias("_reference"))
    unnamed = keyed.join(named.unique(), on="_reference", how="anti")
    token = pl.col("token_uid").str.to_uppercase().alias("_token")
    starts = sessions.drop_nulls("token_uid").select(token, pl.col("started_at").alias("_at")).sort("_at")
    asked = unnamed.with_columns(token).sort("authorized_at")
    near = asked.join_asof(
        starts,
        left_on="authorized_at",
        right_on="_at",
        by="_token",
        strategy="nearest",
        tolerance=_NEAR,
        check_sortedness=False,
    )
    return near.filter(pl.col("_at").is_null())


def _estimated(sessions: pl.DataFrame, tariffs: TariffTables, agreements: pl.DataFrame) -> pl.DataFrame:
    """Add `estimated_excl_vat`, or `estimate_reason`, by pricing each session as a CDR of one period."""
    agreed = agreements.select("cpo_id", pl.col("currency").alias("_agreed"))
    zones = tariffs.connectors.select("cpo_id", "location_id", "time_zone").unique(["cpo_id", "location_id"])
    told = (
        sessions.join(agreed, on="cpo_id", how="left", validate="m:1")
        .join(zones, on=["cpo_id", "location_id"], how="left", validate="m:1")
        .with_columns(pl.coalesce("currency", "_agreed").alias("currency"))
    )
    whole = told.drop_nulls(["ended_at", "currency"]).filter(pl.col("ended_at") > pl.col("started_at"))
    rated = audit(_as_cdrs(whole), _as_periods(whole), tariffs, agreements).cdrs.select(
        pl.col("cdr_key").alias("record_key"),
        billed(pl.col("total_excl_vat")).alias("estimated_excl_vat"),
        pl.col("reason").alias("estimate_reason"),
    )
    unknown = pl.lit("the session does not say its end, or its price is known with VAT only")
    return told.join(rated, on="record_key", how="left", validate="1:1").with_columns(
        pl.when(pl.col("estimated_excl_vat").is_null()).then(pl.coalesce("estimate_reason", unknown)),
    )


def _as_cdrs(sessions: pl.DataFrame) -> pl.DataFrame:
    """Write sessions as `typed/cdrs`, with the few columns that rating reads."""
    schema = table(Layer.TYPED, "cdrs").schema
    same = ("cpo_id", "location_id", "evse_uid", "connector_id", "started_at", "ended_at", "time_zone", "currency")
    known = {name: pl.col(name) for name in (*same, "billing_month")} | {
        "cdr_key": pl.col("record_key"),
        "total_energy_kwh": pl.col("energy_kwh"),
        "tariff_version_ids": pl.lit([], pl.List(pl.String)),
        **{name: pl.lit(False) for name, kind in schema.items() if kind == pl.Boolean},
    }
    return sessions.select(
        known.get(name, pl.lit(None, kind)).cast(kind).alias(name) for name, kind in schema.items()
    ).sort("cdr_key")


def _as_periods(sessions: pl.DataFrame) -> pl.DataFrame:
    """Write each session as one charging period, in whole 1e-9 hours."""
    schema = table(Layer.TYPED, "charging_periods").schema
    seconds = (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds()
    hours = (seconds * _NANO // _SECONDS_PER_HOUR).cast(pl.Decimal(38, 0)) * pl.lit("0.000000001").cast(VOLUME)
    known = {
        "cdr_key": pl.col("record_key"),
        "period_index": pl.lit(0),
        "started_at": pl.col("started_at"),
        "energy_kwh": pl.col("energy_kwh"),
        "charging_hours": hours,
        "billing_month": pl.col("billing_month"),
    }
    return sessions.select(
        known.get(name, pl.lit(None, kind)).cast(kind).alias(name) for name, kind in schema.items()
    ).sort("cdr_key")
