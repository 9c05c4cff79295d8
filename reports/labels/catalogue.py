"""What a catalogue must hold: one field a label, so that a missing translation cannot even be constructed."""

from dataclasses import dataclass


class UnknownLabelError(LookupError):
    """A document names a code for which there are no words; the text names the code and this catalogue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """Every word of the documents in one language; `{name}` marks what a template fills in."""

    locale: str
    """the CLDR locale that formats numbers and dates beside these words"""

    invoice: str
    monthly_bill: str
    reimbursement_statement: str
    page: str
    of: str
    continued: str

    number: str
    date: str
    due_on: str
    month: str
    period: str
    customer_number: str
    vat_id: str
    your_vat_id: str
    registration: str
    phone: str

    amount_due: str
    payable_by: str
    payee: str
    iban: str
    bic: str
    bank: str
    reference: str
    scan_to_pay: str
    payment: str
    paid_with_bill: str

    invoices_of_month: str
    what_it_is_made_of: str
    by_country: str
    by_vehicle: str
    energy_by_week: str
    week: str
    ac: str
    dc: str

    country: str
    countries: str
    sessions: str
    session: str
    energy: str
    duration: str
    rate: str
    amount: str
    net: str
    vat: str
    gross: str
    rounding: str
    total: str
    net_total: str
    vat_total: str
    plan: str
    subscription: str
    subscriptions: str
    supplies: str

    vat_summary: str
    treatment: str
    standard: str
    reverse_charge: str
    taxable_amount: str
    vat_amount: str
    prices_include_vat: str
    prices_exclude_vat: str
    vat_in_national_currency: str
    exchange_rate: str

    vehicle: str
    driver: str
    cost_centre: str
    fees: str
    without_vehicle: str

    employer: str
    home_charging: str
    charger: str
    meter: str
    rate_per_kwh: str
    paid_to: str
    total_refund: str
    legal_basis: str
    basis_contract_price: str
    basis_reference_flat: str
    no_vat_shown: str

    notes: str
    fingerprint: str

    price_energy: str
    price_charging_time: str
    price_parking_time: str
    price_flat: str
    price_reservation: str
    price_limit: str

    note_refund_hint_2008_9: str

    def coded(self, family: str, code: str) -> str:
        """Give the label of a code that a document carries, such as `("price", "energy")` or `("note", ...)`."""
        label = getattr(self, f"{family}_{code}", None)
        if not isinstance(label, str):
            msg = f"{family} code {code!r} has no label: add `{family}_{code}` to reports/labels, in every language"
            raise UnknownLabelError(msg)
        return label
