"""Rating alone, from typed Parquet to priced totals, over months larger than the sandbox makes.

`kernel` prices them, `components` lays out and writes the rows that explain every cent, and `one_by_one` is the
baseline: the one-CDR reference over a sample of the same CDRs, on one core as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from models.ocpi.canonical import Cdr, ChargingPeriod, Price
from models.rating.kernel import Rated, rate
from models.rating.reference import price_cdr
from models.types.vocabularies import RatingOutcome
from tests.benchmarks.rating_world import tariffs, write_world
from tests.benchmarks.timing import Stage, timed

SIZES = (100_000, 1_000_000)
SAMPLE = 5_000


def _rated(folder: Path, *, keep_components: bool) -> Rated:
    sessions, versions, components = (
        pl.read_parquet(folder / f"{name}.parquet") for name in ("sessions", "tariff_versions", "tariff_components")
    )
    periods = pl.scan_parquet(folder / "charging_periods.parquet")
    return rate(sessions, periods, versions, components, keep_components=keep_components)


def world(folder: Path, cdrs: int) -> Stage:
    """Make the month: no figure of ours, only what the others work on."""
    write_world(folder, cdrs)
    return timed(lambda: cdrs, "CDRs")


def kernel(folder: Path, _cdrs: int) -> Stage:
    """Price every CDR, from typed Parquet to totals."""

    def work() -> int:
        priced = _rated(folder, keep_components=False).cdrs
        return len(priced.filter(pl.col("outcome") == str(RatingOutcome.PRICED)))

    return timed(work, "CDRs")


def components(folder: Path, _cdrs: int) -> Stage:
    """Lay out and write the component rows of CDRs that are priced already."""
    rated = _rated(folder, keep_components=True)

    def work() -> int:
        rated.components.write_parquet(folder / "priced_components.parquet")
        return len(rated.components)

    return timed(work, "rows")


def one_by_one(folder: Path, _cdrs: int) -> Stage:
    """Price a sample with the one-CDR reference, read into memory beforehand."""
    known = {tariff.tariff_id: tariff for tariff in tariffs()}
    cdrs = list(_sample(folder))

    def work() -> int:
        for cdr, zone in cdrs:
            price_cdr(cdr, [known[cdr.periods[0].tariff_id or ""]], zone)
        return len(cdrs)

    return timed(work, "CDRs")


def _sample(folder: Path) -> list[tuple[Cdr, ZoneInfo]]:
    sessions = pl.read_parquet(folder / "sessions.parquet", n_rows=SAMPLE)
    rows = pl.scan_parquet(folder / "charging_periods.parquet").filter(pl.col("cdr_key").is_in(sessions["cdr_key"]))
    periods: dict[str, list[ChargingPeriod]] = {}
    wanted = ("started_at", "energy_kwh", "charging_hours", "parking_hours", "tariff_id")
    for row in rows.sort("cdr_key", "period_index").collect().iter_rows(named=True):
        periods.setdefault(row["cdr_key"], []).append(ChargingPeriod(**{name: row[name] for name in wanted}))
    return [
        (_cdr(row["cdr_key"], row["started_at"], row["ended_at"], periods[row["cdr_key"]]), ZoneInfo(row["time_zone"]))
        for row in sessions.iter_rows(named=True)
    ]


def _cdr(key: str, started_at: datetime, ended_at: datetime, periods: list[ChargingPeriod]) -> Cdr:
    zero = pl.Series(["0"]).cast(pl.Decimal(18, 9))[0]
    return Cdr("DE*LDW", key, started_at, ended_at, "EUR", tuple(periods), Price(zero), zero, zero)


STAGES: dict[str, Callable[[Path, int], Stage]] = {"kernel": kernel, "components": components}
BASELINES = {"kernel": "one_by_one"}
HIDDEN = {"world": world, "one_by_one": one_by_one}
