"""Contracts of the layer `ledger`: what the register promises, exported for the warehouse after each close.

The register is the truth; these tables are its projection, written whole after every close and dispute run.
"""

from models.schemas.columns import (
    Billed,
    Contract,
    Day,
    Flag,
    Index,
    Instant,
    Percent,
    Text,
    Volume,
    Whole,
    key,
    one_of,
    optional,
)
from models.types.vocabularies import CaseStatus, DisputeEventKind, DocumentKind, InvoiceLineOutcome, VatCategory


class Documents(Contract):
    """One row per issued document (`document_id`)."""

    document_id: Text = key()
    kind: Text = one_of(DocumentKind)
    series: Text = key()
    """numbers are gapless within a series"""
    sequence: Index
    document_number: Text = key()
    parent_document_id: Text = optional()
    """the monthly bill of an invoice"""
    legal_entity_id: Text = key()
    account_id: Text = key()
    driver_id: Text = optional()
    """of a reimbursement statement"""
    billing_month: Day
    issued_on: Day
    due_on: Day = optional()
    currency: Text = key()
    seller_vat_id: Text = optional()
    net_total: Billed = optional()
    """null for a monthly bill over invoices and for a reimbursement statement"""
    vat_total: Billed = optional()
    rounding_amount: Billed = optional()
    """gross price lists only: sum of line grosses minus (net + VAT), EN 16931 BT-114"""
    total: Billed
    """amount due of the document"""
    payment_reference: Text = optional()
    content_sha256: Text = key()


class DocumentLines(Contract):
    """One row per line of an invoice or statement (`document_id`, `line_number`)."""

    document_id: Text = key()
    line_number: Index
    charge_id: Text = optional()
    cdr_key: Text = optional()
    net_amount: Billed = optional()
    gross_amount: Billed = optional()
    """under a gross price list, or of a statement"""
    vat_country: Text = optional()
    vat_category: Text = one_of(VatCategory, nullable=True)
    vat_rate_pct: Percent = optional()
    currency: Text = key()


class DocumentVat(Contract):
    """One row per invoice, VAT country, category and rate: VAT is computed once here (EN 16931 BG-23)."""

    document_id: Text = key()
    vat_country: Text = key()
    vat_category: Text = one_of(VatCategory)
    vat_rate_pct: Percent
    taxable_amount: Billed
    vat_amount: Billed
    currency: Text = key()


class Closes(Contract):
    """One row per closed month (`billing_month`)."""

    billing_month: Day
    as_of: Instant
    closed_at: Instant
    inputs_sha256: Text = key()
    outputs_sha256: Text = key()
    documents: Index


class DisputeEvents(Contract):
    """One row per event of a dispute case (`case_id`, `event_index`); a case is a CDR that is held.

    Amounts are excl. VAT, in `currency`; `models.reconciliation.cases.event` says what `amount` is of each kind.
    """

    case_id: Text = key()
    event_index: Index
    """the order in which events were written down"""
    cdr_key: Text = key()
    cpo_id: Text = key()
    kind: Text = one_of(DisputeEventKind)
    rule_ids: Text = key()
    """joined by commas"""
    reason: Text = key()
    amount_at_stake: Billed = optional()
    currency: Text = key()
    deadline_on: Day = optional()
    actor: Text = key()
    happened_at: Instant
    billing_month: Day
    amount: Billed = optional()
    claimed: Billed = optional()
    related_cdr_key: Text = optional()
    recorded_at: Instant = optional()


class Disputes(Contract):
    """One row per dispute case (`case_id`): what its events come to, by the one fold of this product.

    Amounts are excl. VAT, in `currency`; `payable`, `held` and `conceded` add up to `claimed`, and all four are null
    where the CDR states no amount.
    """

    case_id: Text = key()
    cdr_key: Text = key()
    cpo_id: Text = key()
    state: Text = one_of(CaseStatus)
    is_live: Flag
    """whether the CDR is in dispute"""
    rule_ids: Text = key()
    """joined by commas"""
    reason: Text = key()
    currency: Text = key()
    amount_at_stake: Billed = optional()
    claimed_excl_vat: Billed = optional()
    payable_excl_vat: Billed = optional()
    held_excl_vat: Billed = optional()
    conceded_excl_vat: Billed = optional()
    credited_excl_vat: Billed
    """sum of the credits, which may be more than the claim"""
    owed_excl_vat: Billed = optional()
    """of the CDR itself: what is payable and what credits took back, which are negative claims of their own"""
    promised_excl_vat: Billed = optional()
    """what the CPO accepted to credit; null where it accepted nothing, or all"""
    escalation_level: Index
    """0 before it is sent, then 1 to 3"""
    deadline_on: Day = optional()
    replaced_by: Text = optional()
    events: Whole
    opened_at: Instant
    sent_at: Instant = optional()
    changed_at: Instant
    billing_month: Day


class CpoInvoiceChecks(Contract):
    """One row per line of a check of a CPO's invoice (`check_id`, `line_index`); the newest check of an invoice holds.

    Amounts are excl. VAT, in `currency`. CDRs that the invoice should have named have a row without `line_number`.
    """

    check_id: Whole
    line_index: Index
    cpo_id: Text = key()
    invoice_id: Text = key()
    file_sha256: Text = key()
    """of the file as it was checked"""
    line_number: Whole = optional()
    """in the file, from 1"""
    cdr_id: Text = optional()
    cdr_key: Text = optional()
    outcome: Text = one_of(InvoiceLineOutcome)
    asked_excl_vat: Billed = optional()
    """by the line; null where it states none, which is not zero"""
    claimed_excl_vat: Billed = optional()
    """by our CDR"""
    difference_excl_vat: Billed = optional()
    """asked minus claimed, where both are known and in one currency"""
    payable_excl_vat: Billed
    disputed_excl_vat: Billed = optional()
    vat_rate_pct: Percent = optional()
    vat_amount: Volume = optional()
    """as stated by the line"""
    currency: Text = optional()
    reason: Text = optional()
    actor: Text = key()
    checked_at: Instant
    billing_month: Day = optional()
    """of the CDR"""
    owed_excl_vat: Billed = optional()
    """of the CDR, as its dispute stands, and without what credits take back that no invoice carries"""
    approved_before_excl_vat: Billed = optional()
    """under this invoice, by its checks before this one"""
    approved_elsewhere_excl_vat: Billed = optional()
    """under other invoices"""
    approved_under: Text = optional()
    """these other invoices"""
    to_pay_now_excl_vat: Billed = optional()
    """what this check adds to what was approved, below zero where it takes back; the sum over all checks is what is
    approved"""
    disputed_vat: Billed = optional()
    """VAT that the line asks for and that is not payable; null where nothing is wrong with it, or nobody can tell"""
