"""The comparisons that a tariff's restrictions are made of: intervals are half-open, what is not said holds."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from models.ocpi.canonical import Restrictions
from models.rating.policy import EqualBounds, NightWeekday, Policy

_Ordered = TypeVar("_Ordered", Decimal, timedelta, date)
_MIDNIGHT: Final = time(0)


def within_calendar(found: Restrictions, local: datetime, policy: Policy) -> bool:
    """Tell whether a local time is in the daily window, on a day of the week and in the range of dates (P4)."""
    return (
        within_day(found.start_time, found.end_time, local.time(), policy)
        and within(found.start_date, found.end_date, local.date())
        and (not found.days_of_week or _weekday(found, local, policy) in found.days_of_week)
    )


def within_day(start: time | None, end: time | None, at: time, policy: Policy) -> bool:
    """Tell whether a local time is in a daily window, end exclusive, that may wrap over midnight (P4).

    An end of 00:00 is the end of the day. What a window means whose bounds are equal is a policy.
    """
    if end is None:
        return start is None or at >= start
    begin = start or _MIDNIGHT
    if begin == end and policy.equal_bounds is not EqualBounds.END_OF_DAY:
        return policy.equal_bounds is EqualBounds.WHOLE_DAY
    if end == _MIDNIGHT:
        return at >= begin
    return begin <= at < end if begin <= end else at >= begin or at < end


def _weekday(found: Restrictions, local: datetime, policy: Policy) -> int:
    """Give the weekday, Monday 0; the small hours of a window over midnight may belong to the evening before."""
    start, end = found.start_time or _MIDNIGHT, found.end_time or _MIDNIGHT
    is_after_midnight = end != _MIDNIGHT and start > end and local.time() < end
    if is_after_midnight and policy.night_weekday is NightWeekday.OF_THE_EVENING:
        return (local.weekday() - 1) % 7
    return local.weekday()


def seconds(count: int | None) -> timedelta | None:
    """Give an optional number of seconds as a duration."""
    return None if count is None else timedelta(seconds=count)


def within(low: _Ordered | None, high: _Ordered | None, value: _Ordered) -> bool:
    """Tell whether a value is in a half-open interval whose bounds may be absent."""
    return at_least(low, value) and below(high, value)


def at_least(low: _Ordered | None, value: _Ordered | None) -> bool:
    """Compare with an inclusive lower bound; what the CDR does not say (P5) and what is not bounded holds."""
    return low is None or value is None or value >= low


def below(high: _Ordered | None, value: _Ordered | None) -> bool:
    """Compare with an exclusive upper bound; see `at_least`."""
    return high is None or value is None or value < high
