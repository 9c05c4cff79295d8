"""Rules that hold a session against the one before it: travel, and more than one driver needs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def severity(world, rule, name="B"):
    return world.found().get((name, rule))


def journey(world, kilometres, pause, **fields):
    """End in the south and start again so many kilometres due north of it; a degree is 111.195 km."""
    north = {"latitude": Decimal(50) + Decimal(str(round(kilometres / 111.195, 6))), "longitude": Decimal(10)}
    world.connector("SOUTH", latitude=Decimal(50), longitude=Decimal(10))
    world.connector("NORTH", **north)
    world.cdr("A", location_id="SOUTH")
    world.cdr("B", started_at=START + HOUR + pause, location_id="NORTH", **fields)


@pytest.mark.parametrize(
    ("kilometres", "pause", "found"),
    [
        (129, HOUR, None),
        (131, HOUR, "review"),
        (899, HOUR, "review"),
        (901, HOUR, "block"),
        (19.9, MINUTE, None),
        (20.1, MINUTE, "block"),
        (300, 3 * HOUR, None),
    ],
)
def test_faster_than_anyone_drives_or_flies(world, kilometres, pause, found):
    journey(world, kilometres, pause)
    assert severity(world, "R16") == found


def test_the_finding_says_how_far_how_long_and_how_fast(world):
    journey(world, 260, HOUR)
    row = next(row for row in world.findings().iter_rows(named=True) if row["rule_id"] == "R16")
    assert (row["measured"], row["permitted"], row["unit"]) == (Decimal(260), Decimal(130), "km/h")
    assert (row["distance_km"].quantize(Decimal("0.1")), row["seconds_between"]) == (Decimal("260.0"), 3600)
    assert row["other_cdr_key"] == "DE*LDW*A"


def test_a_ferry_trip_is_clean(world):
    journey(world, 48, HOUR + 45 * MINUTE)
    assert world.found() == {}


def test_another_token_may_be_anywhere(world):
    world.token("T2")
    journey(world, 500, HOUR, token_uid="T2")
    assert world.found() == {}


def test_the_agreement_may_know_faster_roads(world):
    world.agreement(rule_thresholds="travel_kmh=200")
    journey(world, 180, HOUR)
    assert severity(world, "R16") is None


def test_it_abstains_without_coordinates(world):
    journey(world, 500, HOUR)
    world.connectors[-1]["latitude"] = None
    assert severity(world, "R16") is None
    assert world.abstained()["B", "R16"] == "the coordinates of the location are not known"


def day_of(world, count, **fields):
    for number in range(count):
        world.cdr(f"N{number}", started_at=START + number * 20 * MINUTE, minutes=15, **fields)


def test_the_ninth_session_of_a_day_is_one_too_many(world):
    day_of(world, 9)
    assert {name for name, rule in world.found() if rule == "R17"} == {"N8"}


def test_eight_sessions_are_clean(world):
    day_of(world, 8)
    assert world.found() == {}


def test_the_next_day_counts_anew(world):
    day_of(world, 8)
    world.cdr("NEXT", started_at=START + 12 * HOUR)
    assert world.found() == {}


def test_more_energy_than_one_car_takes_on_a_day(world):
    for number in range(4):
        world.cdr(
            f"N{number}",
            started_at=START + number * 2 * HOUR,
            minutes=100,
            total_energy_kwh=Decimal(99),
            connector_power_type="DC",
        )
    world.connectors[0]["max_power_kw"] = Decimal(150)
    assert {name for name, rule in world.found() if rule == "R17"} == {"N3"}
