"""Closed vocabularies of intake's evidence: breaches of the protocol, and what is odd about a tariff."""

from enum import StrEnum


class ViolationCode(StrEnum):
    """How a peer broke OCPI."""

    SECOND_BODY = "second_body"
    """two bodies under one CDR id in one pull; the first of them could be read"""
    CDR_CHANGED = "cdr_changed"
    """a CDR came again with other content: CDRs are immutable"""
    CREDIT_WITHOUT_ORIGINAL = "credit_without_original"
    """a credit CDR that names no CDR which was ever received, or one that could not be read"""
    DOUBLE_CREDIT = "double_credit"
    """a second credit CDR for one original"""
    ID_TOO_LONG = "id_too_long"
    REPEATED_ID_IN_PAGE = "repeated_id_in_page"
    """one page of a pulled list has an object twice with different content"""
    LAST_UPDATED_BACKWARDS = "last_updated_backwards"
    """an object came again, changed, with an earlier `last_updated`"""
    TARIFF_DELETED_WHILE_REFERENCED = "tariff_deleted_while_referenced"
    """a connector still names a tariff that its operator deleted"""
    SESSION_REOPENED = "session_reopened"
    """a session is reported as going on, later than the CDR about it"""
    MISSPELT_FIELD = "misspelt_field"
    """an unknown field one edit away from a known one"""
    FOREIGN_PARTY = "foreign_party"
    """an object of a party for which its connection is not declared"""


class LintCode(StrEnum):
    """What is odd about a tariff that can be read."""

    GAP = "gap"
    """moments in which a dimension has no price although the tariff prices it at others"""
    NEVER_MATCHES = "never_matches"
    """an element that earlier ones leave nothing to, or whose own restrictions exclude each other"""
    OVERLAP = "overlap"
    """two restricted elements that match at one moment with different prices: the first of them counts"""
    UNKNOWN_KEY = "unknown_key"
    DST_WINDOW = "dst_window"
    """a window that begins or ends inside the hour that is doubled and missing once a year"""
    SEVERAL_ACTIVE = "several_active"
    """a connector lists more than one tariff of one type in force at once"""
    STEP_SIZE_ZERO = "step_size_zero"
    STEP_SIZE_ODD = "step_size_odd"
    """a step that is larger than an hour or a kilowatt-hour, as if it were in other units"""
    BOUNDS_EMPTY = "bounds_empty"
    """a maximum that is not above its minimum, or a last day not after the first"""
    VALIDITY_EMPTY = "validity_empty"
    """the tariff ends where it starts"""
    FREE_BESIDES_PRICED = "free_besides_priced"
    """a price of zero where another component of the same dimension has one"""
    FOREIGN_CURRENCY = "foreign_currency"
    """a currency that is not that of the country in which the tariff is offered"""


class LintSeverity(StrEnum):
    """How much a finding of the lint matters."""

    PRICE = "price"
    """a driver or an operator may be charged otherwise than the tariff's author meant"""
    HINT = "hint"
    """unusual, and harmless where it was meant so"""
