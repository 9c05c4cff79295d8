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
import numpy.typing as npt
import polars as pl

from models.ocpi.canonical import PriceComponent, Restrictions, Tariff, TariffElement
from models.ocpi.frames import tariff_frames, tariff_version_id
from models.schemas.registry import Layer, table
from models.types.vocabularies import Dimension, TariffSource
from pipelines.lib.lake import COMPRESSION

ZONES: Final = ("Europe/Berlin", "Europe/Amsterdam", "Europe/Paris", "Europe/Copenhagen", "Europe/Lisbon")
TARIFFS: Final = 240
MONTH: Final = date(2026, 10, 1)
_TIER_WH: Final = 20_000
_FIRST: Final = datetime(2026, 10, 1, tzinfo=UTC)
_SUMMER_TIME: Final = np.array([2, 2, 2, 2, 1]) * 3600
"""seconds ahead of UTC"""
Ints = npt.NDArray[np.int64]


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
            TariffElement(
                (energy("0.33"),), Restrictions(days_of_week=frozenset({5, 6}), max_kwh=Decimal(_TIER_WH).scaleb(-3))
            ),
            TariffElement((energy("0.31", 100),), Restrictions(min_kwh=Decimal(_TIER_WH).scaleb(-3))),
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
        frame.write_parquet(folder / f"{name}.parquet", compression=COMPRESSION)


def _frames(n: int, version_ids: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    random = np.random.default_rng(7)
    start = random.integers(0, 23 * 86_400, n)
    tariff, zone = random.integers(0, TARIFFS, n), random.integers(0, len(ZONES), n)
    charged = random.integers(40 * 60, 10 * 3600, n)
    stayed = charged + random.integers(60, 5 * 3600, n)
    power_w = random.integers(3_000, 11_000, n)
    session, since, meter, until = _cut(start + _SUMMER_TIME[zone], charged, stayed, power_w)
    is_charging = since < charged[session]
    energy_wh = np.where(is_charging, meter[1] - meter[0], 0)
    hours = (until - since) * 10_000 // 3600 * 10**5
    keys = pl.Series([f"DE*LDW*C{number:08d}" for number in range(n)])
    index = np.arange(len(session)) - np.flatnonzero(np.diff(session, prepend=-1))[session]
    month = pl.lit(MONTH).alias("billing_month")
    first = int(_FIRST.timestamp())
    periods = pl.DataFrame(
        {
            "cdr_key": keys.gather(session),
            "period_index": pl.Series(index, dtype=pl.Int32),
            "started_at": _instants(first + start[session] + since),
            "energy_kwh": _volume(energy_wh * 10**6, is_charging),
            "charging_hours": _volume(hours, is_charging),
            "parking_hours": _volume(hours, ~is_charging),
            "tariff_id": pl.Series([f"T{number}" for number in range(TARIFFS)]).gather(tariff[session]),
        }
    ).with_columns(month)
    schema = table(Layer.TYPED, "charging_periods").schema
    missing = [pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in periods.columns]
    sessions = pl.DataFrame(
        {
            "cdr_key": keys,
            "started_at": _instants(first + start),
            "ended_at": _instants(first + start + stayed),
            "time_zone": pl.Series(ZONES).gather(zone),
            "tariff_version_ids": pl.Series(version_ids).gather(tariff).reshape((n, 1)).cast(pl.List(pl.String)),
        }
    ).with_columns(pl.lit("EUR").alias("currency"), month)
    return sessions, periods.with_columns(missing).select(list(schema))


def _cut(local: Ints, charged: Ints, stayed: Ints, power_w: Ints) -> tuple[Ints, Ints, tuple[Ints, Ints], Ints]:
    """Cut sessions at 22:00, 06:00 and midnight, at the tier, at the end of charging and after four hours.

    Gives per period its session, where it begins (seconds), the meter then and at its end (Wh), and where it ends.
    """
    second_of_day = local % 86_400
    bounds = [(bound - second_of_day) % 86_400 for bound in (0, 6 * 3600, 22 * 3600)]
    tier = -(-_TIER_WH * 3600 // power_w)
    inside = [*bounds, np.where(tier < charged, tier, 0), charged, np.full(len(local), 4 * 3600)]
    cuts = np.sort(
        np.stack([np.zeros_like(local), *(np.minimum(cut, stayed) for cut in inside), stayed], axis=1), axis=1
    )
    keep = np.diff(cuts, axis=1) > 0
    session = np.nonzero(keep)[0]
    since, until = cuts[:, :-1][keep], cuts[:, 1:][keep]

    def meter(at: Ints) -> Ints:
        exact = np.minimum(at, charged[session]) * power_w[session] // 3600
        return np.where(at == tier[session], _TIER_WH, exact)

    return session, since, (meter(since), meter(until)), until


def _instants(seconds: Ints) -> pl.Series:
    return pl.Series(seconds * 1_000_000).cast(pl.Datetime("us", "UTC"))


def _volume(units: Ints, known: npt.NDArray[np.bool_]) -> pl.Series:
    """Give units of 1e-9 as the Decimal of a volume, null where not known."""
    scaled = (pl.Series(units).cast(pl.Decimal(38, 0)) * pl.Series([Decimal("0.000000001")])).cast(pl.Decimal(18, 9))
    return pl.select(pl.when(pl.Series(known)).then(scaled)).to_series()
