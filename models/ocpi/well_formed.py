"""The short way through `parse_cdr` for a CDR that is exactly as OCPI 2.2.1 wants it, which nearly all are.

`parse_cdr` can explain every oddity of every version, and pays for it. This reader knows no oddities: it gives the same
`Cdr` (a property test holds it to that), or None, and then `parse_cdr` is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias, cast

from models.ocpi.canonical import Cdr, ChargingPeriod, Price
from models.types.identifiers import party_id
from models.types.money import VOLUME_SCALE, is_known_currency

_Object: TypeAlias = Mapping[str, object]

_LIMIT: Final = 10**9
"""Decimal(18, 9) has nine digits before the point"""
_LOWEST: Final = Decimal(-_LIMIT)
_HIGHEST: Final = Decimal(_LIMIT)
_LAST_PLACE: Final = Decimal(1).scaleb(-VOLUME_SCALE)

_ZULU: Final = len("2026-10-01T12:00:00Z")
_KNOWN: Final = frozenset(
    {
        *("ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME"),
        *("MIN_CURRENT", "MAX_CURRENT", "MIN_POWER", "MAX_POWER"),
    }
)


class _Unusual(Exception):  # noqa: N818 - it only says that the long way must be taken
    """Something here is not plain: the long way decides."""


def well_formed_cdr(record: _Object, version: str) -> Cdr | None:
    """Read a plain CDR of OCPI 2.2.1 without tariffs; None where anything about it is not plain."""
    if version != "2.2.1" or record.get("tariffs"):
        return None
    try:
        return _cdr(record)
    except _Unusual:
        return None


def _cdr(record: _Object) -> Cdr:
    token, location = _object(record, "cdr_token"), _object(record, "cdr_location")
    currency = _required(record, "currency")
    if not _is_currency(currency):
        raise _Unusual
    return Cdr(
        owner_id=_owner(_required(record, "country_code"), _required(record, "party_id")),
        cdr_id=_required(record, "id"),
        started_at=_instant(record, "start_date_time"),
        ended_at=_instant(record, "end_date_time"),
        currency=currency,
        periods=_periods(record),
        total_cost=_price(record, "total_cost") or _refuse(),
        total_energy_kwh=_number(record.get("total_energy")),
        total_hours=_number(record.get("total_time")),
        total_parking_hours=_maybe_number(record.get("total_parking_time")),
        total_energy_cost=_price(record, "total_energy_cost"),
        total_time_cost=_price(record, "total_time_cost"),
        total_parking_cost=_price(record, "total_parking_cost"),
        total_fixed_cost=_price(record, "total_fixed_cost"),
        total_reservation_cost=_price(record, "total_reservation_cost"),
        session_id=_text(record, "session_id"),
        authorization_reference=_text(record, "authorization_reference"),
        auth_method=_text(record, "auth_method"),
        token_uid=_text(token, "uid"),
        token_type=_text(token, "type"),
        contract_id=_text(token, "contract_id"),
        location_id=_text(location, "id"),
        location_name=_text(location, "name"),
        location_city=_text(location, "city"),
        country_alpha3=_text(location, "country"),
        evse_uid=_text(location, "evse_uid"),
        evse_id=_text(location, "evse_id"),
        connector_id=_text(location, "connector_id"),
        connector_power_type=_text(location, "connector_power_type"),
        is_credit=_flag(record, "credit"),
        credit_reference_id=_text(record, "credit_reference_id"),
        is_home_charging=_flag(record, "home_charging_compensation"),
        last_updated_at=_instant(record, "last_updated"),
    )


def _refuse() -> Price:
    raise _Unusual


def _periods(record: _Object) -> tuple[ChargingPeriod, ...]:
    listed = record.get("charging_periods")
    if type(listed) is not list or not listed:
        raise _Unusual
    periods = tuple(map(_period, cast("list[object]", listed)))
    if any(later.started_at < earlier.started_at for earlier, later in pairwise(periods)):
        raise _Unusual
    return periods


def _period(period: object) -> ChargingPeriod:
    if type(period) is not dict:
        raise _Unusual
    found = cast("_Object", period)
    volumes = _volumes(found.get("dimensions"))
    return ChargingPeriod(
        _instant(found, "start_date_time"),
        volumes.get("ENERGY"),
        volumes.get("TIME"),
        volumes.get("PARKING_TIME"),
        volumes.get("RESERVATION_TIME"),
        volumes.get("MIN_CURRENT"),
        volumes.get("MAX_CURRENT"),
        volumes.get("MIN_POWER"),
        volumes.get("MAX_POWER"),
        _text(found, "tariff_id"),
    )


def _volumes(dimensions: object) -> dict[str, Decimal]:
    if type(dimensions) is not list:
        raise _Unusual
    volumes: dict[str, Decimal] = {}
    for dimension in cast("list[object]", dimensions):
        if type(dimension) is not dict:
            raise _Unusual
        found = cast("_Object", dimension)
        name = found.get("type")
        if type(name) is not str or name not in _KNOWN or name in volumes:
            raise _Unusual
        volumes[name] = _number(found.get("volume"))
    return volumes


def _object(record: _Object, name: str) -> _Object:
    value = record.get(name)
    if type(value) is not dict:
        raise _Unusual
    return cast("_Object", value)


def _text(record: _Object, name: str) -> str | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    if type(value) is not str or value.isspace():
        raise _Unusual
    return value


def _required(record: _Object, name: str) -> str:
    value = _text(record, name)
    if value is None:
        raise _Unusual
    return value


def _flag(record: _Object, name: str) -> bool:
    value = record.get(name)
    if value is not None and type(value) is not bool:
        raise _Unusual
    return value is True


def _price(record: _Object, name: str) -> Price | None:
    value = record.get(name)
    if value is None:
        return None
    if type(value) is not dict:
        raise _Unusual
    price = cast("_Object", value)
    return Price(_number(price.get("excl_vat")), _maybe_number(price.get("incl_vat")))


def _maybe_number(value: object) -> Decimal | None:
    return None if value is None else _number(value)


def _number(value: object) -> Decimal:
    """Give a number that fits nine digits before and nine after the point as it is."""
    if type(value) is Decimal:
        # Not as_tuple().exponent: that builds a named tuple in Python, which costs more than all the rest here.
        if not _LOWEST < value < _HIGHEST or value.quantize(_LAST_PLACE) != value:
            raise _Unusual
        return value
    if type(value) is not int or not -_LIMIT < value < _LIMIT:
        raise _Unusual
    return Decimal(value)


def _instant(record: _Object, name: str) -> datetime:
    value = record.get(name)
    if type(value) is not str:
        raise _Unusual
    return _zulu(value)


@lru_cache(maxsize=1 << 16)
def _zulu(text: str) -> datetime:
    """Read the one spelling of a DateTime that needs no remark: `2026-10-01T12:00:00Z`."""
    if len(text) != _ZULU or text[4::3] != "--T::Z":
        raise _Unusual
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _Unusual from None


@lru_cache(maxsize=1 << 10)
def _is_currency(code: str) -> bool:
    return code == code.upper() and is_known_currency(code)


@lru_cache(maxsize=1 << 10)
def _owner(country_code: str, party: str) -> str:
    return party_id(country_code, party)
