"""The comparisons that a tariff's restrictions are made of: intervals are half-open, what is not said holds."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Final, TypeVar

_Ordered = TypeVar("_Ordered", Decimal, timedelta, date)
_MIDNIGHT: Final = time(0)


def within_day(start: time | None, end: time | None, at: time) -> bool:
    """Tell whether a local time is in a daily window, end exclusive, that may wrap over midnight (P4).

    An end of 00:00 is the end of the day. A window whose other bounds are equal is empty (`EqualBounds.NEVER`).
    """
    if end is None or end == _MIDNIGHT:
        return start is None or at >= start
    if start is None:
        return at < end
    return start <= at < end if start <= end else at >= start or at < end


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
