"""VAT rates and home-charging rates by date, as values; the tables are in `data/reference`, read by `pipelines`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from models.billing.records import is_valid_on


@dataclass(frozen=True, slots=True)
class VatRate:
    """A VAT rate of a country for a kind of supply (`standard`, `ev_charging`, `electricity`)."""

    country: str
    kind: str
    rate_pct: Decimal
    valid_from: date
    valid_to: date | None
    is_end_known: bool
    """false where the end of a temporary rate was not found: such a rate decides nothing"""


@dataclass(frozen=True, slots=True)
class VatRates:
    """The dated rates, the member states, and the wording of a reverse charge in each of them."""

    rates: tuple[VatRate, ...]
    member_states: frozenset[str]
    reverse_charge_wording: dict[str, str]

    def standard(self, country: str, on: date) -> Decimal | None:
        """Give the standard rate of a country on a day, or None where the table has none."""
        row = self._row(country, "standard", on)
        return row.rate_pct if row else None

    def charging(self, country: str, on: date) -> Decimal | str | None:
        """Give the rate of public charging on a day.

        That is the rate confirmed for charging where there is one, else the standard rate. A country whose own
        electricity rate differs from the standard rate, without a source that says whether charging follows it, gives
        the question as text.
        """
        if row := self._row(country, "ev_charging", on):
            return row.rate_pct
        standard, electricity = self.standard(country, on), self._row(country, "electricity", on)
        if electricity is None or (electricity.is_end_known and electricity.rate_pct == standard):
            return standard
        return (
            f"whether the electricity rate of {electricity.rate_pct.normalize():f} % applies to charging in {country}"
        )

    def _row(self, country: str, kind: str, on: date) -> VatRate | None:
        for row in self.rates:
            if (row.country, row.kind) == (country, kind) and is_valid_on(on, row.valid_from, row.valid_to):
                return row
        return None


@dataclass(frozen=True, slots=True)
class HomeRate:
    """A published value of a kWh charged at home."""

    country: str
    region: str
    """`all`, or a region of residence that the rate holds for"""
    period: str
    """as the source names it, such as 2026 or 2026-Q2"""
    valid_from: date
    valid_to: date | None
    rate_per_kwh: Decimal | None
    """None where the value was not found: an explicit unknown"""
    currency: str
    nature: str
    """`flat` (may be paid instead of the real price) or `maximum` (nothing above it is free of tax)"""

    @property
    def text(self) -> str:
        """Name the table row, such as `DE 2026 0.34 EUR/kWh`."""
        place = self.country if self.region == "all" else f"{self.country} {self.region}"
        value = "unknown" if self.rate_per_kwh is None else f"{self.rate_per_kwh.normalize():f}"
        return f"{place} {self.period} {value} {self.currency}/kWh"


@dataclass(frozen=True, slots=True)
class HomeRates:
    """All published values."""

    rates: tuple[HomeRate, ...]

    def is_limited(self, country: str) -> bool:
        """Tell whether a country knows a legal maximum at all; then a missing value is unknown, not unlimited."""
        return any((rate.country, rate.nature) == (country, "maximum") for rate in self.rates)

    def on(self, country: str, nature: str, day: date) -> tuple[HomeRate, ...]:
        """Give the rows of a country and nature that cover a day: several where the region decides."""
        return tuple(
            rate
            for rate in self.rates
            if (rate.country, rate.nature) == (country, nature) and is_valid_on(day, rate.valid_from, rate.valid_to)
        )
