"""Which tariffs and sessions the reference can price at all, and which it declines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from models.ocpi.canonical import ChargingPeriod, Price, Tariff
from models.rating.bounds import (
    LARGEST_AMOUNT,
    LARGEST_STEP,
    LARGEST_VAT_RATE_PCT,
    LARGEST_VOLUME,
    MOST_PERIODS,
)
from models.rating.outcome import CannotPriceError, PricedRow, Reason


def is_valid(tariff: Tariff, at: datetime) -> bool:
    """Tell whether a tariff is valid at an instant, its end exclusive."""
    return (tariff.valid_from is None or tariff.valid_from <= at) and (tariff.valid_to is None or at < tariff.valid_to)


def has_local_restriction(tariff: Tariff) -> bool:
    """Tell whether any element asks for the time, day or date at the charge point."""
    return any(
        found.start_time is not None
        or found.end_time is not None
        or found.start_date is not None
        or found.end_date is not None
        or found.days_of_week
        for found in (element.restrictions for element in tariff.elements)
    )


def is_in_range(tariff: Tariff) -> bool:
    """Tell whether a tariff's figures are within the bounds of exact rating."""
    limits = (tariff.min_price or Price(None), tariff.max_price or Price(None))
    amounts = [amount for limit in limits for amount in (limit.excl_vat, limit.incl_vat) if amount is not None]
    components = [component for element in tariff.elements for component in element.components]
    return (
        all(abs(amount) <= LARGEST_AMOUNT for amount in amounts)
        and all(0 <= component.step_size <= LARGEST_STEP for component in components)
        and all(0 <= (component.vat_rate_pct or 0) <= LARGEST_VAT_RATE_PCT for component in components)
    )


def check_volumes(periods: Sequence[ChargingPeriod]) -> None:
    """Decline a session whose volumes leave the bounds."""
    names = ("energy_kwh", "charging_hours", "parking_hours", "reservation_hours")
    sums = [sum((abs(getattr(period, name) or Decimal(0)) for period in periods), Decimal(0)) for name in names]
    if len(periods) > MOST_PERIODS or max(sums) > LARGEST_VOLUME:
        raise CannotPriceError(Reason.OUT_OF_RANGE)


def check_amounts(rows: Sequence[PricedRow]) -> None:
    """Decline a session whose amounts, without limits, leave the bounds on either side of VAT."""
    excl = sum((abs(row.amount_excl_vat or Decimal(0)) for row in rows), Decimal(0))
    incl = sum((abs(row.amount_incl_vat or Decimal(0)) for row in rows), Decimal(0))
    if max(excl, incl) > LARGEST_AMOUNT:
        raise CannotPriceError(Reason.OUT_OF_RANGE)
