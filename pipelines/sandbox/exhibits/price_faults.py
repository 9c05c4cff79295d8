"""Faults of price and tariff, one per rule about them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Price
from models.types.money import rounded
from pipelines.sandbox.billing import tariff_of
from pipelines.sandbox.clock import HOUR, instant
from pipelines.sandbox.exhibits.case import AC, DEAR, FROM_THREE, GHOST, STEP, TOD, Case, Workshop
from pipelines.sandbox.exhibits.faults import alone
from pipelines.sandbox.physics import Charge


def wrong_tariff(shop: Workshop) -> list[Case]:
    """Bill by a dearer list under the id of the published one, and carry it along."""
    case = shop.case()
    dearer = AC.dearer(Decimal("1.25"))
    case.change(tariffs=(tariff_of(dearer),))
    case.published = replace(case.published, claim=replace(case.published.claim, prices=dearer))
    case.rebill()
    return alone(case, "R21", "R22")


def no_tariff(shop: Workshop) -> list[Case]:
    """Bill by a list that was never published, and that the CDR does not carry."""
    case = shop.case(GHOST)
    case.change(tariffs=())
    return alone(case, "R23")


def wrong_currency(shop: Workshop) -> list[Case]:
    """Claim kroner where euros were agreed."""
    case = shop.case()
    case.change(currency="DKK")
    return alone(case, "R23", "R24", may=("R34",))


def spans_price_change(shop: Workshop) -> list[Case]:
    """Leave one period across the change of price at 20:00."""
    case = shop.case(TOD, started=shop.at(shop.random.randrange(3, 40), 19, 30))
    first, *rest = case.cdr.periods
    energy = sum((period.energy_kwh or Decimal(0) for period in rest), first.energy_kwh or Decimal(0))
    hours = sum((period.charging_hours or Decimal(0) for period in rest), first.charging_hours or Decimal(0))
    case.change(periods=(replace(first, energy_kwh=energy, charging_hours=hours),))
    case.rebill()
    return alone(case, "R25")


def wrong_time_of_day(shop: Workshop) -> list[Case]:
    """Bill a day-and-night tariff by UTC."""
    case = shop.case(TOD, started=shop.at(shop.random.randrange(3, 40), 20, 9))
    case.rebill(ZoneInfo("UTC"))
    return alone(case, "R21", "R26")


def doubled_hour(shop: Workshop) -> list[Case]:
    """Charge in the second of the two hours from two to three, with a price that changes at three."""
    if shop.autumn_day is None:
        return []
    started = shop.at(shop.autumn_day, 3) - 3060
    case = shop.case(FROM_THREE, started=started, charge=Charge(8000, 2160, 0))
    return alone(case, "R27", may=("R21", "R25"))


def step_per_period(shop: Workshop) -> list[Case]:
    """Round every period up to a quarter of an hour, and not the session once."""
    case = shop.case(STEP, charge=Charge(9000, HOUR, 0))
    whole = case.cdr.periods[0]
    parts = ((0, 1260), (1260, 1260), (2520, 1080))
    energy = (case.cdr.total_energy_kwh - Decimal(2), Decimal(1), Decimal(1))
    periods = tuple(
        replace(
            whole,
            started_at=instant(case.session.started + since),
            charging_hours=Decimal(length) / HOUR,
            energy_kwh=kwh,
        )
        for (since, length), kwh in zip(parts, energy, strict=True)
    )
    case.change(periods=periods)
    case.claim(STEP.per_charging_hour * Decimal("1.5"))
    return alone(case, "R21", "R28")


def wrong_vat(shop: Workshop) -> list[Case]:
    """Add seven per cent of VAT in Germany."""
    case = shop.case()
    excl = case.cdr.total_cost.excl_vat or Decimal(0)
    case.change(total_cost=Price(excl, rounded(excl * Decimal("1.07"), 4)))
    return alone(case, "R29")


def dear(shop: Workshop) -> list[Case]:
    """Pay 1.20 EUR a kWh, as published."""
    return alone(shop.case(DEAR), "R37")
