"""How figures, dates and places are written in a document's language. Values are shown, never changed.

Amounts keep two decimals, energy at least three, unit prices at least two: a figure with more digits shows them all,
because a reader must be able to compute the line again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from models.types.money import rounded

_SECONDS_AN_HOUR = 3600
_SECONDS_A_MINUTE = 60
_KEPT = Decimal("0.001")
"""volumes carry 9 decimals of an hour, so a whole second is one to within a thousandth"""


@dataclass(frozen=True, slots=True)
class Formats:
    """The formatters of one CLDR locale."""

    locale_name: str
    locale: Locale = field(init=False)

    def __post_init__(self) -> None:
        """Load the locale once."""
        object.__setattr__(self, "locale", Locale.parse(self.locale_name))

    @property
    def language(self) -> str:
        """The language tag of the page."""
        return self.locale.language

    def money(self, amount: Decimal, currency: str) -> str:
        """Write a billed amount with its currency: `1.234,50 €`."""
        return format_currency(amount, currency, locale=self.locale)

    def amount(self, amount: Decimal) -> str:
        """Write a billed amount for a column whose head names the currency: `1.234,50`."""
        return format_decimal(amount, format="#,##0.00", locale=self.locale)

    def price(self, price: Decimal, currency: str) -> str:
        """Write a unit price or a precise amount with all its digits, two at least: `0,3495 €`."""
        return format_currency(price, currency, locale=self.locale, decimal_quantization=False)

    def number(self, value: Decimal) -> str:
        """Write a factor, such as an exchange rate, with all its digits."""
        return format_decimal(value, locale=self.locale, decimal_quantization=False)

    def count(self, value: int) -> str:
        """Write a count."""
        return format_decimal(value, format="#,##0", locale=self.locale)

    def energy(self, kwh: Decimal) -> str:
        """Write energy in kWh, three decimals at least, more where the meter gave more."""
        return format_decimal(kwh, format="#,##0.000######", locale=self.locale)

    def percent(self, rate_pct: Decimal) -> str:
        """Write a rate given in percent: `19 %`, `25,5 %`."""
        return format_percent(rate_pct.scaleb(-2), locale=self.locale, decimal_quantization=False)

    def day(self, day: date) -> str:
        """Write a day with its year."""
        return format_date(day, "medium", locale=self.locale)

    def month(self, month: str) -> str:
        """Write a billing month given as `2026-10`, as a title begins: `Oktober 2026`, `Octobre 2026`."""
        text = self.month_in_a_sentence(month)
        return text[:1].upper() + text[1:]

    def month_in_a_sentence(self, month: str) -> str:
        """Write a billing month given as `2026-10`: `Oktober 2026`, `octobre 2026`."""
        return format_skeleton("yMMMM", datetime.fromisoformat(f"{month}-01T00:00:00Z"), locale=self.locale)

    def clock_span(self, start: datetime, end: datetime) -> str:
        """Write the local times of a session; `+1` tells that it ended on the next day."""
        days = (end.date() - start.date()).days
        return f"{start:%H:%M}–{end:%H:%M}" + (f" +{days}" if days else "")  # noqa: RUF001 - a span takes an en dash

    def duration(self, seconds: int) -> str:
        """Write a duration as hours and minutes, with seconds only where they are not zero: `1:20 h`."""
        hours, rest = divmod(seconds, _SECONDS_AN_HOUR)
        minutes, rest = divmod(rest, _SECONDS_A_MINUTE)
        return f"{hours}:{minutes:02d}" + (f":{rest:02d}" if rest else "") + " h"

    def volume(self, volume: Decimal, unit: str | None) -> str:
        """Write a priced volume in its unit; hours as a duration where they are whole seconds."""
        if unit == "kWh":
            return f"{self.energy(volume)} kWh"
        seconds = rounded(volume * _SECONDS_AN_HOUR, 3)
        if unit == "h" and seconds % 1 < _KEPT:
            return self.duration(int(seconds))
        return f"{self.number(volume)} {unit or ''}".rstrip()

    def country(self, code: str) -> str:
        """Write a country's name, or its code where CLDR has no name."""
        return self.locale.territories.get(code, code)

    def countries(self, codes: tuple[str, ...]) -> str:
        """Write several countries."""
        return ", ".join(self.country(code) for code in codes)


def in_fours(code: str) -> str:
    """Write an IBAN or a payment reference in groups of four, as people copy it."""
    plain = "".join(code.split())
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))
