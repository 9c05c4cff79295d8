"""The fields that OCPI knows, by module and version, as nested mappings; written down from the specification's tables.

A mapping gives for each field the fields below it, or None where nothing below is looked at: a plain value, or an
object that no reader of ours opens (`energy_mix`, `opening_times`, `images`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Vocabulary: TypeAlias = Mapping[str, "Vocabulary | None"]


def _of(names: str, **below: Vocabulary) -> dict[str, Vocabulary | None]:
    """Give a vocabulary of plain fields and of those with fields below them."""
    return {**dict.fromkeys(names.split()), **below}


_OWNER: Final = _of("country_code party_id")
_TEXT: Final = _of("language text")
_PLACE: Final = _of("latitude longitude")
_TAX: Final = _of("name account_number percentage amount")

_PRICES: Final[Mapping[str, Vocabulary | None]] = {
    "2.1.1": None,
    "2.2.1": _of("excl_vat incl_vat"),
    "2.3.0": _of("before_taxes", taxes=_TAX),
}
_LIMITS: Final[Mapping[str, Vocabulary | None]] = {
    "2.1.1": None,
    "2.2.1": _of("excl_vat incl_vat"),
    "2.3.0": _of("before_taxes after_taxes"),
}

RESTRICTIONS: Final[Mapping[str, Vocabulary]] = {
    "2.1.1": _of(
        "start_time end_time start_date end_date min_kwh max_kwh min_power max_power min_duration max_duration "
        "day_of_week"
    ),
    "2.2.1": _of(
        "start_time end_time start_date end_date min_kwh max_kwh min_current max_current min_power max_power "
        "min_duration max_duration day_of_week reservation"
    ),
    "2.3.0": _of(
        "start_time end_time start_date end_date min_kwh max_kwh min_current max_current min_power max_power "
        "min_duration max_duration day_of_week reservation"
    ),
}


def _element(version: str) -> Vocabulary:
    component = _of("type price step_size" if version == "2.1.1" else "type price vat step_size")
    return _of("", price_components=component, restrictions=RESTRICTIONS[version])


def _tariff(version: str) -> Vocabulary:
    own = _of("id currency tariff_alt_url energy_mix last_updated", tariff_alt_text=_TEXT, elements=_element(version))
    if version == "2.1.1":
        return own
    newer = {**_OWNER, **_of("type start_date_time end_date_time")}
    limits: dict[str, Vocabulary | None] = {"min_price": _LIMITS[version], "max_price": _LIMITS[version]}
    # `preauthorize_amount`: of the first edition of 2.3.0 and of its payments edition.
    return own | newer | limits | (_of("tax_included preauthorize_amount") if version == "2.3.0" else {})


def _connector(version: str) -> Vocabulary:
    both = "id standard format power_type last_updated"
    if version == "2.1.1":
        return _of(f"{both} voltage amperage tariff_id terms_and_conditions")
    newer = f"{both} max_voltage max_amperage max_electric_power tariff_ids terms_and_conditions"
    return _of(newer if version == "2.2.1" else f"{newer} capabilities")


def _location(version: str) -> Vocabulary:
    evse = _of(
        "uid evse_id status status_schedule capabilities floor_level physical_reference directions "
        "parking_restrictions images last_updated"
        + (" parking accepted_service_providers" if version == "2.3.0" else ""),
        connectors=_connector(version),
        coordinates=_PLACE,
    )
    own = _of(
        "id name address city postal_code country time_zone directions operator suboperator owner facilities "
        "opening_times charging_when_closed images energy_mix last_updated",
        coordinates=_PLACE,
        evses=evse,
        related_locations=_PLACE | _of("name"),
    )
    if version == "2.1.1":
        return own | _of("type")
    newer = own | _OWNER | _of("publish publish_allowed_to state parking_type")
    return newer | _of("parking_places help_phone") if version == "2.3.0" else newer


_CDR_TOKEN: Final = _of("country_code party_id uid type contract_id")
_PERIOD: Final[Mapping[str, Vocabulary]] = {
    "2.1.1": _of("start_date_time", dimensions=_of("type volume")),
    "2.2.1": _of("start_date_time tariff_id", dimensions=_of("type volume")),
    "2.3.0": _of("start_date_time tariff_id", dimensions=_of("type volume")),
}
_SIGNED: Final = _of(
    "encoding_method encoding_method_version public_key url", signed_values=_of("nature plain_data signed_data")
)
_CDR_LOCATION: Final = _of(
    "id name address city postal_code state country evse_uid evse_id connector_id connector_standard "
    "connector_format connector_power_type",
    coordinates=_PLACE,
)
_COSTS: Final = (
    "total_cost total_fixed_cost total_energy_cost total_time_cost total_parking_cost total_reservation_cost"
)


def _cdr(version: str) -> Vocabulary:
    own: dict[str, Vocabulary | None] = {
        **_of("id start_date_time auth_method meter_id currency total_energy total_time total_parking_time remark"),
        **_of("last_updated", tariffs=_tariff(version), charging_periods=_PERIOD[version]),
    }
    if version == "2.1.1":
        return own | _of("stop_date_time auth_id total_cost", location=_location(version))
    newer = _of(
        "end_date_time session_id authorization_reference invoice_reference_id credit credit_reference_id "
        "home_charging_compensation",
        cdr_token=_CDR_TOKEN,
        cdr_location=_CDR_LOCATION,
        signed_data=_SIGNED,
    )
    return own | _OWNER | newer | dict.fromkeys(_COSTS.split(), _PRICES[version])


def _session(version: str) -> Vocabulary:
    own: dict[str, Vocabulary | None] = {
        **_of("id kwh auth_method meter_id currency status last_updated"),
        "charging_periods": _PERIOD[version],
        "total_cost": _PRICES[version],
    }
    if version == "2.1.1":
        return own | _of("start_datetime end_datetime auth_id", location=_location(version))
    newer = "start_date_time end_date_time authorization_reference location_id evse_uid connector_id"
    return own | _OWNER | _of(newer, cdr_token=_CDR_TOKEN)


def _token(version: str) -> Vocabulary:
    own = _of("uid type visual_number issuer valid whitelist language last_updated")
    if version == "2.1.1":
        return own | _of("auth_id")
    return own | _OWNER | _of("contract_id group_id default_profile_type energy_contract")


def _credentials(version: str) -> Vocabulary:
    if version == "2.1.1":
        return _OWNER | _of("token url business_details")
    role = _OWNER | _of("role business_details")
    return _of("token url" if version == "2.2.1" else "token url hub_party_id", roles=role)


_AUTHORIZATION: Final = _OWNER | _of(
    "authorization_id authorization_reference token_uid token_type contract_id location_id evse_uid allowed timestamp "
    "last_updated"
)
"""of the eMSP platform's own log, which is no OCPI object"""


def _by_module(version: str) -> dict[str, Vocabulary]:
    modules = {
        "cdrs": _cdr(version),
        "tariffs": _tariff(version),
        "sessions": _session(version),
        "locations": _location(version),
        "tokens": _token(version),
        "credentials": _credentials(version),
        "versions": _of("version url", endpoints=_of("identifier role url")),
        "authorizations": _AUTHORIZATION,
    }
    if version != "2.1.1":
        modules["hubclientinfo"] = _OWNER | _of("role status last_updated")
    if version == "2.3.0":
        modules["invoicereconciliation"] = _OWNER | _of("id invoice_id cdrs last_updated")
    return modules


FIELDS: Final[Mapping[str, Mapping[str, Vocabulary]]] = {
    version: _by_module(version) for version in ("2.1.1", "2.2.1", "2.3.0")
}
"""version -> module -> fields"""

EXTENSIONS: Final[Mapping[str, frozenset[str]]] = {
    "tariffs[].elements[].price_components[]": frozenset({"price_round", "step_round", "exact_price_component"}),
    "elements[].price_components[]": frozenset({"price_round", "step_round", "exact_price_component"}),
}
"""fields that a hub adds to 2.1.1 by agreement, by the object that carries them: known, and no part of OCPI"""
