"""A reference session is cut where a restriction can change its answer: every cut here is worked out by hand."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from models.ocpi.canonical import Restrictions
from models.rating.splitting import ReferenceSession, charging_periods

BERLIN = ZoneInfo("Europe/Berlin")
HALF_HOUR = timedelta(minutes=30)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def session(start="2026-10-15T10:00", kwh="20", charging=HALF_HOUR, idle=timedelta()):
    return ReferenceSession(at(start), Decimal(kwh), charging, idle)


def starts(*restrictions, zone=BERLIN, **facts):
    return [period.started_at for period in charging_periods(session(**facts), restrictions, zone)]


def test_without_restrictions_a_session_is_one_period_at_its_power():
    (period,) = charging_periods(session(), [Restrictions()], BERLIN)
    assert (period.energy_kwh, period.charging_hours, period.parking_hours) == (Decimal(20), Decimal("0.5"), None)
    assert period.min_power_kw == period.max_power_kw == Decimal(40)


def test_idling_is_a_period_of_its_own_without_energy_and_power():
    charging, idle = charging_periods(session(kwh="50", charging=timedelta(hours=4), idle=timedelta(hours=2)), [], None)
    assert (charging.energy_kwh, charging.charging_hours, charging.max_power_kw) == (50, 4, Decimal("12.5"))
    assert (idle.started_at, idle.parking_hours, idle.energy_kwh, idle.max_power_kw) == (
        at("2026-10-15T14:00"),
        2,
        None,
        0,
    )


def test_energy_reaches_a_threshold_exactly():
    first, second = charging_periods(session(), [Restrictions(min_kwh=Decimal(7))], BERLIN)
    assert (first.energy_kwh, second.energy_kwh) == (7, 13)
    assert second.started_at == at("2026-10-15T10:10:30")  # 7 of 20 kWh take 7/20 of 30 minutes


def test_a_threshold_between_two_microseconds_is_reached_at_the_later():
    # 1 of 7 kWh takes 257.142857142... seconds of half an hour
    first, second = charging_periods(session(kwh="7"), [Restrictions(max_kwh=Decimal(1))], BERLIN)
    assert (first.energy_kwh, second.energy_kwh) == (1, 6)
    assert second.started_at == at("2026-10-15T10:04:17.142858")


def test_a_cut_just_before_a_threshold_does_not_stand_on_it():
    early = Restrictions(min_duration_seconds=257)
    energies = [
        period.energy_kwh
        for period in charging_periods(session(kwh="7"), [Restrictions(max_kwh=Decimal(1)), early], BERLIN)
    ]
    # 7 x 257 / 1800 = 0.99944444...
    assert energies == [Decimal("0.999444444"), Decimal("0.000555556"), Decimal(6)]


def test_a_session_does_not_reach_a_threshold_at_or_beyond_its_energy():
    assert len(starts(Restrictions(min_kwh=Decimal(20)), Restrictions(max_kwh=Decimal(21)))) == 1


def test_hours_that_do_not_end_are_cut_off_and_add_up():
    # a third of an hour, cut after 400 seconds: 0.111111111 + 0.222222222
    cut = charging_periods(session(charging=timedelta(minutes=20)), [Restrictions(min_duration_seconds=400)], BERLIN)
    assert [period.charging_hours for period in cut] == [Decimal("0.111111111"), Decimal("0.222222222")]
    # 7 x 400 / 3600 has no end either: what one period cuts off, the next one has
    cut = charging_periods(
        session(kwh="7", charging=timedelta(hours=1)), [Restrictions(min_duration_seconds=400)], BERLIN
    )
    assert [period.energy_kwh for period in cut] == [Decimal("0.777777777"), Decimal("6.222222223")]


def test_durations_count_from_plugging_in():
    cuts = starts(Restrictions(min_duration_seconds=600), Restrictions(max_duration_seconds=1200))
    assert cuts == [at("2026-10-15T10:00"), at("2026-10-15T10:10"), at("2026-10-15T10:20")]


def test_windows_are_local():
    # 12:15 in Berlin is 10:15 UTC in summer
    assert starts(Restrictions(start_time=time(12, 15))) == [at("2026-10-15T10:00"), at("2026-10-15T10:15")]
    assert starts(Restrictions(start_time=time(12, 15)), zone=None) == [at("2026-10-15T10:00")]


def test_days_change_at_local_midnight_only_where_the_day_matters():
    night = {"start": "2026-10-15T21:50"}
    assert starts(Restrictions(), **night) == [at("2026-10-15T21:50")]
    assert starts(Restrictions(days_of_week=frozenset({4})), **night) == [
        at("2026-10-15T21:50"),
        at("2026-10-15T22:00"),
    ]


def test_a_window_with_one_bound_is_open_from_or_to_midnight():
    # until 02:00 holds again from midnight on, which is 22:00 UTC in summer
    assert starts(Restrictions(end_time=time(2)), start="2026-10-15T21:50")[1:] == [at("2026-10-15T22:00")]


def test_in_the_night_that_repeats_an_hour_a_time_comes_twice():
    # Berlin, 2026-10-25: 02:30 is 00:30 UTC and again 01:30 UTC; the clocks go back at 01:00 UTC
    cuts = starts(Restrictions(start_time=time(2, 30)), start="2026-10-25T00:00", charging=timedelta(hours=3))
    assert [f"{cut:%H:%M}" for cut in cuts] == ["00:00", "00:30", "01:00", "01:30"]


def test_in_the_night_that_skips_an_hour_a_time_never_comes():
    # Berlin, 2026-03-29: from 02:00 the clocks jump to 03:00, at 01:00 UTC; that is when 02:30 has passed
    cuts = starts(Restrictions(start_time=time(2, 30)), start="2026-03-29T00:10", charging=timedelta(hours=3))
    assert [f"{cut:%H:%M}" for cut in cuts] == ["00:10", "01:00"]


def test_clocks_that_jump_half_an_hour_are_found_to_the_second():
    # Lord Howe, 2026-10-04: from 02:00 (+10:30) to 02:30 (+11:00), at 15:30 UTC the day before
    cuts = starts(
        Restrictions(end_time=time(2, 15)),
        zone=ZoneInfo("Australia/Lord_Howe"),
        start="2026-10-03T15:07:30.5",
        charging=timedelta(hours=1),
    )
    assert [f"{cut:%H:%M:%S}" for cut in cuts] == ["15:07:30", "15:30:00"]


@pytest.mark.parametrize(
    ("kwh", "charging", "idle"),
    [("1", timedelta(), HALF_HOUR), ("0", timedelta(), timedelta()), ("-1", HALF_HOUR, timedelta())],
)
def test_what_cannot_happen_is_refused(kwh, charging, idle):
    with pytest.raises(ValueError, match="no time"):
        session(kwh=kwh, charging=charging, idle=idle)
