"""Contracts of the layer `master`: the eMSP's own books, read from CSV files in the master data folder.

Validity is half-open by day: `valid_from` inclusive, `valid_to` exclusive, null = until further notice.
"""

from models.schemas.columns import (
    Billed,
    Contract,
    Day,
    Flag,
    Percent,
    Rate,
    Text,
    Volume,
    Whole,
    key,
    one_of,
    optional,
)
from models.types.vocabularies import AccountKind, CurrentType, FeeBasis, ReimbursementBasis


class LegalEntities(Contract):
    """One row per company that issues documents (`legal_entity_id`)."""

    legal_entity_id: Text = key()
    name: Text = key()
    street: Text = key()
    postal_code: Text = key()
    city: Text = key()
    country: Text = key()
    registration_number: Text = key()
    """such as HRB 123456 B, Amtsgericht Charlottenburg"""
    email: Text = key()
    phone: Text = key()
    website: Text = key()
    iban: Text = key()
    bic: Text = key()
    bank_name: Text = key()
    currency: Text = key()
    time_zone: Text = key()
    """of billing months and document dates"""
    ocpi_party_id: Text = key()
    """such as DE*NST"""


class VatRegistrations(Contract):
    """One row per VAT identification number of a legal entity (`legal_entity_id`, `country`, `valid_from`)."""

    legal_entity_id: Text = key()
    country: Text = key()
    vat_id: Text = key()
    is_establishment: Flag
    """a mere registration is not an establishment (Art. 192a): it decides E1 against E2-E4"""
    valid_from: Day
    valid_to: Day = optional()


class Accounts(Contract):
    """One row per customer account (`account_id`)."""

    account_id: Text = key()
    kind: Text = one_of(AccountKind)
    name: Text = key()
    street: Text = key()
    postal_code: Text = key()
    city: Text = key()
    country: Text = key()
    email: Text = key()
    language: Text = key()
    currency: Text = key()
    is_reseller: Flag
    payment_terms_days: Whole
    legal_entity_id: Text = key()
    valid_from: Day
    valid_to: Day = optional()


class AccountVatIds(Contract):
    """One row per VAT identification number of a customer (`account_id`, `country`, `valid_from`)."""

    account_id: Text = key()
    country: Text = key()
    vat_id: Text = key()
    valid_from: Day
    valid_to: Day = optional()


class Plans(Contract):
    """One row per retail plan (`plan_id`)."""

    plan_id: Text = key()
    name: Text = key()
    is_gross_price_list: Flag
    """consumer price lists contain VAT (the printed price is what is paid), fleet lists do not"""
    monthly_fee: Billed
    """per `fee_basis` and calendar month that the contract touches, net or gross as the list says"""
    fee_basis: Text = one_of(FeeBasis)
    currency: Text = key()
    valid_from: Day
    valid_to: Day = optional()


class PlanTariffs(Contract):
    """One row per plan and current type (`plan_id`, `current_type`): which OCPI tariff is its price list."""

    plan_id: Text = key()
    current_type: Text = one_of(CurrentType)
    tariff_id: Text = key()
    """id of a tariff in `plan_tariffs.json`, written as OCPI 2.3.0 Tariff objects"""


class Contracts(Contract):
    """One row per charging contract (`contract_id`, the eMAID that tokens and CDRs carry)."""

    contract_id: Text = key()
    account_id: Text = key()
    plan_id: Text = key()
    driver_id: Text = optional()
    vehicle_id: Text = optional()
    cost_centre: Text = optional()
    valid_from: Day
    valid_to: Day = optional()


class Drivers(Contract):
    """One row per driver of a fleet (`driver_id`)."""

    driver_id: Text = key()
    account_id: Text = key()
    name: Text = key()
    street: Text = key()
    postal_code: Text = key()
    city: Text = key()
    country: Text = key()
    iban: Text = key()


class Vehicles(Contract):
    """One row per vehicle of a fleet (`vehicle_id`)."""

    vehicle_id: Text = key()
    account_id: Text = key()
    plate: Text = key()
    model: Text = key()
    battery_kwh: Volume


class HomeChargers(Contract):
    """One row per home charger and agreement (`evse_id`, `valid_from`): whose it is and what a kWh is worth."""

    evse_id: Text = key()
    driver_id: Text = key()
    meter_id: Text = key()
    basis: Text = one_of(ReimbursementBasis)
    contract_price_per_kwh: Rate = optional()
    """the driver's own electricity price, where `basis` is contract_price"""
    currency: Text = key()
    valid_from: Day
    valid_to: Day = optional()


class Agreements(Contract):
    """One row per CPO agreement (`cpo_id`): with whom we roam, in which currency, and what we tolerate."""

    cpo_id: Text = key()
    name: Text = key()
    country: Text = key()
    currency: Text = key()
    tolerance_amount: Billed
    """price difference that is never disputed, in the agreement's currency"""
    tolerance_pct: Percent
    dispute_deadline_days: Whole
    language: Text = key()
    valid_from: Day
    valid_to: Day = optional()
    rating_policy: Text = optional()
    """the choices on contested points of rating in which it differs from the defaults, as `name=value;name=value`"""
    rule_thresholds: Text = optional()
    """the thresholds of reconciliation in which it differs from the defaults, as `name=value;name=value`"""


class FxRates(Contract):
    """One row per currency and day (`currency`, `rate_date`): reference rates, used only where a report says so."""

    rate_date: Day
    currency: Text = key()
    units_per_eur: Rate
    eur_per_unit: Rate
    source: Text = key()
