"""What each CPO charges, as the world knows it: a `PriceList` in plain terms, and the OCPI tariff made from it.

The truth prices sessions from the plain terms; the CPOs bill from the OCPI tariff. Neither reads the other's form.
Prices are without VAT, in the CPO's currency.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal

from models.ocpi.canonical import Price, PriceComponent, Restrictions, Tariff, TariffElement
from models.types.money import PRECISE_SCALE, rounded
from models.types.vocabularies import Dimension, TaxIncluded
from pipelines.sandbox.clock import instant

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Window:
    """A price per kWh between two local minutes of the day; `until` before `since` runs over midnight."""

    since: int
    until: int
    per_kwh: Decimal

    def covers(self, minute: int) -> bool:
        """Tell whether a local minute of the day falls into the window."""
        if self.since < self.until:
            return self.since <= minute < self.until
        return minute >= self.since or minute < self.until


@dataclass(frozen=True, slots=True)
class PriceList:
    """One version of what a CPO charges at a kind of connector. Times are counted from the session's start."""

    party: str
    tariff_id: str
    currency: str
    vat_pct: Decimal
    per_kwh: Decimal = ZERO
    windows: tuple[Window, ...] = ()
    """prices per kWh by time of day, covering the whole day; instead of `per_kwh`"""
    start_fee: Decimal = ZERO
    per_charging_hour: Decimal = ZERO
    per_parking_hour: Decimal = ZERO
    parking_free_seconds: int = 0
    """parking that begins before this age of the session is free"""
    energy_step_wh: int = 1
    time_step_seconds: int = 1
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    valid_from: int | None = None
    valid_to: int | None = None
    published_at: int = 0

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        prices = (self.per_kwh, self.start_fee, self.per_charging_hour, self.per_parking_hour)
        return not self.windows and not any(prices)

    def kwh_price_at(self, minute: int) -> Decimal:
        """Give the price per kWh at a local minute of the day."""
        return next((window.per_kwh for window in self.windows if window.covers(minute)), self.per_kwh)

    def dearer(self, factor: Decimal) -> PriceList:
        """Give the same list with higher prices per kWh and hour, for a CPO that bills by a list nobody agreed to."""
        return replace(
            self,
            per_kwh=rounded(self.per_kwh * factor, 4),
            per_charging_hour=rounded(self.per_charging_hour * factor, 4),
            per_parking_hour=rounded(self.per_parking_hour * factor, 4),
            windows=tuple(replace(window, per_kwh=rounded(window.per_kwh * factor, 4)) for window in self.windows),
        )

    def tariff(self) -> Tariff:
        """Write the list as an OCPI tariff: one element per window, fee or clock, so that each prices by itself."""
        return Tariff(
            owner_id=self.party,
            tariff_id=self.tariff_id,
            currency=self.currency,
            elements=self._elements(),
            tariff_type="REGULAR",
            tax_included=TaxIncluded.NO,
            min_price=self._limit(self.min_price),
            max_price=self._limit(self.max_price),
            valid_from=None if self.valid_from is None else instant(self.valid_from),
            valid_to=None if self.valid_to is None else instant(self.valid_to),
            last_updated_at=instant(self.published_at),
        )

    def _elements(self) -> tuple[TariffElement, ...]:
        if self.is_free:
            return (self._element(Dimension.FLAT, ZERO, 1),)
        elements = [
            self._element(Dimension.ENERGY, window.per_kwh, self.energy_step_wh, _daily(window))
            for window in self.windows
        ]
        if self.per_kwh:
            elements.append(self._element(Dimension.ENERGY, self.per_kwh, self.energy_step_wh))
        if self.start_fee:
            elements.append(self._element(Dimension.FLAT, self.start_fee, 1))
        if self.per_charging_hour:
            elements.append(self._element(Dimension.TIME, self.per_charging_hour, self.time_step_seconds))
        if self.per_parking_hour:
            grace = Restrictions(min_duration_seconds=self.parking_free_seconds or None)
            elements.append(self._element(Dimension.PARKING_TIME, self.per_parking_hour, self.time_step_seconds, grace))
        return tuple(elements)

    def _element(
        self, dimension: Dimension, price: Decimal, step: int, restrictions: Restrictions | None = None
    ) -> TariffElement:
        component = PriceComponent(dimension, price, self.vat_pct, step)
        return TariffElement((component,), restrictions or Restrictions())

    def _limit(self, excl_vat: Decimal | None) -> Price | None:
        if excl_vat is None:
            return None
        return Price(excl_vat, rounded(excl_vat * (100 + self.vat_pct) / 100, PRECISE_SCALE).normalize())


def _daily(window: Window) -> Restrictions:
    return Restrictions(start_time=_clock(window.since), end_time=_clock(window.until))


def _clock(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
