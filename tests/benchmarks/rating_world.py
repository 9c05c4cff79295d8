"""A month of CDRs as typed Parquet, made column by column: a million in seconds, which no sandbox of people could do.

Sessions have five charging periods on average, cut where a CPO cuts them: at every price change of their tariff.
Tariffs have five elements (night, weekend, after a tier of energy, day, standing after a grace time), with steps and
VAT.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from models.ocpi.canonical import PriceComponent, Restrictions, Tariff, TariffElement
from models.ocpi.frames import tariff_frames, tariff_version_id
from models.schemas.registry import Layer, table
from models.types.vocabularies import Dimension, TariffSource

ZONES: Final = ("Europe/Berlin", "Europe/Amsterdam", "Europe/Paris", "Europe/Copenhagen", "Europe/Lisbon")
TARIFFS: Final = 240
MONTH: Final = date(2026, 10, 1)
_TIER_KWH: Final = 20
_HOUR: Final = 3_600_000_000
_UNIT: Final = 10**9
_FIRST: Final = datetime(2026, 10, 1, 6, tzinfo=UTC)


def tariffs() -> list[Tariff]:
    """Give the price lists: five elements each, no two alike."""
    return [_tariff(number) for number in range(TARIFFS)]


def _tariff(number: int) -> Tariff:
    cents = Decimal(number).scaleb(-4)
    vat = (Decimal(19), Decimal(21), Decimal(25), Decimal(20))[number % 4]

    def energy(price: str, step: int = 1) -> PriceComponent:
        return PriceComponent(Dimension.ENERGY, Decimal(price) + cents, vat, step)

    parking = PriceComponent(Dimension.PARKING_TIME, Decimal("2.4"), vat, 300)
    return Tariff(
        owner_id="DE*LDW",
        tariff_id=f"T{number}",
        currency="EUR",
        elements=(
            TariffElement((energy("0.29"), parking), Restrictions(start_time=time(22), end_time=time(6))),
            TariffElement((energy("0.33"),), Restrictions(days_of_week=frozenset({5, 6}), max_kwh=Decimal(_TIER_KWH))),
            TariffElement((energy("0.31", 100),), Restrictions(min_kwh=Decimal(_TIER_KWH))),
            TariffElement((energy("0.39"), PriceComponent(Dimension.FLAT, Decimal("0.35"), vat, 1))),
            TariffElement((parking,), Restrictions(min_duration_seconds=4 * 3600)),
        ),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        last_updated_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def write_world(folder: Path, cdrs: int) -> None:
    """Write `sessions`, `charging_periods`, `tariff_versions` and `tariff_components` as Parquet files."""
    lists = tariffs()
    versions, components = tariff_frames((each, TariffSource.PUBLISHED, _FIRST) for each in lists)
    sessions, periods = _frames(cdrs, [tariff_version_id(each) for each in lists])
    named = {"charging_periods": periods, "tariff_versions": versions, "tariff_components": components}
    for name, frame in {"sessions": sessions, **named}.items():
        frame.write_parquet(folder / f"{name}.parquet")


def _frames(n: int, version_ids: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw sessions of four to six periods: to 22:00 or 06:00, to the tier, to the end of charging, to the end."""
    random = np.random.default_rng(7)
    start = _micros(_FIRST) + random.integers(0, 30 * 86_400, n) * 1_000_000
    tariff = random.integers(0, TARIFFS, n)
    cuts = [np.zeros(n, dtype=np.int64)]
    for _ in range(random.integers(3, 4)):
        cuts.append(cuts[-1] + random.integers(5, 90, n) * 60_000_000)
    cuts.append(np.where(random.random(n) < 0.6, cuts[-1] + random.integers(5, 240, n) * 60_000_000, cuts[-1]))
    cuts.append(np.where(random.random(n) < 0.5, cuts[-1] + random.integers(5, 240, n) * 60_000_000, cuts[-1]))
    cuts.append(cuts[-1] + random.integers(1, 60, n) * 60_000_000)
    lengths = np.diff(np.stack(cuts, axis=1), axis=1)
    keep = lengths > 0
    session = np.nonzero(keep)[0]
    length = lengths[keep]
    is_last = np.append(session[1:] != session[:-1], True)
    energy = np.where(is_last, 0, random.integers(20, 220, len(session)) * 100 * (length // 60_000_000) // 60)
    hours = length * 10_000 // _HOUR * 10**5
    keys = pl.Series([f"DE*LDW*C{number:08d}" for number in range(n)])
    index = np.arange(len(session)) - np.flatnonzero(np.diff(session, prepend=-1))[session]
    ids = pl.Series([f"T{number}" for number in range(TARIFFS)])
    month = pl.lit(MONTH).alias("billing_month")
    periods = pl.DataFrame(
        {
            "cdr_key": keys.gather(session),
            "period_index": pl.Series(index, dtype=pl.Int32),
            "started_at": _instants(start[session] + np.stack(cuts[:-1], axis=1)[keep]),
            "energy_kwh": _volume(energy * 10**6, ~is_last),
            "charging_hours": _volume(hours, ~is_last),
            "parking_hours": _volume(hours, is_last),
            "tariff_id": ids.gather(tariff[session]),
        }
    ).with_columns(month)
    schema = table(Layer.TYPED, "charging_periods").schema
    missing = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in periods.columns]
    sessions = pl.DataFrame(
        {
            "cdr_key": keys,
            "started_at": _instants(start),
            "ended_at": _instants(start + cuts[-1]),
            "time_zone": pl.Series(ZONES).gather(random.integers(0, len(ZONES), n)),
            "tariff_version_ids": pl.Series(version_ids).gather(tariff).reshape((n, 1)).cast(pl.List(pl.String)),
        }
    ).with_columns(pl.lit("EUR").alias("currency"), month)
    return sessions, periods.with_columns(missing).select(list(schema))


def _micros(instant: datetime) -> int:
    return int(instant.timestamp()) * 1_000_000


def _instants(micros: np.ndarray) -> pl.Series:
    return pl.Series(micros).cast(pl.Datetime("us", "UTC"))


def _volume(units: np.ndarray, known: np.ndarray) -> pl.Series:
    """Give units of 1e-9 as the Decimal of a volume, null where not known."""
    scaled = (pl.Series(units).cast(pl.Decimal(38, 0)) * pl.Series([Decimal("0.000000001")])).cast(pl.Decimal(18, 9))
    return pl.select(pl.when(pl.Series(known)).then(scaled)).to_series()
