"""The rows that documents are assembled from, as typed values; fields are the columns of the contracts.

Master data: `models.schemas.master`; charges and reimbursements: `models.schemas.billed`. A test holds the field names
equal to the columns.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
import polars as pl

from models.types.vocabularies import (
    AccountKind,
    ChargeKind,
    ChargeOutcome,
    CurrentType,
    FeeBasis,
    ReimbursementBasis,
    SupplyKind,
    VatCase,
    VatCategory,
)

Row = TypeVar("Row", bound=msgspec.Struct)


def rows_of(frame: pl.DataFrame, kind: type[Row]) -> list[Row]:
    """Read a frame under a contract as typed values, in its order."""
    return msgspec.convert(frame.to_dicts(), list[kind])


def is_valid_on(day: date, valid_from: date, valid_to: date | None) -> bool:
    """Tell whether a half-open validity covers a day."""
    return valid_from <= day and (valid_to is None or day < valid_to)


class LegalEntity(msgspec.Struct, frozen=True, kw_only=True):
    """A company that issues documents."""

    legal_entity_id: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    registration_number: str
    email: str
    phone: str
    website: str
    iban: str
    bic: str
    bank_name: str
    currency: str
    time_zone: str
    ocpi_party_id: str


class VatRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """A VAT identification number of a legal entity."""

    legal_entity_id: str
    country: str
    vat_id: str
    is_establishment: bool
    valid_from: date
    valid_to: date | None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A customer."""

    account_id: str
    kind: AccountKind
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    email: str
    language: str
    currency: str
    is_reseller: bool
    payment_terms_days: int
    legal_entity_id: str
    valid_from: date
    valid_to: date | None


class AccountVatId(msgspec.Struct, frozen=True, kw_only=True):
    """A VAT identification number of a customer."""

    account_id: str
    country: str
    vat_id: str
    valid_from: date
    valid_to: date | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A retail plan."""

    plan_id: str
    name: str
    is_gross_price_list: bool
    monthly_fee: Decimal
    fee_basis: FeeBasis
    currency: str
    valid_from: date
    valid_to: date | None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A charging contract."""

    contract_id: str
    account_id: str
    plan_id: str
    driver_id: str | None
    vehicle_id: str | None
    cost_centre: str | None
    valid_from: date
    valid_to: date | None


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """A driver of a fleet."""

    driver_id: str
    account_id: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    iban: str


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle of a fleet."""

    vehicle_id: str
    account_id: str
    plate: str
    model: str
    battery_kwh: Decimal


class HomeCharger(msgspec.Struct, frozen=True, kw_only=True):
    """A home charger and what a kWh from it is worth."""

    evse_id: str
    driver_id: str
    meter_id: str
    basis: ReimbursementBasis
    contract_price_per_kwh: Decimal | None
    currency: str
    valid_from: date
    valid_to: date | None


class FxRate(msgspec.Struct, frozen=True, kw_only=True):
    """A reference rate of a day."""

    rate_date: date
    currency: str
    units_per_eur: Decimal
    eur_per_unit: Decimal
    source: str


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A thing billed to an account."""

    charge_id: str
    kind: ChargeKind
    outcome: ChargeOutcome
    review_reason: str | None
    legal_entity_id: str
    account_id: str | None
    contract_id: str | None
    plan_id: str | None
    cdr_key: str | None
    cpo_id: str | None
    vehicle_id: str | None
    driver_id: str | None
    cost_centre: str | None
    supply_kind: SupplyKind
    supplied_on: date
    started_at_local: datetime | None
    ended_at_local: datetime | None
    time_zone: str | None
    place_country: str | None
    location_name: str | None
    location_city: str | None
    evse_id: str | None
    current_type: CurrentType | None
    energy_kwh: Decimal | None
    duration_hours: Decimal | None
    tariff_version_id: str | None
    currency: str
    is_gross_price_list: bool
    precise_amount: Decimal | None
    net_amount: Decimal | None
    gross_amount: Decimal | None
    vat_case: VatCase | None
    vat_country: str | None
    vat_category: VatCategory | None
    vat_rate_pct: Decimal | None
    seller_vat_id: str | None
    buyer_vat_id: str | None
    billing_month: date


class Reimbursement(msgspec.Struct, frozen=True, kw_only=True):
    """A session charged at home, to be refunded."""

    cdr_key: str
    outcome: ChargeOutcome
    review_reason: str | None
    account_id: str | None
    driver_id: str | None
    contract_id: str | None
    evse_id: str | None
    meter_id: str | None
    started_at_local: datetime
    ended_at_local: datetime
    energy_kwh: Decimal
    basis: ReimbursementBasis | None
    price_per_kwh: Decimal | None
    legal_reference: str | None
    currency: str | None
    precise_amount: Decimal | None
    amount: Decimal | None
    billing_month: date


class MasterData(msgspec.Struct, frozen=True, kw_only=True):
    """The eMSP's own books, as far as billing reads them."""

    legal_entities: dict[str, LegalEntity]
    vat_registrations: tuple[VatRegistration, ...]
    accounts: dict[str, Account]
    account_vat_ids: tuple[AccountVatId, ...]
    plans: dict[str, Plan]
    contracts: dict[str, Contract]
    drivers: dict[str, Driver]
    vehicles: dict[str, Vehicle]
    home_chargers: tuple[HomeCharger, ...]
    fx_rates: tuple[FxRate, ...]


def master_data(tables: dict[str, pl.DataFrame]) -> MasterData:
    """Read the tables of the layer `master`, by table name, into one value."""
    return MasterData(
        legal_entities={row.legal_entity_id: row for row in rows_of(tables["legal_entities"], LegalEntity)},
        vat_registrations=tuple(rows_of(tables["vat_registrations"], VatRegistration)),
        accounts={row.account_id: row for row in rows_of(tables["accounts"], Account)},
        account_vat_ids=tuple(rows_of(tables["account_vat_ids"], AccountVatId)),
        plans={row.plan_id: row for row in rows_of(tables["plans"], Plan)},
        contracts={row.contract_id: row for row in rows_of(tables["contracts"], Contract)},
        drivers={row.driver_id: row for row in rows_of(tables["drivers"], Driver)},
        vehicles={row.vehicle_id: row for row in rows_of(tables["vehicles"], Vehicle)},
        home_chargers=tuple(rows_of(tables["home_chargers"], HomeCharger)),
        fx_rates=tuple(rows_of(tables["fx_rates"], FxRate)),
    )
