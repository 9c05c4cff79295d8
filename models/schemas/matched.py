"""Contracts of the layer `matched`: each record held against its partners, and what becomes of each CDR."""

from models.schemas.columns import Billed, Contract, Day, Instant, Text, TextList, Volume, Whole, key, one_of, optional
from models.types.vocabularies import MatchKind, MatchOutcome, RecordKind, Severity, TokenAction, Verdict


class Matches(Contract):
    """One row per CDR (`cdr_key`): the authorization and the session it belongs to, or none."""

    cdr_key: Text = key()
    match_kind: Text = one_of(MatchKind)
    authorization_id: Text = optional()
    seconds_from_authorization: Whole = optional()
    """session start minus authorization"""
    reason: Text = optional()
    """why there is no match, in a sentence"""
    session_key: Text = optional()
    session_match_kind: Text = one_of(MatchKind)
    session_reason: Text = optional()
    """why there is no session, in a sentence"""
    billing_month: Day


class RecordOutcomes(Contract):
    """One row per record of the four-way match (`record_kind`, `record_key`): its partner, or why it has none.

    The key is the authorization's id, the session's key, the CDR's key, or the id of the tariff's version.
    """

    record_kind: Text = one_of(RecordKind)
    record_key: Text = key()
    outcome: Text = one_of(MatchOutcome)
    cdr_key: Text = optional()
    """the CDR of an authorization or a session, the first CDR that a tariff's version priced, and of a CDR itself"""
    authorization_id: Text = optional()
    session_key: Text = optional()
    reason: Text = optional()
    billing_month: Day


class ExpectedCdrs(Contract):
    """One row per session, or authorization without one, whose CDR never came (`record_kind`, `record_key`)."""

    record_kind: Text = one_of(RecordKind)
    record_key: Text = key()
    cpo_id: Text = optional()
    token_uid: Text = optional()
    contract_id: Text = optional()
    location_id: Text = optional()
    evse_uid: Text = optional()
    started_at: Instant
    """of the session, or when it was authorized"""
    ended_at: Instant = optional()
    energy_kwh: Volume = optional()
    due_at: Instant
    """when the CDR should have been there, by the agreement's threshold"""
    estimated_excl_vat: Billed = optional()
    """to be accrued: the session's energy and time at the connector's tariff; null where that cannot be priced"""
    currency: Text = optional()
    estimate_reason: Text = optional()
    """why there is no estimate"""
    billing_month: Day


class Findings(Contract):
    """One row per rule that a CDR breaks (`cdr_key`, `rule_id`)."""

    cdr_key: Text = key()
    rule_id: Text = key()
    """R01-R38 of the rule catalogue"""
    rule_name: Text = key()
    severity: Text = one_of(Severity)
    message: Text = key()
    """one sentence with the numbers: what was expected, what was found"""
    expected: Text = optional()
    found: Text = optional()
    other_cdr_key: Text = optional()
    """the CDR that this one is held against"""
    measured: Volume = optional()
    """the figure that broke the rule, in `unit`"""
    permitted: Volume = optional()
    """the bound that it broke: a threshold, or what was to be expected"""
    unit: Text = optional()
    distance_km: Volume = optional()
    seconds_between: Whole = optional()
    energy_difference: Billed = optional()
    """claimed minus recomputed sub-total, excl. VAT, rounded once; null where either is unknown"""
    time_difference: Billed = optional()
    parking_difference: Billed = optional()
    fixed_difference: Billed = optional()
    reservation_difference: Billed = optional()
    causes: TextList
    """explanations that give the claimed price to the cent; several are alternatives, none means not explained"""
    amount_at_stake: Billed = optional()
    """excl. VAT, in `currency`; null where the rule puts no figure on it"""
    currency: Text = key()
    billing_month: Day


class NotChecked(Contract):
    """One row per CDR and rule that could not look at it (`cdr_key`, `rule_id`): neither passed nor broken."""

    cdr_key: Text = key()
    rule_id: Text = key()
    reason: Text = key()
    billing_month: Day


class Verdicts(Contract):
    """One row per CDR (`cdr_key`): accept, hold or reject, with both prices side by side."""

    cdr_key: Text = key()
    cpo_id: Text = key()
    verdict: Text = one_of(Verdict)
    rule_ids: TextList
    currency: Text = key()
    claimed_excl_vat: Volume = optional()
    """total_cost of the CDR as received"""
    recomputed_excl_vat: Billed = optional()
    """our price, rounded once; null where it could not be priced"""
    difference_excl_vat: Billed = optional()
    """claimed (rounded) minus recomputed"""
    billing_month: Day


class TokenSignals(Contract):
    """One row per token and signal of misuse that its use in a month gave (`token_uid`, `token_type`, `signal_id`)."""

    token_uid: Text = key()
    token_type: Text = key()
    signal_id: Text = key()
    """T01-T09 of the catalogue of signals"""
    signal_name: Text = key()
    points: Whole
    """what it adds to the token's score"""
    occurrences: Whole
    """how often in the month; the evidence is that of the worst"""
    message: Text = key()
    """one sentence with the numbers of the worst occurrence"""
    first_at: Instant
    last_at: Instant
    use_key: Text = key()
    """the session (CDR or session key) or the authorization that showed it"""
    other_key: Text = optional()
    """the use that it is held against"""
    measured: Volume = optional()
    permitted: Volume = optional()
    unit: Text = optional()
    distance_km: Volume = optional()
    seconds_between: Whole = optional()
    amount: Billed = optional()
    """money concerned, in `currency`"""
    currency: Text = optional()
    billing_month: Day


class TokenRisks(Contract):
    """One row per token that was used in a month (`token_uid`, `token_type`): its score, why, and what to do."""

    token_uid: Text = key()
    token_type: Text = key()
    contract_id: Text = optional()
    score: Whole
    """the sum of the points of its signals, at most 100"""
    signal_ids: TextList
    reasons: TextList
    """one sentence per signal, in the order of `signal_ids`"""
    not_checked: TextList
    """what could not be looked at, and why: neither passed nor found"""
    recommended_action: Text = one_of(TokenAction)
    sessions: Whole
    authorizations: Whole
    energy_kwh: Volume
    last_used_at: Instant
    billing_month: Day
