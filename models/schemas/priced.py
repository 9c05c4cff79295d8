"""Contracts of the layer `priced`: what the kernel makes of a session and a tariff.

The same two shapes serve the wholesale audit (`priced/wholesale_*`) and retail (`priced/retail_*`).
"""

from models.schemas.columns import (
    Contract,
    Day,
    Flag,
    Index,
    Percent,
    Precise,
    Text,
    TextList,
    Volume,
    key,
    one_of,
    optional,
)
from models.types.vocabularies import ComponentKind, Dimension, RatingOutcome, TaxIncluded


class RatedCdrs(Contract):
    """One row per CDR (`cdr_key`): its totals under one tariff selection, or the reason why there are none."""

    cdr_key: Text = key()
    outcome: Text = one_of(RatingOutcome)
    reason: Text = optional()
    """a sentence, where `outcome` is not_priced"""
    tariff_version_id: Text = optional()
    """null where several versions priced the session, or none"""
    currency: Text = optional()
    tax_included: Text = one_of(TaxIncluded, nullable=True)
    total_excl_vat: Precise = optional()
    """null under tax_included YES with unknown rates; see `total_incl_vat`"""
    total_incl_vat: Precise = optional()
    energy_excl_vat: Precise = optional()
    energy_incl_vat: Precise = optional()
    time_excl_vat: Precise = optional()
    time_incl_vat: Precise = optional()
    parking_excl_vat: Precise = optional()
    parking_incl_vat: Precise = optional()
    fixed_excl_vat: Precise = optional()
    fixed_incl_vat: Precise = optional()
    reservation_excl_vat: Precise = optional()
    reservation_incl_vat: Precise = optional()
    billed_energy_kwh: Precise = optional()
    """all volume of the session, priced or free, rounded up to whole steps"""
    billed_charging_hours: Precise = optional()
    billed_parking_hours: Precise = optional()
    price_low_excl_vat: Precise = optional()
    """least total that the CDR allows, where it leaves the price open: a period across a price change, a doubled hour,
    an unknown zone; null where nothing is open"""
    price_high_excl_vat: Precise = optional()
    price_low_incl_vat: Precise = optional()
    price_high_incl_vat: Precise = optional()
    notes: TextList
    policy: Text = key()
    """the named choices on contested points, as `name=value` pairs joined by `;`"""
    billing_month: Day


class RatedComponents(Contract):
    """One row per priced component (`cdr_key`, `row_index`): why each cent is there. Sums equal the totals exactly."""

    cdr_key: Text = key()
    row_index: Index
    kind: Text = one_of(ComponentKind)
    period_index: Index = optional()
    """the charging period; null for what belongs to the whole session"""
    dimension: Text = one_of(Dimension, nullable=True)
    """null for a limit, a rounding or a credit"""
    is_reservation: Flag
    tariff_version_id: Text = key()
    element_index: Index = optional()
    component_index: Index = optional()
    volume: Volume = optional()
    """kWh or hours as measured; null for what a step adds and for what no volume is behind"""
    billed_volume: Volume = optional()
    """kWh or hours that the amount is for; 1 for FLAT; null for a limit, a rounding or a credit"""
    unit_price: Volume = optional()
    vat_rate_pct: Percent = optional()
    amount_excl_vat: Precise = optional()
    amount_incl_vat: Precise = optional()
    policy: Text = key()
    """as on the CDR's row"""
    billing_month: Day
