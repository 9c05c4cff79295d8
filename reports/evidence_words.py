"""What the codes of an evidence pack read like on its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.reconciliation.causes import Cause
from models.reconciliation.packs.pack import Case
from models.types.vocabularies import CaseStatus, MatchKind, Severity, Verdict

PARTS: Final[Mapping[str, str]] = {"time": "charging time", "parking": "parking time", "fixed": "fixed fees"}
"""of a price; a part that is not listed is called as it is"""

SEVERITIES: Final[Mapping[Severity, str]] = {
    Severity.REJECT: "nothing is owed",
    Severity.BLOCK: "payment is held",
    Severity.REVIEW: "to be looked at",
    Severity.INFO: "for information",
}
_VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.HOLD: "Held: payment awaits your answer",
    Verdict.REJECT: "Rejected: by agreement nothing is owed",
    Verdict.ACCEPT: "Accepted: no longer in dispute",
}
_STATES: Final[Mapping[CaseStatus, str]] = {
    CaseStatus.ACCEPTED: "accepted by you",
    CaseStatus.REFUSED: "refused by you",
    CaseStatus.CREDITED: "credited by you",
    CaseStatus.REPLACED: "replaced by another CDR of yours",
    CaseStatus.WITHDRAWN: "withdrawn by us",
    CaseStatus.WRITTEN_OFF: "not pursued any further, and paid",
    CaseStatus.PAID_UNDER_PROTEST: "paid under protest",
    CaseStatus.EXPIRED: "no answer in time, the disputed part is not paid",
}
"""as a CPO reads them; other states are called as they are"""

MATCHES: Final[Mapping[MatchKind, str]] = {
    MatchKind.BY_REFERENCE: "by authorization_reference",
    MatchKind.BY_TOKEN_WINDOW_LOCATION: "by token, time and place",
    MatchKind.AMBIGUOUS: "by token, time and place; another one fitted as well",
    MatchKind.NONE: "none",
}
_CAUSES: Final[Mapping[str, str]] = {
    Cause.UTC_FOR_LOCAL: "UTC taken for local time",
    Cause.CLOCK_AHEAD: "a clock one hour ahead",
    Cause.CLOCK_BEHIND: "a clock one hour behind",
    Cause.STEP_PER_PERIOD: "every charging period rounded up to the step, and not the session once",
    Cause.STEP_IGNORED: "no rounding up to the step",
    Cause.FLAT_PER_PERIOD: "the fixed fee charged for every period",
    Cause.LIMITS_IGNORED: "neither min_price nor max_price applied",
    Cause.OTHER_VERSION: "a version of the tariff that was not in force at the start",
    Cause.OTHER_TARIFF: "another tariff of yours",
    Cause.OWN_TARIFF: "the tariff inside the CDR, which is not the published one",
    Cause.GROSS_AS_NET: "the amount with VAT in the place of the one without",
}


def headline(case: Case) -> str:
    """Say in one line where the claim stands: how the case ended, else what the rules say of the CDR."""
    if case.status is CaseStatus.ACCEPTED:
        return "Held: your credit is awaited"
    if case.status is None or case.is_live:
        return _VERDICTS[case.verdict]
    return f"Closed: {status_words(case)}"


def status_words(case: Case) -> str:
    """Say the state of the case."""
    if case.status is None:
        return "not opened yet"
    level = f", level {case.level}" if case.status is CaseStatus.ESCALATED else ""
    return _STATES.get(case.status, str(case.status)) + level


def severity_words(severity: Severity, case: Case) -> str:
    """Say what a finding does to the claim; nothing is held any more where the case is closed."""
    is_closed = case.status is not None and not case.is_live
    if is_closed and severity in {Severity.REJECT, Severity.BLOCK}:
        return "what was disputed"
    return SEVERITIES[severity]


def cause_words(cause: str) -> str:
    """Say what gives the claimed price to the cent; a choice of rating is told as it is named."""
    code, _, detail = cause.partition(" ")
    words = _CAUSES.get(code)
    if words is None:
        return f"the choice {cause}"
    return f"{words} ({detail})" if detail else words
