"""Sessions and periods as a CPO would have priced them by mistake, ready for the kernel."""

from typing import Final

import polars as pl

from models.types.money import VOLUME
from models.types.vocabularies import ComponentKind, Dimension, TariffSource

_MOST: Final = 64
"""other tariff versions tried per CDR, those of its own tariff first: it keeps the pass linear"""

_NANO: Final = 1_000_000_000
_NANO_KWH_PER_WH: Final = 1_000_000
_SECONDS_PER_HOUR: Final = 3600
_VOLUMES: Final = {
    Dimension.ENERGY: "energy_kwh",
    Dimension.TIME: "charging_hours",
    Dimension.PARKING_TIME: "parking_hours",
}


def stepped_periods(periods: pl.DataFrame, rows: pl.DataFrame, components: pl.DataFrame) -> pl.DataFrame:
    """Round every priced volume up to its step, period by period, as P7 forbids.

    Args:
        periods: `typed/charging_periods`.
        rows: `priced/wholesale_components` of the same CDRs.
        components: `typed/tariff_components`.
    """
    key = ["tariff_version_id", "element_index", "component_index"]
    priced = rows.filter((pl.col("kind") == str(ComponentKind.VOLUME)) & ~pl.col("is_reservation"))
    steps = components.select(*key, "step_size").unique(key)
    volumes = priced.join(steps, on=key, how="inner", validate="m:1").with_columns(_up_to_step().alias("stepped"))
    found = periods
    for dimension, column in _VOLUMES.items():
        own = volumes.filter(pl.col("dimension") == str(dimension)).select("cdr_key", "period_index", "stepped")
        own = own.unique(["cdr_key", "period_index"])
        found = (
            found.join(own, on=["cdr_key", "period_index"], how="left", maintain_order="left", validate="1:1")
            .with_columns(pl.coalesce("stepped", column).alias(column))
            .drop("stepped")
        )
    return found


def _up_to_step() -> pl.Expr:
    """Give a row's volume rounded up, in whole numbers: 1e-9 of a kWh or of an hour.

    A step of hours is not a whole number of 1e-9 hours; the hours then differ from it by less than one of them, which
    no cent can show.
    """
    nano = (pl.col("volume") * _NANO).cast(pl.Int64)
    wh = pl.col("step_size") * _NANO_KWH_PER_WH
    energy = (nano + wh - 1) // pl.max_horizontal(wh, pl.lit(1)) * wh
    step = pl.col("step_size") * _NANO
    seconds = (nano * _SECONDS_PER_HOUR + step - 1) // pl.max_horizontal(step, pl.lit(1)) * pl.col("step_size")
    hours = (seconds * _NANO + _SECONDS_PER_HOUR // 2) // _SECONDS_PER_HOUR
    rounded = pl.when(pl.col("dimension") == str(Dimension.ENERGY)).then(energy).otherwise(hours)
    exact = rounded.cast(pl.Decimal(38, 0)) * pl.lit("0.000000001").cast(VOLUME)
    return pl.when(pl.col("step_size") > 0).then(exact.cast(VOLUME)).otherwise(pl.col("volume"))


def alternatives(cdrs: pl.DataFrame, named: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Give one row per CDR and tariff version that it was not priced by, but might have been.

    `alternative` is a key of its own, `kind` is `version` (of the same tariff, whenever in force), `own` (inside the
    CDR) or `tariff` (another one of the CPO, in force and published at the start).

    Args:
        cdrs: `cdr_key`, `cpo_id`, `currency`, `started_at`.
        named: `models.rating.selection.tariffs_at_start` of these CDRs.
        versions: `typed/tariff_versions`.
    """
    offered = versions.filter(pl.col("source") != str(TariffSource.PLAN)).select(
        "tariff_version_id", "tariff_key", "source", "currency", "valid_from", "valid_to", "last_updated_at",
        cpo_id=pl.col("owner_id"),
    )  # fmt: skip
    pairs = cdrs.select("cdr_key", "cpo_id", "currency", "started_at").join(offered, on=["cpo_id", "currency"])
    own_tariff = named.select("cdr_key", "tariff_key", pl.lit(True).alias("is_own_tariff"))
    carried = named.select("cdr_key", pl.lit(True).alias("is_carried"), tariff_version_id=pl.col("own_version_id"))
    used = named.select("cdr_key", tariff_version_id=pl.col("chosen_version_id"))
    kind = (
        pl.when(pl.col("is_carried"))
        .then(pl.lit("own"))
        .when(pl.col("source") != str(TariffSource.PUBLISHED))
        .then(None)
        .when(pl.col("is_own_tariff"))
        .then(pl.lit("version"))
        .when(_was_in_force())
        .then(pl.lit("tariff"))
    )
    return (
        pairs.join(used, on=["cdr_key", "tariff_version_id"], how="anti")
        .join(own_tariff, on=["cdr_key", "tariff_key"], how="left", validate="m:1")
        .join(carried.drop_nulls(), on=["cdr_key", "tariff_version_id"], how="left", validate="m:1")
        .with_columns(kind.alias("kind"))
        .drop_nulls("kind")
        .sort("cdr_key", pl.col("kind") == "tariff", "tariff_key", "tariff_version_id")
        .with_columns(pl.int_range(pl.len()).over("cdr_key").alias("number"))
        .filter(pl.col("number") < _MOST)
        .select(
            pl.concat_str("cdr_key", "tariff_version_id", separator=" ").alias("alternative"),
            "cdr_key",
            "kind",
            version_id=pl.col("tariff_version_id"),
        )
    )


def _was_in_force() -> pl.Expr:
    started = pl.col("started_at")
    bounds = ((pl.col("valid_from") <= started), (pl.col("last_updated_at") <= started), (started < pl.col("valid_to")))
    return pl.all_horizontal(bound.fill_null(True) for bound in bounds)


def under_alternatives(
    sessions: pl.DataFrame, periods: pl.DataFrame, versions: pl.DataFrame, others: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Give sessions, periods and versions such that every alternative is a session of its own, priced by it alone.

    Periods name no tariff then, and versions are valid for ever: the mistake is that they were not.
    """
    widened = others.select("cdr_key", "alternative", "version_id")
    priced = (
        sessions.join(widened, on="cdr_key", how="inner", maintain_order="left")
        .with_columns(pl.col("alternative").alias("cdr_key"), pl.concat_list("version_id").alias("tariff_version_ids"))
        .select(sessions.columns)
        .sort("cdr_key")
    )
    told = (
        periods.join(widened, on="cdr_key", how="inner", maintain_order="left")
        .with_columns(pl.col("alternative").alias("cdr_key"), pl.lit(None, pl.String).alias("tariff_id"))
        .select(periods.columns)
        .sort("cdr_key", "period_index")
    )
    for_ever = [pl.lit(None, versions[name].dtype).alias(name) for name in ("valid_from", "valid_to")]
    return priced, told, versions.with_columns(for_ever)
