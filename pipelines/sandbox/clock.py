"""The world's clock: whole seconds since 1970 in UTC, in ticks of nine.

OCPI states hours with four decimals; 9 s are exactly 0.0025 h, and every full hour is a whole number of ticks, so a
session made of ticks has exact hours whatever the clock says where it is split.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.types.time import BillingMonth

TICK = 9
HOUR = 3600
DAY = 86400
COMPANY_ZONE = ZoneInfo("Europe/Berlin")


def instant(seconds: int) -> datetime:
    """Give the UTC instant of a second count."""
    return datetime.fromtimestamp(seconds, UTC)


def ticked(seconds: float) -> int:
    """Round down to a whole tick."""
    return int(seconds) // TICK * TICK


def local_second(day: date, minute: int, zone: ZoneInfo) -> int:
    """Give the second count of a local wall-clock minute of a day; minute 1440 is the next midnight."""
    wall = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    return int(wall.replace(fold=0).timestamp())


def local_day(seconds: int, zone: ZoneInfo) -> date:
    """Give the local date of a second count."""
    return instant(seconds).astimezone(zone).date()


def local_minute(seconds: int, zone: ZoneInfo) -> int:
    """Give the local minute of the day, 0 to 1439."""
    wall = instant(seconds).astimezone(zone)
    return wall.hour * 60 + wall.minute


def month_bounds(month: BillingMonth) -> tuple[int, int]:
    """Give the half-open second counts of a month on the company's calendar."""
    start, end = month.window(COMPANY_ZONE)
    return int(start.timestamp()), int(end.timestamp())


def zone_changes(start: int, end: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Give the full hours in `[start, end)` at which the zone's offset from UTC changes (daylight saving)."""
    hours = range(start - start % HOUR, end, HOUR)
    offsets = [instant(hour).astimezone(zone).utcoffset() for hour in hours]
    return tuple(hour for hour, before, after in zip(hours[1:], offsets, offsets[1:], strict=False) if before != after)
