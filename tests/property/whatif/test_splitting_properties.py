"""Wherever a session is cut further its price stays, because no restriction changes its answer inside a period."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from models.ocpi.canonical import Cdr, Price, PriceComponent, Restrictions, Tariff, TariffElement
from models.rating.reference import price_cdr
from models.rating.splitting import ReferenceSession, charging_periods, restrictions_of
from models.types.vocabularies import Dimension

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
NIGHTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in ("2026-03-28T22:10:00", "2026-10-24T22:30:01", "2026-11-01T03:40:00", "2026-12-31T21:00:00")
)
CLOCKS = tuple(map(time.fromisoformat, ("00:00", "02:00", "02:30", "03:15", "17:00", "22:00", "23:59")))
DAYS = tuple(map(date.fromisoformat, ("2026-03-29", "2026-10-25", "2026-11-01", "2027-01-01")))
MINUTE = timedelta(minutes=1)

seldom = lambda strategy: st.one_of(st.none(), st.none(), strategy)  # noqa: E731 - a word for a strategy
bounds = st.builds(
    Restrictions,
    start_time=st.none() | st.sampled_from(CLOCKS),
    end_time=st.none() | st.sampled_from(CLOCKS),
    start_date=seldom(st.sampled_from(DAYS)),
    end_date=seldom(st.sampled_from(DAYS)),
    min_kwh=seldom(st.decimals(0, 60, places=3)),
    max_kwh=seldom(st.decimals(0, 60, places=3)),
    min_power_kw=seldom(st.just(Decimal(11))),
    max_power_kw=seldom(st.just(Decimal(22))),
    min_duration_seconds=seldom(st.integers(0, 20_000)),
    max_duration_seconds=seldom(st.integers(0, 20_000)),
    days_of_week=st.one_of(st.just(frozenset()), st.frozensets(st.integers(0, 6), min_size=1)),
)
components = st.builds(
    PriceComponent, st.sampled_from(Dimension), st.decimals(0, 5, places=4), st.just(Decimal(19)), st.just(0)
)
elements = st.builds(TariffElement, st.lists(components, min_size=1, max_size=3).map(tuple), bounds)
tariffs = st.builds(
    Tariff,
    st.just("DE*LDW"),
    st.just("T1"),
    st.just("EUR"),
    st.lists(elements, min_size=1, max_size=4).map(tuple),
)
sessions = st.builds(
    ReferenceSession,
    st.builds(lambda night, seconds: night + timedelta(seconds=seconds), st.sampled_from(NIGHTS), st.integers(0, 9000)),
    st.decimals(0, 80, places=3),
    st.integers(1, 15_000).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(0, 9_000).map(lambda seconds: timedelta(seconds=seconds)),
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
often = settings(derandomize=True, max_examples=80, deadline=None)


def total(session, periods, tariff, zone):
    cdr = Cdr(
        owner_id="DE*LDW",
        cdr_id="C1",
        started_at=session.started_at,
        ended_at=session.ended_at,
        currency="EUR",
        periods=periods,
        total_cost=Price(Decimal(0)),
        total_energy_kwh=session.energy_kwh,
        total_hours=Decimal(0),
    )
    return price_cdr(cdr, [tariff], zone).total.excl_vat


def every_minute(session):
    minutes = (session.ended_at - session.started_at) // MINUTE
    return [Restrictions(min_duration_seconds=60 * minute) for minute in range(minutes + 1)]


@often
@given(sessions, tariffs, zones)
def test_the_price_is_that_of_any_finer_cut(session, tariff, zone):
    restrictions = restrictions_of(tariff)
    cut = charging_periods(session, restrictions, zone)
    finer = charging_periods(session, [*restrictions, *every_minute(session)], zone)
    assert len(finer) >= len(cut)
    # hours are cut off at 9 decimals, at one place per tariff element and switch; the dearest hour costs 5
    assert abs(total(session, cut, tariff, zone) - total(session, finer, tariff, zone)) < Decimal("1e-6")


@often
@given(sessions, tariffs, zones)
def test_a_cut_neither_adds_nor_loses_anything(session, tariff, zone):
    cut = charging_periods(session, [*restrictions_of(tariff), *every_minute(session)], zone)
    assert sum(period.energy_kwh or 0 for period in cut) == session.energy_kwh
    for hours, duration in (("charging_hours", session.charging), ("parking_hours", session.idle)):
        exact = Fraction(duration // timedelta(microseconds=1), 3_600_000_000)
        assert 0 <= exact - Fraction(sum(getattr(period, hours) or Decimal(0) for period in cut)) < Fraction(1, 10**9)
    begins = [period.started_at for period in cut]
    assert begins == sorted(begins)
    assert begins[0] == session.started_at


@settings(derandomize=True, max_examples=400, deadline=None)
@given(sessions, bounds, zones)
def test_no_restriction_changes_its_answer_inside_a_period(session, restrictions, zone):
    cut = charging_periods(session, [restrictions], zone)
    ends = [period.started_at for period in cut] + [session.ended_at]
    for start, end in pairwise(ends):
        inside = [start + (end - start) * part // 7 for part in range(7)]
        answers = {holds(restrictions, session, instant, zone) for instant in inside}
        assert len(answers) <= 1, (start, end)


def holds(restrictions, session, instant, zone):
    """Tell whether restrictions hold at an instant, power aside: an implementation of its own, in exact fractions."""
    local, after = instant.astimezone(zone), instant - session.started_at
    micro = timedelta(microseconds=1)
    energy = min(Fraction(after // micro, session.charging // micro), Fraction(1)) * Fraction(session.energy_kwh)
    low, high = restrictions.start_time or time(0), restrictions.end_time
    clock = local.time()
    if high in (None, time(0)):
        in_window = clock >= low
    else:
        in_window = low <= clock < high if low <= high else clock >= low or clock < high
    return all(
        (
            in_window,
            restrictions.start_date is None or local.date() >= restrictions.start_date,
            restrictions.end_date is None or local.date() < restrictions.end_date,
            not restrictions.days_of_week or local.weekday() in restrictions.days_of_week,
            restrictions.min_kwh is None or energy >= Fraction(restrictions.min_kwh),
            restrictions.max_kwh is None or energy < Fraction(restrictions.max_kwh),
            restrictions.min_duration_seconds is None or after.total_seconds() >= restrictions.min_duration_seconds,
            restrictions.max_duration_seconds is None or after.total_seconds() < restrictions.max_duration_seconds,
        )
    )
