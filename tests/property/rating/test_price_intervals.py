"""Where a CDR leaves its price open, the kernel's interval holds the price that a finer record would have had.

The truth is made minute by minute: a session whose record is cut at every minute, at which no restriction is passed by,
priced by the one-CDR reference. The CDR that the kernel gets is the same session in few, coarse periods.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, PriceComponent, Restrictions, Tariff, TariffElement
from models.ocpi.frames import cdr_key, period_frame, period_rows, tariff_frames, tariff_version_id
from models.rating.kernel import rate
from models.rating.outcome import Note, Reason
from models.rating.policy import DEFAULT_POLICY
from models.rating.reference import price_cdr
from models.types.vocabularies import Dimension, RatingOutcome, TariffSource

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
PRICES = ("0", "0.19", "0.45", "0.79", "2.40")
STEPS = (0, 1, 60, 300, 1000)
SHARE = 1 if "ROAMLEDGER_SWEEP" in os.environ else 0.4
"""of the sessions that `make sweep` tries, for every other run of the tests"""


def seeded(seed):
    return Random(seed)  # noqa: S311 - a sweep that must repeat, not a secret


def component(random, dimension):
    return PriceComponent(dimension, Decimal(random.choice(PRICES)), Decimal(19), random.choice(STEPS))


def restrictions(random):
    kind = random.choice(("none", "window", "energy", "duration", "weekday", "both"))
    clock = [time(random.randint(0, 23), random.choice((0, 15, 30))) for _ in range(2)]
    energy = Decimal(random.randint(1, 12) * 6) / 10
    seconds = random.randint(1, 40) * 300
    return {
        "none": Restrictions(),
        "window": Restrictions(start_time=clock[0], end_time=clock[1]),
        "energy": random.choice((Restrictions(min_kwh=energy), Restrictions(max_kwh=energy))),
        "duration": random.choice(
            (Restrictions(min_duration_seconds=seconds), Restrictions(max_duration_seconds=seconds))
        ),
        "weekday": Restrictions(days_of_week=frozenset(random.sample(range(7), 3))),
        "both": Restrictions(start_time=clock[0], end_time=clock[1], min_kwh=energy),
    }[kind]


def tariff(random):
    elements = []
    for _ in range(random.randint(1, 4)):
        dimensions = random.sample(list(Dimension), random.randint(1, 3))
        elements.append(
            TariffElement(tuple(component(random, dimension) for dimension in dimensions), restrictions(random))
        )
    limit = Price(Decimal(random.randint(1, 9)), Decimal(random.randint(1, 9)))
    return Tariff(
        owner_id="DE*LDW",
        tariff_id="T",
        currency="EUR",
        elements=tuple(elements),
        min_price=limit if random.random() < 0.1 else None,
        max_price=limit if random.random() < 0.1 else None,
    )


def minutes(random, start):
    """Make a record of one-minute periods: charging at a power that may fall, then perhaps idle."""
    charging, idle = random.randint(5, 240), random.choice((0, 0, random.randint(1, 120)))
    power = random.choice((Decimal("0.1"), Decimal("0.2")))
    hour = Decimal("0.016666667")
    for minute in range(charging + idle):
        at = start + minute * MINUTE
        if minute < charging:
            yield ChargingPeriod(at, energy_kwh=power if random.random() < 0.9 else Decimal(0), charging_hours=hour)
        else:
            yield ChargingPeriod(at, parking_hours=hour)


def coarse(random, fine):
    """Merge periods into few; what is charged and what is idle stays apart."""
    parked = next((place for place, period in enumerate(fine) if period.parking_hours), len(fine))
    cuts = {0, parked, len(fine), *random.sample(range(len(fine)), min(len(fine), random.randint(0, 3)))}
    for first, last in pairwise(sorted(cuts)):
        merged = fine[first:last]
        yield replace(
            merged[0],
            energy_kwh=sum((period.energy_kwh or Decimal(0) for period in merged), Decimal(0)) or None,
            charging_hours=sum((period.charging_hours or Decimal(0) for period in merged), Decimal(0)) or None,
            parking_hours=sum((period.parking_hours or Decimal(0) for period in merged), Decimal(0)) or None,
        )


def record(periods, end, *, is_credit=False):
    return Cdr(
        owner_id="DE*LDW",
        cdr_id="C",
        started_at=periods[0].started_at,
        ended_at=end,
        currency="EUR",
        periods=tuple(periods),
        total_cost=Price(Decimal(0)),
        total_energy_kwh=Decimal(0),
        total_hours=Decimal(0),
        is_credit=is_credit,
    )


def rated(cdr, one, zone, policy=DEFAULT_POLICY):
    session = {
        "cdr_key": cdr_key(cdr),
        "started_at": cdr.started_at,
        "ended_at": cdr.ended_at,
        "time_zone": zone,
        "currency": "EUR",
        "tariff_version_ids": [tariff_version_id(one)],
        "billing_month": datetime(2026, 10, 1, tzinfo=UTC).date(),
        "is_credit": cdr.is_credit,
    }
    frame = pl.DataFrame([session]).with_columns(pl.col("time_zone").cast(pl.String))
    periods = period_frame(period_rows(cdr, session["billing_month"]))
    versions = tariff_frames([(one, TariffSource.CDR, cdr.started_at)])
    return rate(frame, periods, *versions, policy).cdrs.row(0, named=True)


ROUNDING = Decimal("1e-9")
"""A record in minutes has more rows, each rounded at the twelfth decimal."""


def holds(row, truth):
    return all(
        row[f"price_low_{side}"] - ROUNDING <= getattr(truth.total, side) <= row[f"price_high_{side}"] + ROUNDING
        for side in ("excl_vat", "incl_vat")
    )


@pytest.mark.parametrize("choices", [{}, {"flat_repetition": "once_per_element"}, {"rounding_place": "total"}], ids=str)
def test_a_period_across_a_price_change_holds_the_price_of_the_minutes(choices):
    random, policy, open_ones = seeded(5), DEFAULT_POLICY.choosing(choices), 0
    for _ in range(int(400 * SHARE)):
        start = datetime(2026, 10, random.randint(1, 20), random.randint(0, 23), random.choice((0, 30)), tzinfo=UTC)
        fine, one = list(minutes(random, start)), tariff(random)
        end, is_credit = fine[-1].started_at + MINUTE, random.random() < 0.1
        truth = price_cdr(record(fine, end, is_credit=is_credit), [one], BERLIN, policy)
        row = rated(record(list(coarse(random, fine)), end, is_credit=is_credit), one, "Europe/Berlin", policy)
        if Note.PERIOD_SPANS_PRICE_CHANGE in row["notes"]:
            open_ones += 1
            assert holds(row, truth), (fine, one)
            assert row["price_low_excl_vat"] <= row["total_excl_vat"] <= row["price_high_excl_vat"]
        else:
            assert row["price_low_excl_vat"] is None
            assert abs(row["total_excl_vat"] - truth.total.excl_vat) < ROUNDING
    assert 100 * SHARE < open_ones < 395 * SHARE


def test_a_doubled_hour_holds_the_price_of_either_reading():
    random, ambiguous = seeded(6), 0
    for _ in range(int(300 * SHARE)):
        start = datetime(2026, 10, 25, 0, random.randint(0, 30), tzinfo=UTC)
        clock = time(2, random.choice((0, 10, 30, 45)))
        window = random.choice((Restrictions(start_time=clock), Restrictions(end_time=clock)))
        one = Tariff(
            owner_id="DE*LDW",
            tariff_id="T",
            currency="EUR",
            elements=(
                TariffElement((component(random, Dimension.ENERGY), component(random, Dimension.FLAT)), window),
                TariffElement((component(random, Dimension.ENERGY),)),
            ),
        )
        fine = [
            ChargingPeriod(start + minute * MINUTE, energy_kwh=Decimal("0.1"))
            for minute in range(random.randint(5, 80))
        ]
        end = fine[-1].started_at + MINUTE
        row = rated(record(list(coarse(random, fine)), end), one, "Europe/Berlin")
        if Note.AMBIGUOUS_HOUR in row["notes"]:
            ambiguous += 1
            # A clock that is not set back, and one that already is: the two readings of every instant of these hours.
            for zone in (BERLIN, ZoneInfo("Etc/GMT-2"), ZoneInfo("Etc/GMT-1")):
                assert holds(row, price_cdr(record(fine, end), [one], zone)), (one, zone)
    assert ambiguous > 50 * SHARE


def test_an_unknown_zone_holds_the_price_of_every_zone():
    random, open_ones = seeded(7), 0
    zones = [
        ZoneInfo(name) for name in ("Europe/Berlin", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu", "UTC")
    ]
    for _ in range(int(150 * SHARE)):
        fine, one = list(minutes(random, datetime(2026, 10, 6, random.randint(0, 23), tzinfo=UTC))), tariff(random)
        end = fine[-1].started_at + MINUTE
        row = rated(record(list(coarse(random, fine)), end), one, None)
        if row["outcome"] == RatingOutcome.NOT_PRICED:
            open_ones += 1
            assert row["reason"] == Reason.NO_TIME_ZONE
            assert row["notes"] == [Note.MISSING_ZONE]
            assert all(holds(row, price_cdr(record(fine, end), [one], zone)) for zone in zones), (fine, one)
    assert open_ones > 50 * SHARE
