"""Closed vocabularies, each said once; dbt's `accepted_values` are held equal to them by a test."""

from enum import StrEnum


class Dimension(StrEnum):
    """What a price component prices (OCPI mod_tariffs, TariffDimensionType)."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"


class TaxIncluded(StrEnum):
    """Whether a tariff's prices contain tax (OCPI 2.3.0 TaxIncluded; 2.1.1 and 2.2.1 tariffs are NO)."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


class TariffSource(StrEnum):
    """Where a tariff version was read."""

    PUBLISHED = "published"
    CDR = "cdr"
    PLAN = "plan"


class CurrentType(StrEnum):
    """The current of a connector; retail plans price AC and DC apart."""

    AC = "AC"
    DC = "DC"


class RatingOutcome(StrEnum):
    """Whether the kernel could price a CDR."""

    PRICED = "priced"
    NOT_PRICED = "not_priced"


class ComponentKind(StrEnum):
    """Why a priced component row exists."""

    VOLUME = "volume"
    """a volume of a charging period"""
    STEP = "step"
    """the volume added by step_size, at the price of the last relevant component (OCPI P7)"""
    FLAT = "flat"
    """a fixed fee, once per session"""
    LIMIT = "limit"
    """what min_price or max_price add or take away"""
    ROUNDING = "rounding"
    """what rounding a period or the total to the minor unit adds or takes away, where a policy rounds there"""
    CREDIT = "credit"
    """what turns the total of a credit CDR negative: minus twice the total, since its rows are those of the original"""


class MatchKind(StrEnum):
    """How a CDR found the eMSP's own authorization."""

    BY_REFERENCE = "by_reference"
    BY_TOKEN_WINDOW_LOCATION = "by_token_window_location"
    AMBIGUOUS = "ambiguous"
    """by token, window and location, where another authorization fitted just as well"""
    NONE = "none"


class RecordKind(StrEnum):
    """The four kinds of record that are matched with each other."""

    AUTHORIZATION = "authorization"
    SESSION = "session"
    CDR = "cdr"
    TARIFF = "tariff"


class MatchOutcome(StrEnum):
    """How a record of the four-way match ended."""

    BY_REFERENCE = "by_reference"
    BY_TOKEN_WINDOW_LOCATION = "by_token_window_location"
    AMBIGUOUS = "ambiguous"
    """matched, where another partner fitted just as well"""
    MISSING_PARTNER = "missing_partner"
    PENDING = "pending"
    """its partner is not due yet"""
    NOT_EXPECTED = "not_expected"
    """nothing has to belong to it: a refused authorization, a credit, an invalid session, a tariff nobody used"""


class Severity(StrEnum):
    """What a reconciliation finding does to its CDR, the gravest first."""

    REJECT = "reject"
    """the claim is refused: by agreement nothing is owed"""
    BLOCK = "block"
    """the CDR is held and disputed"""
    REVIEW = "review"
    """somebody should look; the CDR is not held by this finding alone"""
    INFO = "info"


class Verdict(StrEnum):
    """What becomes of a CDR."""

    ACCEPT = "accept"
    HOLD = "hold"
    REJECT = "reject"


class AccountKind(StrEnum):
    """Who the customer is, for VAT and for the shape of the documents."""

    CONSUMER = "consumer"
    BUSINESS = "business"


class SupplyKind(StrEnum):
    """What is supplied, as VAT sees it (C-282/22, C-60/23)."""

    ELECTRICITY = "electricity"
    SUBSCRIPTION = "subscription"


class VatCase(StrEnum):
    """The row of `data/reference/vat_decision_table.csv` that a charge fell under."""

    E1 = "E1"
    E2 = "E2"
    E3 = "E3"
    E4 = "E4"
    F1 = "F1"
    F2 = "F2"
    F3 = "F3"


class VatCategory(StrEnum):
    """EN 16931 VAT category codes in use (BT-118, BT-151)."""

    STANDARD = "S"
    REVERSE_CHARGE = "AE"


class ChargeKind(StrEnum):
    """What a charge is for."""

    SESSION = "session"
    SUBSCRIPTION = "subscription"


class ChargeOutcome(StrEnum):
    """Whether a charge can be billed, or a person must look first."""

    BILLABLE = "billable"
    REVIEW = "review"


class FeeBasis(StrEnum):
    """What a plan's monthly fee is multiplied by."""

    CONTRACT = "contract"


class ReimbursementBasis(StrEnum):
    """How a kWh charged at home is valued."""

    CONTRACT_PRICE = "contract_price"
    REFERENCE_FLAT = "reference_flat"


class DocumentKind(StrEnum):
    """The documents that a close issues."""

    INVOICE = "invoice"
    MONTHLY_BILL = "monthly_bill"
    REIMBURSEMENT_STATEMENT = "reimbursement_statement"


class DisputeEventKind(StrEnum):
    """What happened to a dispute; the state of a case is the fold of its events."""

    OPENED = "opened"
    """held or rejected by rules"""
    SENT = "sent"
    """the CPO was told: its deadline runs"""
    ACKNOWLEDGED = "acknowledged"
    """the CPO confirmed that it looks into it"""
    CREDITED = "credited"
    """a credit CDR took the claim back, in full or in part"""
    REPLACED = "replaced"
    """another CDR of the session came for the one that was credited"""
    ACCEPTED = "accepted"
    """the CPO gives in, in full or for an amount: a credit is awaited"""
    REFUSED = "refused"
    """the CPO insists on its claim"""
    ESCALATED = "escalated"
    """it goes up a level: operations, account managers, finance and legal"""
    WRITTEN_OFF = "written_off"
    """it is paid, and booked as our loss: right, but not worth the fight"""
    PAID_UNDER_PROTEST = "paid_under_protest"
    """it is paid, with our rights reserved"""
    WITHDRAWN = "withdrawn"
    """we no longer dispute it, in full or for an amount"""
    EXPIRED = "expired"
    """the CPO did not answer within the agreement's limit: the disputed part lapses"""


class CaseStatus(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    """held, and not yet sent to the CPO"""
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    """the CPO gave in, and its credit is awaited"""
    REFUSED = "refused"
    ESCALATED = "escalated"
    CREDITED = "credited"
    REPLACED = "replaced"
    WRITTEN_OFF = "written_off"
    PAID_UNDER_PROTEST = "paid_under_protest"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class RecordOutcome(StrEnum):
    """What became of one record of one received page."""

    TYPED = "typed"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"


class TokenAction(StrEnum):
    """What is recommended to do about a token; nothing is ever done by itself."""

    NONE = "none"
    WATCH = "watch"
    BLOCK = "block"
    REPLACE = "replace"
    """block it and give its driver another: the card was copied, and the driver may be honest"""


class TokenDecisionKind(StrEnum):
    """What a person decided about a token; the last decision holds."""

    BLOCK = "block"
    UNBLOCK = "unblock"


class InvoiceLineOutcome(StrEnum):
    """How a line of a CPO's invoice, or a CDR that is not on it, ended."""

    MATCHED = "matched"
    DIFFERENT_AMOUNT = "different_amount"
    MISSING_AT_US = "missing_at_us"
    """no CDR of ours has its id"""
    MISSING_ON_INVOICE = "missing_on_invoice"
    """an accepted CDR of the invoice's months that no line names"""
    CREDITED = "credited"
    """a credit took the CDR back, in whole or in part, and no invoice carries the credit"""
    HELD = "held"
    """in dispute, or rejected, or not judged yet"""
    ALREADY_INVOICED = "already_invoiced"
    """approved under another invoice, or named twice on this one"""
    OTHER_CPO = "other_cpo"
    DIFFERENT_VAT = "different_vat"
    """the amount excl. VAT is right, and the VAT fits neither the CDR nor the line's own rate"""
    NO_LONGER_INVOICED = "no_longer_invoiced"
    """approved by an earlier check of the invoice, and no line names it any more"""
    SETTLED_ELSEWHERE = "settled_elsewhere"
    """named by another invoice, under which more or less is payable now that this one carries, or drops, its credit"""
    UNREADABLE = "unreadable"
    """the line itself is faulty"""
