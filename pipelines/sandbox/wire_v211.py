"""What the world says in OCPI 2.2.1, told in the words of 2.1.1-d2.

What 2.1.1 cannot say is left out: who owns an object (that is the party behind the connection), the session of a CDR,
the card's uid, references, VAT, the parts of a cost, credits, limits and validity of tariffs, the tariff of a period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Record = dict[str, Any]

_TOTALS = ("total_energy", "total_time", "total_parking_time")
_LOCATION_FIELDS = ("id", "name", "address", "city", "postal_code", "country", "coordinates")
_RESTRICTIONS = frozenset(
    {
        *("start_time", "end_time", "start_date", "end_date", "day_of_week"),
        *("min_kwh", "max_kwh", "min_power", "max_power", "min_duration", "max_duration"),
    }
)
_PLUG_FIELDS = ("voltage", "amperage", "tariff_id")
_UNKNOWN_PLUG = {"voltage": 230, "amperage": 16}
"""for an EVSE that the connection publishes nowhere; 2.1.1 requires both"""


class Atlas:
    """The published locations of one connection, for CDRs and sessions, which in 2.1.1 repeat where they happened."""

    def __init__(self, locations: Iterable[Record]) -> None:
        self._sites: dict[str, Record] = {}
        self._connectors: dict[str, Record] = {}
        for record in locations:
            site = location(record)
            self._sites[record["id"]] = site
            for evse in site["evses"]:
                self._connectors[evse["uid"]] = evse["connectors"][0]

    def of_cdr(self, said: Record, at: object) -> Record:
        """Give the Location of a CDR: what the CDR says, with the EVSE and connector used and no other."""
        known = self._connectors.get(said.get("evse_uid", ""), {})
        connector = _UNKNOWN_PLUG | {
            name: known[name] for name in ("voltage", "amperage", "tariff_id") if name in known
        }
        connector |= {name: said.get(f"connector_{name}") for name in ("id", "standard", "format", "power_type")}
        evse = {"uid": said.get("evse_uid"), "evse_id": said.get("evse_id"), "status": "UNKNOWN"}
        evse |= {"connectors": [_filled(connector) | {"last_updated": at}], "last_updated": at}
        place = {name: said.get(name) for name in _LOCATION_FIELDS}
        return _filled(place) | {"type": "UNKNOWN", "evses": [_filled(evse)], "last_updated": at}

    def of_session(self, record: Record) -> Record:
        """Give the Location of a session: the published one, with the EVSE used and no other."""
        uid = record["evse_uid"]
        site = self._sites.get(record["location_id"], {"id": record["location_id"], "type": "UNKNOWN", "evses": []})
        used = [evse for evse in site["evses"] if evse["uid"] == uid]
        evse = used[0] if used else {"uid": uid, "connectors": [{"id": record["connector_id"], **_UNKNOWN_PLUG}]}
        return site | {"evses": [evse]}


def cdr(record: Record, atlas: Atlas) -> Record:
    """Tell a CDR: one amount without VAT, the Location inside, and whose contract it was."""
    cost = record.get("total_cost") or {}
    told = {
        "id": record.get("id"),
        "start_date_time": record.get("start_date_time"),
        "stop_date_time": record.get("end_date_time"),
        "auth_id": (record.get("cdr_token") or {}).get("contract_id"),
        "auth_method": _auth_method(record),
        "location": atlas.of_cdr(record.get("cdr_location") or {}, record.get("last_updated")),
        "currency": record.get("currency"),
        "tariffs": [tariff(each) for each in record.get("tariffs") or ()] or None,
        "charging_periods": _periods(record),
        "total_cost": cost.get("excl_vat"),
        **{name: record.get(name) for name in _TOTALS},
        "last_updated": record.get("last_updated"),
    }
    return _filled(told)


def session(record: Record, atlas: Atlas) -> Record:
    """Tell a session: `start_datetime` and `end_datetime` are spelled so in 2.1.1."""
    told = {
        "id": record["id"],
        "start_datetime": record.get("start_date_time"),
        "end_datetime": record.get("end_date_time"),
        "kwh": record.get("kwh"),
        "auth_id": record["cdr_token"]["contract_id"],
        "auth_method": _auth_method(record),
        "location": atlas.of_session(record),
        "currency": record.get("currency"),
        "charging_periods": _periods(record),
        "status": record.get("status"),
        "last_updated": record.get("last_updated"),
    }
    return _filled(told)


def tariff(record: Record) -> Record:
    """Tell a tariff: elements whose restrictions 2.1.1 does not have are left out, not widened to all sessions."""
    elements = [_element(each) for each in record["elements"] if each.get("restrictions", {}).keys() <= _RESTRICTIONS]
    return {
        "id": record["id"],
        "currency": record["currency"],
        "elements": elements,
        "last_updated": record["last_updated"],
    }


def location(record: Record) -> Record:
    """Tell a location: each connector has one tariff, and its power is volts times amperes."""
    place = {name: record.get(name) for name in (*_LOCATION_FIELDS, "operator", "time_zone")}
    evses = [each | {"connectors": [_connector(plug) for plug in each["connectors"]]} for each in record["evses"]]
    return _filled(place) | {"type": "UNKNOWN", "evses": evses, "last_updated": record["last_updated"]}


def token(record: Record) -> Record:
    """Tell a token: 2.1.1 knows cards and OTHER."""
    told = {
        "uid": record["uid"],
        "type": "RFID" if record["type"] == "RFID" else "OTHER",
        "auth_id": record["contract_id"],
        **{name: record.get(name) for name in ("visual_number", "issuer", "valid", "whitelist", "last_updated")},
    }
    return _filled(told)


TELLERS: Mapping[str, Callable[[Record, Atlas], Record]] = {
    "cdrs": cdr,
    "sessions": session,
    "tariffs": lambda record, _: tariff(record),
    "locations": lambda record, _: location(record),
    "tokens": lambda record, _: token(record),
    "authorizations": lambda record, _: record,
}
"""by module; authorizations are the platform's own and no OCPI object"""


def _auth_method(record: Record) -> str | None:
    """Give the method; a session that an app started was asked about like any other, as far as 2.1.1 can say."""
    method = record.get("auth_method")
    return "AUTH_REQUEST" if method == "COMMAND" else method


def _periods(record: Record) -> list[Record]:
    return [
        {"start_date_time": each["start_date_time"], "dimensions": each["dimensions"]}
        for each in record.get("charging_periods") or ()
    ]


def _element(element: Record) -> Record:
    components = [{name: each[name] for name in ("type", "price", "step_size")} for each in element["price_components"]]
    return element | {"price_components": components}


def _connector(plug: Record) -> Record:
    told = {
        **{name: plug.get(name) for name in ("id", "standard", "format", "power_type", "last_updated")},
        "voltage": plug.get("max_voltage"),
        "amperage": plug.get("max_amperage"),
        "tariff_id": next(iter(plug.get("tariff_ids") or ()), None),
    }
    return _filled(told)


def _filled(record: Mapping[str, Any]) -> Record:
    return {name: value for name, value in record.items() if value is not None}
