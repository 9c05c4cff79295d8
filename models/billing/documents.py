"""The content of issued documents: finished numbers, copied at issue, never recomputed.

These structs are what the register stores (as canonical JSON, whose SHA-256 is the document's hash) and what
`reports` turns into pages. Every figure that a page shows stands here; a template adds nothing up.
Field comments name the business term of EN 16931 where there is one.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec

from models.types.vocabularies import AccountKind, ChargeKind, CurrentType, DocumentKind, VatCase, VatCategory


class Party(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seller, buyer, employer or driver, with the address as it was at issue."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str
    vat_id: str | None = None
    registration_number: str | None = None
    email: str | None = None
    phone: str | None = None
    website: str | None = None


class BankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Where to pay (BG-17)."""

    holder: str
    iban: str
    bic: str
    bank_name: str


class PriceLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One summed price component of a session: `18.250 kWh x 0.59` and its precise amount in list terms."""

    label: str
    """a code: energy, charging_time, parking_time, flat, reservation, limit"""
    volume: Decimal | None
    unit: str | None
    """kWh, h or None"""
    unit_price: Decimal | None
    amount: Decimal


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One supply (BG-25)."""

    line_number: int
    charge_id: str
    kind: ChargeKind
    supplied_on: date
    started_at_local: datetime | None = None
    ended_at_local: datetime | None = None
    cdr_key: str | None = None
    location_name: str | None = None
    location_city: str | None = None
    evse_id: str | None = None
    current_type: CurrentType | None = None
    energy_kwh: Decimal | None = None
    duration_seconds: int | None = None
    price_lines: tuple[PriceLine, ...] = ()
    plan_name: str | None = None
    vehicle_plate: str | None = None
    driver_name: str | None = None
    cost_centre: str | None = None
    place_country: str
    vat_country: str
    vat_case: VatCase
    vat_category: VatCategory
    vat_rate_pct: Decimal
    net_amount: Decimal
    gross_amount: Decimal | None = None
    """only under a gross price list"""


class VatRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """VAT of one country, category and rate (BG-23): computed once, here."""

    vat_country: str
    category: VatCategory
    rate_pct: Decimal
    taxable_amount: Decimal
    vat_amount: Decimal
    legal_note: str | None = None
    """BT-120, such as `Reverse charge - Btw verlegd (Art. 195 Directive 2006/112/EC)`"""


class CountrySubtotal(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions of one country."""

    country: str
    sessions: int
    energy_kwh: Decimal
    net_amount: Decimal


class VehicleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one vehicle cost on this invoice."""

    vehicle_id: str
    plate: str
    model: str
    driver_name: str
    cost_centre: str | None
    sessions: int
    energy_kwh: Decimal
    energy_ac_kwh: Decimal
    energy_dc_kwh: Decimal
    fee_amount: Decimal
    """net subscription fees of its contract"""
    net_amount: Decimal
    """sessions and fees"""


class WeekEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """Energy of one ISO week, for the chart."""

    week_start: date
    ac_kwh: Decimal
    dc_kwh: Decimal


class VatAccounting(msgspec.Struct, frozen=True, kw_only=True):
    """The VAT total in the taxing state's currency (Art. 230; BT-6, BT-111)."""

    currency: str
    units_per_eur: Decimal
    rate_date: date
    rate_source: str
    vat_total: Decimal


class Invoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tax invoice: one seller VAT id, one customer, one currency."""

    document_id: str
    kind: DocumentKind = DocumentKind.INVOICE
    series: str
    sequence: int
    document_number: str
    bill_number: str
    """the monthly bill that asks for the payment"""
    billing_month: str
    issued_on: date
    due_on: date
    period_from: date
    """first supply date"""
    period_to: date
    """last supply date, inclusive"""
    language: str
    customer_kind: AccountKind
    seller: Party
    """with the VAT id under which the supplies were made (BT-31)"""
    customer: Party
    """with the VAT id of the taxing state where the customer owes the tax (BT-48)"""
    account_id: str
    legal_entity_id: str | None = None
    """key of the issuing company in the master data, by which the ledger is split; always set at issue"""
    currency: str
    is_gross_price_list: bool
    lines: tuple[InvoiceLine, ...]
    vat_rows: tuple[VatRow, ...]
    country_subtotals: tuple[CountrySubtotal, ...]
    vehicles: tuple[VehicleSummary, ...] = ()
    weeks: tuple[WeekEnergy, ...]
    sessions: int
    energy_kwh: Decimal
    net_total: Decimal
    """BT-109"""
    vat_total: Decimal
    """BT-110"""
    rounding_amount: Decimal
    """BT-114: printed gross prices minus (net + VAT); zero under a net price list"""
    total: Decimal
    """BT-115: net + VAT + rounding"""
    vat_accounting: VatAccounting | None = None
    notes: tuple[str, ...] = ()
    """codes of standing remarks, such as refund_hint_2008_9 (E3)"""


class BillItem(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice on a monthly bill."""

    document_number: str
    seller_vat_id: str
    countries: tuple[str, ...]
    sessions: int
    energy_kwh: Decimal
    net_total: Decimal
    vat_total: Decimal
    rounding_amount: Decimal
    total: Decimal


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """How to pay: one amount, one reference (ISO 11649)."""

    account: BankAccount
    reference: str
    due_on: date
    amount: Decimal
    currency: str


class MonthlyBill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one thing that a customer pays for a month: the invoices it is made of, one amount due, one reference."""

    document_id: str
    kind: DocumentKind = DocumentKind.MONTHLY_BILL
    series: str
    sequence: int
    document_number: str
    billing_month: str
    issued_on: date
    due_on: date
    language: str
    customer_kind: AccountKind
    seller: Party
    customer: Party
    account_id: str
    legal_entity_id: str | None = None
    """key of the issuing company in the master data, by which the ledger is split; always set at issue"""
    plan_names: tuple[str, ...]
    items: tuple[BillItem, ...]
    country_subtotals: tuple[CountrySubtotal, ...]
    weeks: tuple[WeekEnergy, ...]
    sessions: int
    energy_kwh: Decimal
    net_total: Decimal
    vat_total: Decimal
    rounding_amount: Decimal
    currency: str
    total: Decimal
    payment: Payment


class ReimbursementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One session at the driver's home charger."""

    line_number: int
    cdr_key: str
    started_at_local: datetime
    ended_at_local: datetime
    evse_id: str
    meter_id: str
    energy_kwh: Decimal
    price_per_kwh: Decimal
    amount: Decimal


class ReimbursementStatement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an employer refunds a driver for a month: a statement of expenses, not an invoice, no VAT (H1)."""

    document_id: str
    kind: DocumentKind = DocumentKind.REIMBURSEMENT_STATEMENT
    series: str
    sequence: int
    document_number: str
    billing_month: str
    issued_on: date
    language: str
    issuer: Party
    employer: Party
    driver: Party
    account_id: str
    legal_entity_id: str | None = None
    """key of the issuing company in the master data, by which the ledger is split; always set at issue"""
    driver_id: str
    vehicle_plate: str
    vehicle_model: str
    cost_centre: str | None
    iban_masked: str
    """such as DE89 **** **** **** **30 00"""
    payment_reference: str
    currency: str
    basis: str
    """contract_price or reference_flat"""
    legal_reference: str
    lines: tuple[ReimbursementLine, ...]
    weeks: tuple[WeekEnergy, ...]
    sessions: int
    energy_kwh: Decimal
    total: Decimal


Document = Invoice | MonthlyBill | ReimbursementStatement
