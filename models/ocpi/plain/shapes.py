"""A CDR of OCPI 2.2.1 as it should be: every field known, numbers and repeated parts in the bytes as they were sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

PLAIN_VERSION: Final = "2.2.1"

ABSENT: Final = msgspec.Raw(b"")
"""what is not there"""


class Part(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A part of a record of which every field is known."""


class Dimension(Part):
    """How much of one thing a period had (mod_cdrs 10.4.2)."""

    type: str
    volume: msgspec.Raw


class Period(Part):
    """A stretch of a session (mod_cdrs 10.4.6)."""

    start_date_time: str
    dimensions: list[Dimension]
    tariff_id: str | None = None


class PlainPrice(Part):
    """An amount without and with VAT (types 16.5)."""

    excl_vat: msgspec.Raw
    incl_vat: msgspec.Raw = ABSENT


class PlainToken(Part):
    """Who charged (mod_cdrs 10.4.5)."""

    country_code: str | None = None
    party_id: str | None = None
    uid: str | None = None
    type: str | None = None
    contract_id: str | None = None


class Coordinates(Part):
    """Degrees, as texts (mod_locations 8.4.13)."""

    latitude: str | None = None
    longitude: str | None = None


class PlainLocation(Part):
    """Where, as it was at the time (mod_cdrs 10.4.4)."""

    id: str | None = None
    name: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = None
    coordinates: Coordinates | None = None
    evse_uid: str | None = None
    evse_id: str | None = None
    connector_id: str | None = None
    connector_standard: str | None = None
    connector_format: str | None = None
    connector_power_type: str | None = None


class PlainCdr(Part):
    """A CDR object of OCPI 2.2.1 (mod_cdrs 10.3.1).

    Numbers stay in the digits as sent. Token, place and tariffs stay in their bytes: few of them come in thousands of
    CDRs, and each is read once.
    """

    country_code: str
    party_id: str
    id: str
    start_date_time: str
    end_date_time: str
    cdr_token: msgspec.Raw
    cdr_location: msgspec.Raw
    currency: str
    charging_periods: list[Period]
    total_cost: PlainPrice
    total_energy: msgspec.Raw
    total_time: msgspec.Raw
    last_updated: str
    session_id: str | None = None
    auth_method: str | None = None
    authorization_reference: str | None = None
    meter_id: str | None = None
    tariffs: msgspec.Raw = ABSENT
    signed_data: None = None
    total_fixed_cost: PlainPrice | None = None
    total_energy_cost: PlainPrice | None = None
    total_time_cost: PlainPrice | None = None
    total_parking_time: msgspec.Raw = ABSENT
    total_parking_cost: PlainPrice | None = None
    total_reservation_cost: PlainPrice | None = None
    remark: str | None = None
    invoice_reference_id: str | None = None
    credit: bool | None = None
    credit_reference_id: str | None = None
    home_charging_compensation: bool | None = None


_DECODE: Final = msgspec.json.Decoder(PlainCdr).decode
NOT_PLAIN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decoded(records: Iterable[bytes]) -> tuple[list[int], list[PlainCdr]]:
    """Decode the plain ones among records; give the place of each, and what it says."""
    places: list[int] = []
    found: list[PlainCdr] = []
    for place, record in enumerate(records):
        try:
            cdr = _DECODE(record)
        except NOT_PLAIN:
            continue
        places.append(place)
        found.append(cdr)
    return places, found


def columns_of(parts: Sequence[Part], shape: type[Part]) -> dict[str, tuple[Any, ...]]:
    """Give parts as one tuple per field, all at once: to ask each part for each field takes three times as long."""
    fields = shape.__struct_fields__
    nothing: Iterable[tuple[Any, ...]] = ((),) * len(fields)
    values = zip(*map(msgspec.structs.astuple, parts), strict=True) if parts else nothing
    return dict(zip(fields, values, strict=True))
