"""Reading Location objects of OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_locations): one `Connector` per connector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem
from models.ocpi.tariffs import owner_of
from models.types.money import VOLUME_SCALE, rounded

_PHASES: Final = {"AC_1_PHASE": 1, "AC_2_PHASE": 2, "AC_2_PHASE_SPLIT": 2, "AC_3_PHASE": 3, "DC": 1}
"""Phases of a power type; a connector's voltage is line to neutral for AC, so power = volts x amperes x phases."""

_LEADING_ZEROS: Final = re.compile(r"(?<![0-9.])0+(?=[0-9])")

_MOST_WATTS: Final = 10**12
"""Decimal(18, 9) holds nine digits of kW; volts times amperes can exceed it where neither does alone"""


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector with the EVSE and location around it; fields are the columns of `typed/connectors`."""

    connector_key: str
    cpo_id: str
    location_id: str
    evse_uid: str
    connector_id: str
    evse_id: str | None
    location_name: str | None
    address: str | None
    city: str | None
    postal_code: str | None
    country: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    time_zone: str | None
    power_type: str | None
    max_power_kw: Decimal | None
    tariff_ids: tuple[str, ...]
    last_updated_at: datetime


def read_location(
    location: Fields, owner_id: str | None, version: str, alpha2: Mapping[str, str]
) -> tuple[Connector, ...]:
    """Read one location; `alpha2` gives the country of an ISO 3166-1 alpha-3 code.

    A `time_zone` that is no IANA zone is refused like a missing one: it stays unknown, and a note says so.
    """
    cpo, location_id = owner_of(location, owner_id, version), location.text("id")
    place = _place(location)
    country = location.maybe_text("country")
    zone = _time_zone(location)
    changed = location.instant("last_updated")
    return tuple(
        Connector(
            connector_key=f"{cpo}*{location_id}*{evse_uid}*{connector_id}".upper(),
            cpo_id=cpo,
            location_id=location_id,
            evse_uid=evse_uid,
            connector_id=connector_id,
            evse_id=evse.maybe_text("evse_id"),
            location_name=location.maybe_text("name"),
            address=location.maybe_text("address"),
            city=location.maybe_text("city"),
            postal_code=location.maybe_text("postal_code"),
            country=alpha2.get(country.upper()) if country else None,
            latitude=place.maybe_decimal("latitude") if place else None,
            longitude=place.maybe_decimal("longitude") if place else None,
            time_zone=zone,
            power_type=connector.maybe_text("power_type"),
            max_power_kw=_power(connector),
            tariff_ids=_tariff_ids(connector),
            last_updated_at=changed,
        )
        for evse in location.children("evses")
        for connector in evse.children("connectors")
        for evse_uid, connector_id in [(evse.text("uid"), connector.text("id"))]
    )


def is_time_zone(name: str) -> bool:
    """Tell whether a name is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _place(location: Fields) -> Fields | None:
    """Give the coordinates, with notes of their own: OCPI writes them as text, which is nothing to remark upon.

    They may begin with zeros, such as `009.99321` (mod_locations, GeoLocation), which no number of JSON does.
    """
    found = location.maybe_child("coordinates")
    if found is None:
        return None
    values = {
        name: _LEADING_ZEROS.sub("", value) if isinstance(value, str) else value for name, value in found.values.items()
    }
    return Fields("location", values, path=found.path)


def _time_zone(location: Fields) -> str | None:
    name = location.maybe_text("time_zone")
    if name is None or is_time_zone(name):
        return name
    location.note("time_zone", f"{name!r} is no IANA time zone: kept as unknown")
    return None


def _power(connector: Fields) -> Decimal | None:
    """Give the largest power in kW: `max_electric_power` (W), else volts x amperes x phases; 2.1.1 names differ."""
    watts = connector.maybe_decimal("max_electric_power")
    if watts is None:
        volts = connector.maybe_decimal("max_voltage") or connector.maybe_decimal("voltage")
        amperes = connector.maybe_decimal("max_amperage") or connector.maybe_decimal("amperage")
        phases = _PHASES.get(connector.maybe_text("power_type") or "")
        if volts is None or amperes is None or phases is None:
            return None
        watts = volts * amperes * phases
    if watts >= _MOST_WATTS:
        message = f"location connector {connector.where('id')}: expected less than {_MOST_WATTS} W, found {watts}"
        raise RecordProblem(rule="number_out_of_range", field=connector.where("max_voltage"), message=message)
    return rounded(watts.scaleb(-3), VOLUME_SCALE)


def _tariff_ids(connector: Fields) -> tuple[str, ...]:
    """Give the tariffs offered: a list from 2.2 on, a single `tariff_id` in 2.1.1."""
    single = connector.maybe_text("tariff_id")
    listed = tuple(str(each) for each in connector.items("tariff_ids") if isinstance(each, str))
    return listed or ((single,) if single else ())
