"""Time: instants are UTC, intervals half-open; local time only for tariffs and for billing months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo


@dataclass(frozen=True, order=True, slots=True)
class BillingMonth:
    """A calendar month in the billing company's time zone, written `2026-10`."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-10`; raise `ValueError` with the expected form otherwise."""
        try:
            first = date.fromisoformat(f"{text}-01")
        except ValueError:
            msg = f"month {text!r} is not of the form YYYY-MM, such as 2026-10"
            raise ValueError(msg) from None
        return cls(first.year, first.month)

    @classmethod
    def of(cls, instant: datetime, zone: ZoneInfo) -> Self:
        """Give the month in which a UTC instant falls on the calendar of `zone`."""
        local = instant.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def first_day(self) -> date:
        """The first day: the value of every `billing_month` column."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """The last day, inclusive."""
        return self.next.first_day - timedelta(days=1)

    @property
    def next(self) -> BillingMonth:
        """The month after."""
        return BillingMonth(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> BillingMonth:
        """The month before."""
        return BillingMonth(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    def window(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Give the half-open UTC interval of this month on the calendar of `zone`."""
        return _midnight(self.first_day, zone), _midnight(self.next.first_day, zone)

    def __str__(self) -> str:
        """Write the month as the command line takes it."""
        return f"{self.year:04d}-{self.month:02d}"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
