"""Contracts of the layer `billed`: what is owed for each thing supplied, before any document exists."""

from models.schemas.columns import (
    Billed,
    Contract,
    Day,
    Flag,
    LocalInstant,
    Percent,
    Precise,
    Rate,
    Text,
    Volume,
    key,
    one_of,
    optional,
)
from models.types.vocabularies import (
    ChargeKind,
    ChargeOutcome,
    CurrentType,
    ReimbursementBasis,
    SupplyKind,
    VatCase,
    VatCategory,
)


class Charges(Contract):
    """One row per thing billed to an account (`charge_id`): a session, or a monthly fee of a contract.

    `charge_id` is deterministic: `S:<cdr_key>` or `F:<contract_id>:<YYYY-MM>`; it is what makes billing happen once.
    Net and gross are final here (rounded once); VAT itself is computed per document, category and rate, never here.
    """

    charge_id: Text = key()
    kind: Text = one_of(ChargeKind)
    outcome: Text = one_of(ChargeOutcome)
    review_reason: Text = optional()
    """a sentence, where `outcome` is review: what could not be decided and what to do"""
    legal_entity_id: Text = key()
    account_id: Text = optional()
    contract_id: Text = optional()
    plan_id: Text = optional()
    cdr_key: Text = optional()
    cpo_id: Text = optional()
    vehicle_id: Text = optional()
    driver_id: Text = optional()
    cost_centre: Text = optional()
    supply_kind: Text = one_of(SupplyKind)
    supplied_on: Day
    """local date of the session's end at the charge point, or the last day of the fee's month: the VAT date"""
    started_at_local: LocalInstant = optional()
    ended_at_local: LocalInstant = optional()
    time_zone: Text = optional()
    place_country: Text = optional()
    """the charge point's country; for a fee the customer's"""
    location_name: Text = optional()
    location_city: Text = optional()
    evse_id: Text = optional()
    current_type: Text = one_of(CurrentType, nullable=True)
    energy_kwh: Volume = optional()
    duration_hours: Volume = optional()
    tariff_version_id: Text = optional()
    currency: Text = key()
    is_gross_price_list: Flag
    precise_amount: Precise = optional()
    """in the terms of the price list: gross if `is_gross_price_list`, else net"""
    net_amount: Billed = optional()
    """round(precise), or round(precise / (1 + rate)) under a gross list"""
    gross_amount: Billed = optional()
    """round(precise) under a gross list; null under a net list, where gross exists per document only"""
    vat_case: Text = one_of(VatCase, nullable=True)
    vat_country: Text = optional()
    vat_category: Text = one_of(VatCategory, nullable=True)
    vat_rate_pct: Percent = optional()
    seller_vat_id: Text = optional()
    buyer_vat_id: Text = optional()
    billing_month: Day


class Reimbursements(Contract):
    """One row per session charged at home (`cdr_key`): what the employer refunds to the driver. Not a supply (H1)."""

    cdr_key: Text = key()
    outcome: Text = one_of(ChargeOutcome)
    review_reason: Text = optional()
    account_id: Text = optional()
    driver_id: Text = optional()
    contract_id: Text = optional()
    evse_id: Text = optional()
    meter_id: Text = optional()
    started_at_local: LocalInstant
    ended_at_local: LocalInstant
    energy_kwh: Volume
    basis: Text = one_of(ReimbursementBasis, nullable=True)
    price_per_kwh: Rate = optional()
    """what is paid"""
    legal_reference: Text = optional()
    """the table row behind the price, such as DE 2026 0.34 EUR/kWh"""
    currency: Text = optional()
    precise_amount: Precise = optional()
    amount: Billed = optional()
    billing_month: Day
