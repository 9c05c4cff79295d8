"""Power over time from charging periods: unknown energy is a gap, and the last period lasts until the session ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from models.reconciliation.packs.pack import Claim
from models.reconciliation.packs.power import Period, power_profile

NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)


def claim(minutes=60, energy="11", hours="1", parking=None):
    blank = dict.fromkeys(Claim.__dataclass_fields__)
    facts = {
        "cdr_key": "DE*LDW*C1",
        "cpo_id": "DE*LDW",
        "cdr_id": "C1",
        "currency": "EUR",
        "started_at": NOON,
        "ended_at": NOON + timedelta(minutes=minutes),
        "total_energy_kwh": Decimal(energy),
        "total_hours": Decimal(hours),
        "total_parking_hours": parking,
        "is_credit": False,
        "last_updated_at": NOON,
        "notes": (),
    }
    return msgspec.convert(blank | facts, Claim)


def period(index, minute, energy):
    at = NOON + timedelta(minutes=minute)
    return Period(period_index=index, started_at=at, energy_kwh=None if energy is None else Decimal(energy))


def steps(profile):
    return [
        ((step.started_at - NOON).seconds // 60, (step.ended_at - NOON).seconds // 60, step.average_kw)
        for step in profile.steps
    ]


def test_each_period_has_its_average_power_until_the_next_one_starts():
    profile = power_profile(claim(), [period(0, 0, "10"), period(1, 45, "1")], Decimal(22))
    assert steps(profile) == [(0, 45, Decimal("13.333")), (45, 60, Decimal("4.000"))]
    assert profile.limit_kw == Decimal(22)


def test_unknown_energy_is_a_gap_and_zero_energy_is_zero():
    profile = power_profile(claim(), [period(0, 0, None), period(1, 30, "0")], None)
    assert steps(profile) == [(0, 30, None), (30, 60, Decimal("0.000"))]


def test_periods_are_put_in_order_of_time_and_those_without_length_are_left_out():
    profile = power_profile(claim(), [period(0, 30, "2"), period(1, 0, "1"), period(2, 30, "3")], None)
    assert steps(profile) == [(0, 30, Decimal("2.000")), (30, 60, Decimal("6.000"))]


def test_a_period_after_the_end_of_the_session_is_left_out():
    assert steps(power_profile(claim(minutes=20), [period(0, 0, "1"), period(1, 30, "5")], None)) == [
        (0, 30, Decimal("2.000"))
    ]


@pytest.mark.parametrize(
    ("hours", "parking", "expected"),
    [("1", None, "11.000"), ("1.5", Decimal("0.5"), "11.000"), ("3", Decimal(0), "3.667"), ("0", None, None)],
)
def test_the_whole_session_is_averaged_without_its_parking(hours, parking, expected):
    profile = power_profile(claim(hours=hours, parking=parking), [], None)
    assert profile.average_kw == (None if expected is None else Decimal(expected))
