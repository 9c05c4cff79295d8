"""How the CPOs bill: sessions cut into charging periods, priced by the one-CDR reference, written as CDRs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, Tariff
from models.rating.reference import price_cdr
from models.types.money import rounded
from models.types.vocabularies import RatingOutcome
from pipelines.sandbox.claims import Claim
from pipelines.sandbox.clock import DAY, HOUR, instant, local_day, local_second
from pipelines.sandbox.places import ALPHA3
from pipelines.sandbox.prices import PriceList, Window

WIRE_SCALE = 4
"""decimals of an amount or a volume on the wire (OCPI types, number)"""

_RETAIL_IDLE_SECONDS = 4 * HOUR
"""where the eMSP's own price lists begin to charge for standing idle; agreed with all CPOs as a cut"""


def bill(claim: Claim, cdr_id: str, session_id: str, reference: str | None) -> Cdr:
    """Write the CDR of a claim, priced by the claim's price list; amounts have four decimals."""
    tariff = tariff_of(claim.prices)
    unpriced = _unpriced(claim, cdr_id, session_id, reference, tariff)
    priced = price_cdr(unpriced, (tariff,), claim.session.evse.location.zone)
    if priced.outcome is not RatingOutcome.PRICED or priced.total is None:
        msg = f"the sandbox's own CDR {cdr_id} cannot be priced: {priced.reason}"
        raise RuntimeError(msg)
    return replace(
        unpriced,
        total_cost=_claimed_total(priced.total, claim.total_factor),
        total_energy_cost=_on_the_wire(priced.energy),
        total_time_cost=_on_the_wire(priced.time),
        total_parking_cost=_on_the_wire(priced.parking),
        total_fixed_cost=_on_the_wire(priced.fixed),
    )


@lru_cache(maxsize=1024)
def tariff_of(prices: PriceList) -> Tariff:
    """Give the OCPI tariff of a price list, one object per list."""
    return prices.tariff()


def hours(seconds: int) -> Decimal:
    """Give exact hours of whole ticks."""
    return Decimal(seconds * 10_000 // HOUR).scaleb(-4)


def kilowatt_hours(watt_hours: int) -> Decimal:
    """Give kWh with the three decimals of a meter."""
    return Decimal(watt_hours).scaleb(-3)


def _unpriced(claim: Claim, cdr_id: str, session_id: str, reference: str | None, tariff: Tariff) -> Cdr:
    session, charge = claim.session, claim.charge
    evse, location = session.evse, session.evse.location
    return Cdr(
        owner_id=location.party.party_id,
        cdr_id=cdr_id,
        started_at=instant(session.started),
        ended_at=instant(session.started + charge.seconds),
        currency=claim.prices.currency,
        periods=tuple(_periods(claim)),
        total_cost=Price(None),
        total_energy_kwh=kilowatt_hours(charge.energy_wh),
        total_hours=hours(charge.seconds),
        total_parking_hours=hours(charge.parking_seconds),
        tariffs=(tariff,) if location.party.carries_tariffs else (),
        session_id=session_id,
        authorization_reference=reference,
        has_signed_values=False,
        auth_method=session.auth_method,
        token_uid=session.token.uid,
        token_type=session.token.token_type,
        contract_id=session.token.contract_id,
        location_id=location.location_id,
        location_name=location.name,
        location_city=location.city,
        country_alpha3=ALPHA3[location.country],
        evse_uid=evse.uid,
        evse_id=evse.evse_id,
        connector_id="1",
        connector_power_type=evse.power_type,
        is_home_charging=session.is_home,
        last_updated_at=instant(claim.published_at),
    )


def _periods(claim: Claim) -> Iterator[ChargingPeriod]:
    """Cut a session wherever a price of the CPO or of the eMSP can change, and where charging ends."""
    charge, started, prices = claim.charge, claim.session.started, claim.prices
    ages = {0, charge.charging_seconds, charge.seconds, _RETAIL_IDLE_SECONDS, prices.parking_free_seconds}
    if prices.windows:
        zone = claim.session.evse.location.zone
        ages.update(edge - started for edge in _edges(prices.windows, zone, started, started + charge.seconds))
    cuts = sorted(age for age in ages if 0 <= age <= charge.seconds)
    for since, until in pairwise(cuts):
        is_charging = since < charge.charging_seconds
        length = hours(until - since)
        yield ChargingPeriod(
            started_at=instant(started + since),
            energy_kwh=kilowatt_hours(charge.meter(until) - charge.meter(since)) if is_charging else None,
            charging_hours=length if is_charging else None,
            parking_hours=None if is_charging else length,
            tariff_id=prices.tariff_id,
        )


def _edges(windows: tuple[Window, ...], zone: ZoneInfo, started: int, ended: int) -> list[int]:
    edges = _year_edges(windows, zone, started // (200 * DAY))
    return edges[bisect_right(edges, started) : bisect_right(edges, ended)]


@lru_cache(maxsize=256)
def _year_edges(windows: tuple[Window, ...], zone: ZoneInfo, block: int) -> list[int]:
    """Give all window edges of 200 days and a few more, sorted."""
    first = local_day(block * 200 * DAY, zone) - timedelta(days=2)
    days = [first + timedelta(days=number) for number in range(210)]
    return sorted({local_second(day, window.since, zone) for day in days for window in windows})


def _on_the_wire(price: Price | None) -> Price | None:
    if price is None or price.excl_vat is None:
        return None
    incl_vat = None if price.incl_vat is None else rounded(price.incl_vat, WIRE_SCALE)
    return Price(rounded(price.excl_vat, WIRE_SCALE), incl_vat)


def _claimed_total(total: Price, factor: Decimal | None) -> Price:
    claimed = total if factor is None else Price(_times(total.excl_vat, factor), _times(total.incl_vat, factor))
    return _on_the_wire(claimed) or claimed


def _times(amount: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if amount is None else amount * factor
