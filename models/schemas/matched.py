"""Contracts of the layer `matched`: each CDR held against what the eMSP authorized, and what becomes of it."""

from models.schemas.columns import Billed, Contract, Day, Text, TextList, Volume, Whole, key, one_of, optional
from models.types.vocabularies import MatchKind, Severity, Verdict


class Matches(Contract):
    """One row per CDR (`cdr_key`): the authorization it belongs to, or none."""

    cdr_key: Text = key()
    match_kind: Text = one_of(MatchKind)
    authorization_id: Text = optional()
    seconds_from_authorization: Whole = optional()
    """session start minus authorization"""
    reason: Text = optional()
    """why there is no match, in a sentence"""
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
    amount_at_stake: Billed = optional()
    """excl. VAT, in `currency`; null where the rule puts no figure on it"""
    currency: Text = key()
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
