"""A billing month is a month of the company's calendar."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from models.types.time import BillingMonth

BERLIN = ZoneInfo("Europe/Berlin")


def test_belongs_to_the_local_calendar_not_to_utc():
    assert BillingMonth.of(datetime(2026, 9, 30, 22, 30, tzinfo=UTC), BERLIN) == BillingMonth(2026, 10)
    assert BillingMonth.of(datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC), BERLIN) == BillingMonth(2026, 10)
    assert BillingMonth.of(datetime(2026, 10, 31, 23, 0, tzinfo=UTC), BERLIN) == BillingMonth(2026, 11)


def test_the_window_of_october_has_one_hour_more_than_its_days():
    start, end = BillingMonth.parse("2026-10").window(BERLIN)
    assert (start, end) == (datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC))


def test_neighbours_cross_the_year():
    december = BillingMonth(2026, 12)
    assert december.next == BillingMonth(2027, 1)
    assert december.next.previous == december
    assert december.last_day == date(2026, 12, 31)
    assert str(BillingMonth(2027, 1)) == "2027-01"


@pytest.mark.parametrize("text", ["2026-13", "october", "2026-10-01", ""])
def test_refuses_what_is_not_a_month(text):
    with pytest.raises(ValueError, match="not of the form YYYY-MM"):
        BillingMonth.parse(text)
