"""Rules about when records come: too late, or never."""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import Subject, found, rule, sentence, worse
from models.reconciliation.wording import instant
from models.types.vocabularies import Severity


@rule("R30", "late", Severity.REJECT, Severity.REVIEW)
def late(evidence: Evidence) -> pl.DataFrame:
    """The CPO wrote the CDR more than 10 days after the session ended; more than 90 days, and it is refused.

    What counts is its `last_updated`, which OCPI makes the instant of creation, and not when we happened to pull it.
    """
    waited = pl.col("last_updated_at") - pl.col("ended_at")
    is_refused = waited > evidence.limits.days("refused_days")
    days = waited.dt.total_days()
    most = pl.when(is_refused).then(evidence.limits.expr("refused_days")).otherwise(evidence.limits.expr("late_days"))
    return found(
        evidence.claims.filter(waited > evidence.limits.days("late_days")),
        message=sentence("was written on {}, {} days after its end", instant(pl.col("last_updated_at")), days),
        expected=sentence("within {} days", most),
        actual=sentence("{} days", days),
        stake=pl.col("claimed"),
        severity=worse(is_refused, Severity.REJECT, Severity.REVIEW),
        measured=days,
        permitted=most,
        unit="days",
    )


@rule("R31", "session without a CDR", Severity.REVIEW, subject=Subject.SESSIONS)
def session_without_cdr(evidence: Evidence) -> pl.DataFrame:
    """A finished session, or an authorization without a session, has no CDR 7 days after it.

    There is no CDR to hold: what is missing stands in `matched/expected_cdrs`, accrued and to be chased.
    """
    return found(evidence.claims.clear(), message=pl.lit(""), severity=Severity.REVIEW)
