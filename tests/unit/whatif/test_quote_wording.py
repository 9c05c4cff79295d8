"""Restrictions and steps in words: every restriction that OCPI knows is said."""

from datetime import date, time
from decimal import Decimal

import pytest

from models.schemas.registry import Layer, table
from pipelines.lib.quotes.wording import restriction_words, step_words

NOTHING = dict.fromkeys(table(Layer.TYPED, "tariff_components").schema) | {"days_of_week_mask": 0, "step_size": 1}


@pytest.mark.parametrize(
    ("restrictions", "words"),
    [
        ({}, ""),
        ({"start_time": time(8), "end_time": time(20)}, "from 08:00 to 20:00"),
        ({"start_time": time(22)}, "from 22:00 to midnight"),
        ({"end_time": time(6, 30)}, "from midnight to 06:30"),
        ({"start_time": time(22), "end_time": time(0)}, "from 22:00 to midnight"),
        ({"days_of_week_mask": 0b0010001}, "on Mon, Fri"),
        ({"days_of_week_mask": 0b1111111}, ""),
        ({"start_date": date(2026, 10, 1), "end_date": date(2026, 11, 1)}, "from 2026-10-01; before 2026-11-01"),
        ({"min_kwh": Decimal("10.000000000")}, "from 10 kWh on"),
        ({"max_kwh": Decimal(100)}, "for the first 100 kWh"),
        ({"min_duration_seconds": 0, "max_duration_seconds": 5400}, "in the first 1 h 30 min of the session"),
        ({"min_duration_seconds": 90}, "after 1 min 30 s of the session"),
        ({"min_power_kw": Decimal(11), "max_power_kw": Decimal("22.5")}, "at 11 kW or more; below 22.5 kW"),
        ({"min_current_a": Decimal(16), "max_current_a": Decimal(32)}, "at 16 A or more; below 32 A"),
        ({"reservation": "RESERVATION"}, "for a reservation"),
        ({"reservation": "RESERVATION_EXPIRES"}, "for a reservation that expires"),
    ],
)
def test_restrictions_are_said_in_words(restrictions, words):
    assert restriction_words(NOTHING | restrictions) == words


@pytest.mark.parametrize(
    ("dimension", "step", "words"),
    [
        ("ENERGY", 0, ""),
        ("ENERGY", 1, ""),
        ("ENERGY", 100, "per started 0.1 kWh"),
        ("ENERGY", 10_000, "per started 10 kWh"),
        ("TIME", 1, ""),
        ("TIME", 60, "per started min"),
        ("PARKING_TIME", 900, "per started 15 min"),
        ("PARKING_TIME", 3600, "per started h"),
        ("FLAT", 60, ""),
    ],
)
def test_steps_are_said_where_they_are_coarse(dimension, step, words):
    assert step_words(NOTHING | {"dimension": dimension, "step_size": step}) == words
