"""Reading Tariff objects of OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_tariffs) into the canonical `Tariff`.

A tariff is either understood in full or refused: a restriction or a component that is silently skipped changes prices.
Fields that cannot change a price are ignored, as 2.3.0 asks, unless they are misspelt ones that would.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from models.ocpi.canonical import Price, PriceComponent, Restrictions, Tariff, TariffElement
from models.ocpi.fields import Fields
from models.ocpi.known_fields import near_miss
from models.types.identifiers import party_id
from models.types.money import is_known_currency
from models.types.vocabularies import Dimension, TaxIncluded

_WEEKDAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_RESERVATIONS: Final = ("RESERVATION", "RESERVATION_EXPIRES")
_RESTRICTIONS: Final = frozenset(
    {
        *("start_time", "end_time", "start_date", "end_date", "day_of_week", "reservation"),
        *("min_kwh", "max_kwh", "min_current", "max_current", "min_power", "max_power"),
        *("min_duration", "max_duration"),
    },
)
_PRICE_EXTENSIONS: Final = frozenset({"price_round", "step_round", "exact_price_component"})
"""Extensions of a hub's 2.1.1 that change the price; they are not part of OCPI."""

_TARIFF_FIELDS: Final = frozenset(
    {
        *("currency", "type", "elements", "tax_included", "min_price", "max_price"),
        *("start_date_time", "end_date_time"),
    }
)
_ELEMENT_FIELDS: Final = frozenset({"price_components", "restrictions"})
_COMPONENT_FIELDS: Final = frozenset({"type", "price", "vat", "step_size"})
_OTHER_FIELDS: Final = frozenset(
    {"id", "country_code", "party_id", "tariff_alt_text", "tariff_alt_url", "energy_mix", "last_updated"}
)
"""fields of a tariff that decide no price and are near to none that does"""

_NET_FIELDS: Final = {
    "2.1.1": ("excl_vat", "before_taxes"),
    "2.2.1": ("excl_vat", "before_taxes"),
    "2.3.0": ("before_taxes", "excl_vat"),
}
"""by version, what a price without tax is called inside a price, and what another version calls it"""

_PERCENT_SCALE: Final = 4
_LARGEST_STEP: Final = 10**9
"""A million kWh, or 31 years: a larger step_size is a mistake, and exact integers stay in bounds below it."""


def read_tariff(tariff: Fields, owner_id: str | None, version: str) -> Tariff:
    """Read one tariff; whose it is, `owner_of` says."""
    _refuse_misspelt(tariff, _TARIFF_FIELDS)
    if version == "2.3.0" and not tariff.has("tax_included"):
        tariff.note("tax_included", "not said, although it must be: prices are read as excluding tax")
    valid_from, valid_to = tariff.maybe_instant("start_date_time"), tariff.maybe_instant("end_date_time")
    if valid_from and valid_to and valid_to < valid_from:
        tariff.fail("end_before_start", "end_date_time", f"an end after {valid_from.isoformat()}")
    return Tariff(
        owner_id=owner_of(tariff, owner_id, version),
        tariff_id=tariff.text("id"),
        currency=read_currency(tariff),
        elements=tuple(_element(element) for element in tariff.some_children("elements")),
        tariff_type=tariff.maybe_text("type"),
        tax_included=_tax_included(tariff),
        min_price=read_price(tariff, "min_price", version),
        max_price=read_price(tariff, "max_price", version),
        valid_from=valid_from,
        valid_to=valid_to,
        last_updated_at=tariff.maybe_instant("last_updated"),
    )


def owner_of(record: Fields, owner_id: str | None, version: str) -> str:
    """Give the owning party, such as DE*LDW: from the record, else from the connection it came through.

    Objects of 2.1.1 name no owner: what one says all the same is noted and ignored, where the connection has one party.
    """
    names_itself = record.has("country_code") and record.has("party_id")
    if owner_id is None or (names_itself and version != "2.1.1"):
        return party_id(record.text("country_code"), record.text("party_id"))
    if names_itself and (said := _said_owner(record)) != owner_id.upper():
        record.note("party_id", f"{said} ignored: an object of 2.1.1 belongs to the party of its connection")
    return owner_id.upper()


def _said_owner(record: Fields) -> str:
    return party_id(str(record.values["country_code"]), str(record.values["party_id"]))


def read_currency(record: Fields) -> str:
    """Read the ISO 4217 code of a tariff or CDR."""
    code = record.text("currency").upper()
    if not is_known_currency(code):
        record.fail("unknown_currency", "currency", "an ISO 4217 currency code")
    return code


def read_price(record: Fields, name: str, version: str) -> Price | None:
    """Read an optional Price (2.2.1), PriceLimit or Price with taxes (2.3.0), or plain number (2.1.1: without VAT).

    What another version would write is read as well, and noted; beside the version's own field it is set aside.
    """
    if not record.has(name):
        return None
    if isinstance(record.values[name], (int, Decimal, str)):
        if version != "2.1.1":
            record.note(name, f"a plain number, as only OCPI 2.1.1 has it: read as {_NET_FIELDS[version][0]}")
        return Price(record.decimal(name))
    price = record.child(name)
    if _net_field(record, name, price, version) == "excl_vat":
        return Price(price.decimal("excl_vat"), price.maybe_decimal("incl_vat"))
    return Price(price.decimal("before_taxes"), _after_taxes(price))


def _net_field(record: Fields, name: str, price: Fields, version: str) -> str:
    """Choose the field that says a price without tax: the version's own wherever it stands."""
    own, other = _NET_FIELDS[version]
    field = other if price.has(other) and not price.has(own) else own
    if version == "2.1.1":
        record.note(name, f"an object, where OCPI 2.1.1 has a plain number: its {field} is read")
    elif price.has(other):
        became = "set aside" if field == own else f"read as {own}"
        record.note(name, f"{other} is no field of a price in OCPI {version}: {became}")
    return field


def _after_taxes(price: Fields) -> Decimal | None:
    """Add up all taxes of a 2.3.0 Price; without any the amount after taxes is unknown, not equal."""
    if price.has("after_taxes"):
        return price.decimal("after_taxes")
    taxes = price.children("taxes")
    if not taxes:
        return None
    return sum((tax.decimal("amount") for tax in taxes), price.decimal("before_taxes"))


def _tax_included(tariff: Fields) -> TaxIncluded:
    """Read tax_included of 2.3.0; 2.1.1 and 2.2.1 prices exclude VAT, and so does a 2.3.0 tariff that forgot it."""
    word = tariff.maybe_text("tax_included")
    if word is None:
        return TaxIncluded.NO
    if word not in set(TaxIncluded):
        tariff.fail("unknown_value", "tax_included", "YES, NO or N/A")
    return TaxIncluded(word)


def _refuse_misspelt(found: Fields, deciding: frozenset[str]) -> None:
    """Refuse a field that is one edit away from an absent one which would decide a price.

    `restriction` instead of `restrictions` makes a price for nights the price of every hour: an unknown field may be
    ignored (2.3.0 asks for it), a misspelt one may not.
    """
    absent = frozenset(name for name in deciding if not found.has(name))
    for name in sorted(found.values.keys() - deciding):
        meant = near_miss(name, absent) if found.has(name) and name not in _OTHER_FIELDS else None
        if meant is not None:
            found.fail("misspelt_field", name, f"no field that could be meant as {meant}")


def _element(element: Fields) -> TariffElement:
    _refuse_misspelt(element, _ELEMENT_FIELDS)
    components = tuple(_component(component) for component in element.some_children("price_components"))
    restrictions = element.maybe_child("restrictions")
    return TariffElement(components, _restrictions(restrictions) if restrictions else Restrictions())


def _component(component: Fields) -> PriceComponent:
    _refuse_misspelt(component, _COMPONENT_FIELDS)
    dimension = component.text("type")
    if dimension not in set(Dimension):
        component.fail("unknown_component", "type", "ENERGY, FLAT, PARKING_TIME or TIME")
    for name in sorted(_PRICE_EXTENSIONS):
        if component.has(name):
            component.fail("unknown_component", name, "no extension of OCPI that changes the price")
    return PriceComponent(
        Dimension(dimension),
        component.decimal("price"),
        _vat_rate(component),
        _step_size(component),
    )


def _vat_rate(component: Fields) -> Decimal | None:
    rate = component.maybe_decimal("vat", _PERCENT_SCALE)
    if rate is not None and not 0 <= rate <= 100:  # noqa: PLR2004 - a percentage
        component.fail("number_out_of_range", "vat", "a percentage from 0 to 100")
    return rate


def _step_size(component: Fields) -> int:
    number = component.decimal("step_size")
    if number < 0 or number != number.to_integral_value():
        component.fail("bad_step_size", "step_size", "a whole number, zero or more")
    if number > _LARGEST_STEP:
        component.fail("number_out_of_range", "step_size", f"at most {_LARGEST_STEP}")
    return int(number)


def _restrictions(found: Fields) -> Restrictions:
    for name in sorted(found.values.keys() - _RESTRICTIONS):
        if found.has(name):
            found.fail("unknown_restriction", name, "no restriction that OCPI does not know")
    return Restrictions(
        start_time=found.maybe_clock_time("start_time"),
        end_time=found.maybe_clock_time("end_time"),
        start_date=found.maybe_day("start_date"),
        end_date=found.maybe_day("end_date"),
        min_kwh=found.maybe_decimal("min_kwh"),
        max_kwh=found.maybe_decimal("max_kwh"),
        min_current_a=found.maybe_decimal("min_current"),
        max_current_a=found.maybe_decimal("max_current"),
        min_power_kw=found.maybe_decimal("min_power"),
        max_power_kw=found.maybe_decimal("max_power"),
        min_duration_seconds=found.maybe_whole("min_duration"),
        max_duration_seconds=found.maybe_whole("max_duration"),
        days_of_week=_days_of_week(found),
        reservation=_reservation(found),
    )


def _days_of_week(restrictions: Fields) -> frozenset[int]:
    names = restrictions.items("day_of_week")
    if any(name not in _WEEKDAYS for name in names):
        restrictions.fail("unknown_value", "day_of_week", "a list of MONDAY to SUNDAY")
    return frozenset(_WEEKDAYS.index(str(name)) for name in names)


def _reservation(restrictions: Fields) -> str | None:
    word = restrictions.maybe_text("reservation")
    if word is not None and word not in _RESERVATIONS:
        restrictions.fail("unknown_value", "reservation", "RESERVATION or RESERVATION_EXPIRES")
    return word
