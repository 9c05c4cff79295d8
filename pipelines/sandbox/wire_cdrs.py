"""CDRs and tariffs as OCPI 2.2.1 JSON, with every decimal a JSON number in its own digits, never a float."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, PriceComponent, Restrictions, Tariff, TariffElement
from pipelines.sandbox.places import ALPHA3, Evse, coordinate
from pipelines.sandbox.published import PublishedCdr
from pipelines.sandbox.sessions import Session

JSON = msgspec.json.Encoder(decimal_format="number")
"""writes Decimals as numbers and UTC instants with Z"""


def cdr_bytes(published: PublishedCdr) -> bytes:
    """Write a CDR."""
    cdr, session = published.cdr, published.claim.session
    record: dict[str, Any] = {
        **_party(cdr.owner_id),
        "id": cdr.cdr_id,
        "start_date_time": cdr.started_at,
        "end_date_time": cdr.ended_at,
        "session_id": cdr.session_id,
        "cdr_token": token_reference(session),
        "auth_method": cdr.auth_method,
        "authorization_reference": cdr.authorization_reference,
        "cdr_location": msgspec.Raw(_cdr_location(session.evse)),
        "currency": cdr.currency,
        "tariffs": [msgspec.Raw(tariff_bytes(tariff)) for tariff in cdr.tariffs] or None,
        "charging_periods": [_period(period) for period in cdr.periods],
        "signed_data": _signed(cdr),
        **_totals(cdr),
        "credit": True if cdr.is_credit else None,
        "credit_reference_id": cdr.credit_reference_id,
        "home_charging_compensation": True if cdr.is_home_charging else None,
        "last_updated": cdr.last_updated_at,
    }
    return JSON.encode({name: value for name, value in record.items() if value is not None})


def _signed(cdr: Cdr) -> dict[str, Any] | None:
    """Give the meter's readings as OCMF data sets, a signed value each, as calibrated chargers send them."""
    marked = (("Start", "B", cdr.meter_start_kwh), ("End", "E", cdr.meter_end_kwh))
    values = [_signed_value(nature, mark, kwh) for nature, mark, kwh in marked if kwh is not None]
    return {"encoding_method": "OCMF", "signed_values": values} if values else None


def _signed_value(nature: str, mark: str, kwh: Decimal) -> dict[str, str]:
    reading = {"TX": mark, "RV": kwh, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
    data = JSON.encode({"FV": "1.0", "RD": [reading]}).decode()
    return {"nature": nature, "plain_data": f'OCMF|{data}|{{"SD":"30"}}', "signed_data": "MzA="}


@lru_cache(maxsize=1024)
def tariff_bytes(tariff: Tariff) -> bytes:
    """Write a tariff."""
    record: dict[str, Any] = {
        **_party(tariff.owner_id),
        "id": tariff.tariff_id,
        "currency": tariff.currency,
        "type": tariff.tariff_type,
        "min_price": _price(tariff.min_price),
        "max_price": _price(tariff.max_price),
        "elements": [_element(element) for element in tariff.elements],
        "start_date_time": tariff.valid_from,
        "end_date_time": tariff.valid_to,
        "last_updated": tariff.last_updated_at,
    }
    return JSON.encode({name: value for name, value in record.items() if value is not None})


def token_reference(session: Session) -> dict[str, str]:
    """Give the CdrToken of a session: whose token was held to the reader."""
    token = session.token
    return {
        "country_code": "DE",
        "party_id": "NST",
        "uid": token.uid,
        "type": token.token_type,
        "contract_id": token.contract_id,
    }


def periods(cdr: Cdr) -> list[dict[str, Any]]:
    """Give the charging periods of a CDR, as its session repeats them."""
    return [_period(period) for period in cdr.periods]


def _party(owner_id: str) -> dict[str, str]:
    country_code, party = owner_id.split("*")
    return {"country_code": country_code, "party_id": party}


def _totals(cdr: Cdr) -> dict[str, Any]:
    return {
        "total_cost": _price(cdr.total_cost),
        "total_fixed_cost": _price(cdr.total_fixed_cost),
        "total_energy": cdr.total_energy_kwh,
        "total_energy_cost": _price(cdr.total_energy_cost),
        "total_time": cdr.total_hours,
        "total_time_cost": _price(cdr.total_time_cost),
        "total_parking_time": cdr.total_parking_hours,
        "total_parking_cost": _price(cdr.total_parking_cost),
    }


def _price(price: Price | None) -> dict[str, Decimal] | None:
    if price is None or price.excl_vat is None:
        return None
    if price.incl_vat is None:
        return {"excl_vat": price.excl_vat}
    return {"excl_vat": price.excl_vat, "incl_vat": price.incl_vat}


def _period(period: ChargingPeriod) -> dict[str, Any]:
    volumes = (
        ("ENERGY", period.energy_kwh),
        ("TIME", period.charging_hours),
        ("PARKING_TIME", period.parking_hours),
    )
    return {
        "start_date_time": period.started_at,
        "dimensions": [{"type": name, "volume": volume} for name, volume in volumes if volume is not None],
        "tariff_id": period.tariff_id,
    }


@lru_cache(maxsize=65536)
def _cdr_location(evse: Evse) -> bytes:
    site = evse.location
    return JSON.encode(
        {
            "id": site.location_id,
            "name": site.name,
            "address": site.street,
            "city": site.city,
            "postal_code": site.postal_code,
            "country": ALPHA3[site.country],
            "coordinates": {"latitude": coordinate(site.latitude), "longitude": coordinate(site.longitude)},
            "evse_uid": evse.uid,
            "evse_id": evse.evse_id,
            "connector_id": "1",
            **connector_facts(evse),
        }
    )


def connector_facts(evse: Evse) -> dict[str, str]:
    """Give what a CDR calls the connector's standard, format and power type."""
    names = ("IEC_62196_T2_COMBO", "CABLE") if evse.is_dc else ("IEC_62196_T2", "SOCKET")
    return {
        "connector_standard": names[0],
        "connector_format": names[1],
        "connector_power_type": evse.power_type,
    }


def _element(element: TariffElement) -> dict[str, Any]:
    found: dict[str, Any] = {"price_components": [_component(component) for component in element.components]}
    restrictions = _restrictions(element.restrictions)
    return found | ({"restrictions": restrictions} if restrictions else {})


def _component(component: PriceComponent) -> dict[str, Any]:
    return {
        "type": str(component.dimension),
        "price": component.unit_price,
        "vat": component.vat_rate_pct,
        "step_size": component.step_size,
    }


def _restrictions(restrictions: Restrictions) -> dict[str, Any]:
    """Write the restrictions that the sandbox's price lists use."""
    used: dict[str, Any] = {
        "start_time": _clock(restrictions.start_time),
        "end_time": _clock(restrictions.end_time),
        "start_date": _day(restrictions.start_date),
        "end_date": _day(restrictions.end_date),
        "min_duration": restrictions.min_duration_seconds,
        "max_duration": restrictions.max_duration_seconds,
    }
    return {name: value for name, value in used.items() if value is not None}


def _clock(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
