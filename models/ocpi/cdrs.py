"""Reading CDR objects of OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_cdrs) into the canonical `Cdr`.

The versions differ in names (`stop_date_time`, `auth_id`, `location`) and in how a price is written; the fields that
carry the same fact are read into the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import TypedDict, cast

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, Tariff
from models.ocpi.columns_of_fields import DIMENSION_COLUMNS, UNPRICED_DIMENSIONS
from models.ocpi.fields import Fields
from models.ocpi.meter_readings import read_meter
from models.ocpi.tariffs import owner_of, read_currency, read_price, read_tariff


class _Volumes(TypedDict, total=False):
    energy_kwh: Decimal
    charging_hours: Decimal
    parking_hours: Decimal
    reservation_hours: Decimal
    min_current_a: Decimal
    max_current_a: Decimal
    min_power_kw: Decimal
    max_power_kw: Decimal


def read_cdr(cdr: Fields, version: str, owner_id: str | None) -> Cdr:
    """Read one CDR of the given OCPI version."""
    owner = owner_of(cdr, owner_id, version)
    token, location, meter = _token(cdr, version), _location(cdr, version), read_meter(cdr, version)
    periods = tuple(_period(period) for period in cdr.some_children("charging_periods"))
    if any(later.started_at < earlier.started_at for earlier, later in pairwise(periods)):
        cdr.note("charging_periods", "not in chronological order")
    return Cdr(
        owner_id=owner,
        cdr_id=cdr.text("id"),
        started_at=cdr.instant("start_date_time"),
        ended_at=_ended_at(cdr),
        currency=read_currency(cdr),
        periods=periods,
        total_cost=_total_cost(cdr, version),
        total_energy_kwh=cdr.decimal("total_energy"),
        total_hours=cdr.decimal("total_time"),
        total_parking_hours=cdr.maybe_decimal("total_parking_time"),
        total_energy_cost=read_price(cdr, "total_energy_cost", version),
        total_time_cost=read_price(cdr, "total_time_cost", version),
        total_parking_cost=read_price(cdr, "total_parking_cost", version),
        total_fixed_cost=read_price(cdr, "total_fixed_cost", version),
        total_reservation_cost=read_price(cdr, "total_reservation_cost", version),
        tariffs=_tariffs(cdr, owner, version),
        session_id=cdr.maybe_text("session_id"),
        authorization_reference=cdr.maybe_text("authorization_reference"),
        auth_method=cdr.maybe_text("auth_method"),
        token_uid=token.maybe_text("uid"),
        token_type=token.maybe_text("type"),
        contract_id=token.maybe_text("contract_id"),
        location_id=location.maybe_text("id"),
        location_name=location.maybe_text("name"),
        location_city=location.maybe_text("city"),
        country_alpha3=location.maybe_text("country"),
        evse_uid=location.maybe_text("evse_uid"),
        evse_id=location.maybe_text("evse_id"),
        connector_id=location.maybe_text("connector_id"),
        connector_power_type=location.maybe_text("connector_power_type"),
        is_credit=cdr.flag("credit"),
        credit_reference_id=cdr.maybe_text("credit_reference_id"),
        is_home_charging=cdr.flag("home_charging_compensation"),
        has_signed_values=meter.has_signed_values,
        meter_start_kwh=meter.start_kwh,
        meter_end_kwh=meter.end_kwh,
        last_updated_at=cdr.maybe_instant("last_updated"),
        notes=tuple(cdr.notes),
    )


def _ended_at(cdr: Fields) -> datetime:
    """Read the end: `stop_date_time` in 2.1.1, which some 2.1.1 peers already call `end_date_time`."""
    if cdr.has("stop_date_time") and not cdr.has("end_date_time"):
        return cdr.instant("stop_date_time")
    return cdr.instant("end_date_time")


def _total_cost(cdr: Fields, version: str) -> Price:
    price = read_price(cdr, "total_cost", version)
    if price is None:
        cdr.fail("missing_field", "total_cost", "a price")
    return price


def _tariffs(cdr: Fields, owner: str, version: str) -> tuple[Tariff, ...]:
    return tuple(read_tariff(tariff, owner, version) for tariff in cdr.children("tariffs"))


def _period(period: Fields) -> ChargingPeriod:
    volumes: _Volumes = {}
    unknown: list[str] = []
    for dimension in period.children("dimensions"):
        _read_dimension(dimension, volumes, unknown)
    return ChargingPeriod(
        started_at=period.instant("start_date_time"),
        tariff_id=period.maybe_text("tariff_id"),
        unknown_dimensions=tuple(unknown),
        **volumes,
    )


def _read_dimension(dimension: Fields, volumes: _Volumes, unknown: list[str]) -> None:
    """Put one dimension in its place; a dimension said twice is refused, because adding and choosing both guess."""
    name = dimension.text("type")
    place = DIMENSION_COLUMNS.get(name)
    if place is None:
        if name not in UNPRICED_DIMENSIONS:
            unknown.append(name)
            dimension.note("type", f"unknown dimension {name}")
        return
    if place in volumes:
        dimension.fail("repeated_dimension", "type", f"{name} once in a charging period")
    cast("dict[str, Decimal]", volumes)[place] = dimension.decimal("volume")


def _token(cdr: Fields, version: str) -> Fields:
    """Give who charged: CdrToken from 2.2 on; 2.1.1 says only the contract (`auth_id`)."""
    if version == "2.1.1":
        return Fields("cdr", {"contract_id": cdr.values.get("auth_id")}, cdr.notes)
    return cdr.maybe_child("cdr_token") or Fields("cdr", {}, cdr.notes)


def _location(cdr: Fields, version: str) -> Fields:
    """Give where: CdrLocation from 2.2 on; 2.1.1 sends a Location that holds the one EVSE and connector used."""
    if version != "2.1.1" or not cdr.has("location"):
        return cdr.maybe_child("cdr_location") or Fields("cdr", {}, cdr.notes)
    location = cdr.child("location")
    evse = _only(location, "evses")
    connector = _only(evse, "connectors")
    flat: Mapping[str, object] = {
        **location.values,
        "evse_uid": evse.values.get("uid"),
        "evse_id": evse.values.get("evse_id"),
        "connector_id": connector.values.get("id"),
        "connector_power_type": connector.values.get("power_type"),
    }
    return Fields("cdr", flat, cdr.notes, location.path)


def _only(parent: Fields, name: str) -> Fields:
    children = parent.children(name)
    return children[0] if children else Fields("cdr", {}, parent.notes)
