"""A month of records to be matched, larger than the sandbox makes: honest ones, with a small share of every mess."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from models.schemas.registry import Layer, table

EPOCH = int(np.datetime64("2026-10-01T00:00:00", "s").astype(np.int64))
MONTH = 30 * 86_400
CPOS, PLACES = 40, 20_000
_MICRO = 1_000_000


def write_records(folder: Path, cdrs: int, seed: int = 17) -> None:
    """Write CDRs, as many sessions, 1.2 times as many authorizations, and what rules need beside them, as Parquet.

    Two thirds of the CDRs repeat a reference, a tenth has a twin at the same token within minutes, 1 % have no
    authorization, 1 % are copies, 1 % claim more than is right.
    """
    random = np.random.default_rng(seed)
    frames = _frames(random, cdrs)
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet")


def _frames(random: np.random.Generator, n: int) -> dict[str, pl.DataFrame]:
    tokens = max(200, n // 12)
    place, token = random.integers(0, PLACES, n), random.integers(0, tokens, n)
    started = EPOCH + random.integers(0, MONTH, n)
    length = random.integers(600, 14_400, n)
    watt_hours = (length * random.integers(2000, 10_000, n) // 3600).astype(np.int64)
    number = pl.Series("number", np.arange(n))
    base = pl.DataFrame(
        {"number": number, "place": place, "token": token, "plug": random.integers(0, 10, n), "length": length}
    ).with_columns(
        _instant(started).alias("started_at"),
        _instant(started + length).alias("ended_at"),
        _scaled(watt_hours, 3).alias("total_energy_kwh"),
        _scaled(length * 1_000_000 // 36, 8).alias("total_hours"),
        _scaled(watt_hours * 40, 5).alias("right"),
        pl.Series("has_reference", random.random(n) < 0.66),
        pl.Series("is_wrong", random.random(n) < 0.01),
        pl.Series("is_authorized", random.random(n) >= 0.01),
    )
    named = base.with_columns(_cpo().alias("cpo_id"), _location().alias("location_id"))
    cdrs = _cdrs(named)
    return {
        "cdrs": cdrs,
        "charging_periods": _periods(cdrs),
        "authorizations": _authorizations(named, random, n // 5),
        "sessions": _sessions(named),
        "tokens": _tokens(tokens),
        "connectors": _connectors(),
        "wholesale_cdrs": _priced(named, cdrs),
        "agreements": _agreements(),
        "tariff_versions": _tariff_versions(),
        "tariff_components": table(Layer.TYPED, "tariff_components").empty(),
    }


def _cpo() -> pl.Expr:
    return pl.format("DE*C{}", (pl.col("place") % CPOS).cast(pl.String).str.zfill(2))


def _location() -> pl.Expr:
    return pl.format("L{}", "place")


def _token() -> pl.Expr:
    return pl.format("04{}", pl.col("token").cast(pl.String).str.zfill(12))


def _instant(seconds: np.ndarray) -> pl.Series:
    return pl.Series((seconds * _MICRO).astype(np.int64)).cast(pl.Datetime("us", "UTC"))


def _scaled(units: np.ndarray, scale: int) -> pl.Series:
    whole = pl.Series(units.astype(np.int64)).cast(pl.Decimal(38, 0))
    return (whole * pl.Series([Decimal(1).scaleb(-scale)])).cast(pl.Decimal(18, 9))


def _fit(name: str, frame: pl.DataFrame, layer: Layer = Layer.TYPED) -> pl.DataFrame:
    """Give a frame the columns of its contract: what is not there is null, false or empty."""
    blank = {pl.Boolean: pl.lit(False), pl.List: pl.lit([])}
    return frame.select(
        (pl.col(column) if column in frame.columns else blank.get(kind.base_type(), pl.lit(None)))
        .cast(kind)
        .alias(column)
        for column, kind in table(layer, name).schema.items()
    )


def _cdrs(named: pl.DataFrame) -> pl.DataFrame:
    claimed = pl.when("is_wrong").then(pl.col("right") * pl.lit(Decimal("1.1"))).otherwise("right")
    name = pl.format("C{}", pl.col("number").cast(pl.String).str.zfill(8))
    reference = pl.when("has_reference").then(pl.format("R{}", "number"))
    rows = named.with_columns(
        pl.format("{}*{}", "cpo_id", name).alias("cdr_key"),
        name.alias("cdr_id"),
        pl.format("S{}", "number").alias("session_id"),
        reference.alias("authorization_reference"),
        _token().alias("token_uid"),
        pl.format("DE-NST-{}", "token").alias("contract_id"),
        pl.format("E{}", "plug").alias("evse_uid"),
        claimed.cast(pl.Decimal(18, 9)).alias("total_cost_excl_vat"),
        pl.concat_list(pl.format("{}*T-AC", "cpo_id")).alias("tariff_version_ids"),
        pl.col("ended_at").dt.offset_by("10m").alias("last_updated_at"),
        pl.col("ended_at").dt.offset_by("2d").alias("received_at"),
        **{name: pl.lit(value) for name, value in _SAID.items()},
    )
    copies = rows.filter(pl.col("number") % 100 == 0).with_columns(
        pl.format("{}R", "cdr_key").alias("cdr_key"),
        pl.format("{}R", "session_id").alias("session_id"),
        pl.col("last_updated_at").dt.offset_by("3h"),
    )
    return _fit("cdrs", pl.concat([rows, copies])).sort("cdr_key")


_SAID = {
    "auth_method": "AUTH_REQUEST",
    "token_type": "RFID",
    "connector_id": "1",
    "connector_power_type": "AC_3_PHASE",
    "charge_country": "DE",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "billing_month": date(2026, 10, 1),
    "connection_id": "bench",
    "ocpi_version": "2.2.1",
    "page_sha256": "0",
    "content_sha256": "0",
    "page_position": 0,
}


def _periods(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Cut every session into a charging period and one that ends it a minute before."""
    one = cdrs.select("cdr_key", "started_at", "total_energy_kwh", "total_hours", "billing_month")
    rows = one.with_columns(
        pl.lit(0).alias("period_index"),
        pl.lit("T-AC").alias("tariff_id"),
        pl.col("total_energy_kwh").alias("energy_kwh"),
        pl.col("total_hours").alias("charging_hours"),
    )
    return _fit("charging_periods", rows)


def _authorizations(named: pl.DataFrame, random: np.random.Generator, fruitless: int) -> pl.DataFrame:
    asked = named.filter("is_authorized").select(
        pl.format("A{}", pl.col("number").cast(pl.String).str.zfill(9)).alias("authorization_id"),
        pl.format("R{}", "number").alias("authorization_reference"),
        _token().alias("token_uid"),
        "cpo_id",
        "location_id",
        pl.format("E{}", "plug").alias("evse_uid"),
        pl.col("started_at").dt.offset_by("-40s").alias("authorized_at"),
    )
    other = named.sample(fruitless, seed=int(random.integers(1 << 30))).select(
        pl.format("B{}", pl.col("number").cast(pl.String).str.zfill(9)).alias("authorization_id"),
        pl.format("Q{}", "number").alias("authorization_reference"),
        _token().alias("token_uid"),
        "cpo_id",
        "location_id",
        pl.format("E{}", "plug").alias("evse_uid"),
        pl.col("started_at").dt.offset_by("-4m").alias("authorized_at"),
    )
    both = pl.concat([asked, other]).with_columns(
        pl.lit("ALLOWED").alias("result"),
        pl.lit("RFID").alias("token_type"),
        pl.lit(date(2026, 10, 1)).alias("billing_month"),
        pl.col("authorized_at").alias("last_updated_at"),
        pl.col("authorized_at").alias("received_at"),
    )
    return _fit("authorizations", both).sort("authorization_id")


def _sessions(named: pl.DataFrame) -> pl.DataFrame:
    rows = named.with_columns(
        pl.format("{}*S{}", "cpo_id", "number").alias("session_key"),
        pl.format("S{}", "number").alias("session_id"),
        pl.col("total_energy_kwh").alias("energy_kwh"),
        _token().alias("token_uid"),
        pl.format("E{}", "plug").alias("evse_uid"),
        pl.lit("1").alias("connector_id"),
        pl.lit("COMPLETED").alias("status"),
        pl.lit(date(2026, 10, 1)).alias("billing_month"),
        pl.col("ended_at").alias("last_updated_at"),
        pl.col("ended_at").alias("received_at"),
    )
    return _fit("sessions", rows).sort("session_key")


def _tokens(count: int) -> pl.DataFrame:
    long_ago = pl.lit(np.datetime64("2026-01-01T00:00:00", "us")).cast(pl.Datetime("us", "UTC"))
    rows = pl.DataFrame({"token": np.arange(count)}).with_columns(
        _token().alias("token_uid"),
        pl.lit("RFID").alias("token_type"),
        pl.format("DE-NST-{}", "token").alias("contract_id"),
        pl.lit(True).alias("is_valid"),
        pl.lit("NEVER").alias("whitelist"),
        long_ago.alias("last_updated_at"),
        long_ago.alias("received_at"),
    )
    return _fit("tokens", rows)


def _connectors() -> pl.DataFrame:
    long_ago = pl.lit(np.datetime64("2026-01-01T00:00:00", "us")).cast(pl.Datetime("us", "UTC"))
    places = pl.DataFrame({"place": np.arange(PLACES)})
    degrees = [
        _scaled(np.random.default_rng(5).integers(*bounds, PLACES), 5)
        for bounds in ((4750000, 5450000), (600000, 1450000))
    ]
    rows = (
        places.with_columns(degrees[0].alias("latitude"), degrees[1].alias("longitude"))
        .join(pl.DataFrame({"plug": np.arange(10)}), how="cross")
        .with_columns(
            _cpo().alias("cpo_id"), _location().alias("location_id"), pl.format("E{}", "plug").alias("evse_uid")
        )
        .with_columns(
            pl.concat_str("cpo_id", "location_id", "evse_uid", pl.lit("1"), separator="*").alias("connector_key"),
            pl.lit("1").alias("connector_id"),
            pl.lit("AC_3_PHASE").alias("power_type"),
            pl.lit(Decimal(22)).alias("max_power_kw"),
            long_ago.alias("last_updated_at"),
            long_ago.alias("received_at"),
        )
    )
    return _fit("connectors", rows)


def _priced(named: pl.DataFrame, cdrs: pl.DataFrame) -> pl.DataFrame:
    right = named.select(pl.format("S{}", "number").alias("session_id"), "right")
    rows = (
        cdrs.with_columns(pl.col("session_id").str.strip_suffix("R"))
        .join(right, on="session_id", how="left")
        .with_columns(
            pl.lit("priced").alias("outcome"),
            pl.col("right").alias("total_excl_vat"),
            pl.lit("default").alias("policy"),
        )
    )
    return _fit("wholesale_cdrs", rows, Layer.PRICED).sort("cdr_key")


def _tariff_versions() -> pl.DataFrame:
    """Publish one tariff per CPO, which its CDRs carry: its key is its version's id too."""
    long_ago = pl.lit(np.datetime64("2026-01-01T00:00:00", "us")).cast(pl.Datetime("us", "UTC"))
    rows = pl.DataFrame({"place": np.arange(CPOS)}).with_columns(_cpo().alias("owner_id"))
    texts = {"tariff_id": "T-AC", "source": "published", "currency": "EUR", "tax_included": "NO", "content_json": "{}"}
    told = rows.with_columns(
        pl.format("{}*T-AC", "owner_id").alias("tariff_key"),
        pl.format("{}*T-AC", "owner_id").alias("tariff_version_id"),
        long_ago.alias("last_updated_at"),
        long_ago.alias("known_from"),
        **{name: pl.lit(value) for name, value in texts.items()},
    )
    return _fit("tariff_versions", told)


def _agreements() -> pl.DataFrame:
    rows = pl.DataFrame({"place": np.arange(CPOS)}).with_columns(
        _cpo().alias("cpo_id"),
        *(pl.lit(value).alias(name) for name, value in (("name", "x"), ("country", "DE"), ("currency", "EUR"))),
        pl.lit(Decimal("0.01")).alias("tolerance_amount"),
        pl.lit(Decimal(0)).alias("tolerance_pct"),
        pl.lit(60).alias("dispute_deadline_days"),
        pl.lit("de").alias("language"),
        pl.lit(date(2023, 1, 1)).alias("valid_from"),
    )
    return _fit("agreements", rows, Layer.MASTER)
