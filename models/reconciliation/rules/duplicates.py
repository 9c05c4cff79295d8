"""Rules about sessions that are claimed twice. Only the copy is found; the original is a good claim."""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import SECONDS, found, rule, sentence, worse
from models.reconciliation.wording import instant
from models.types.vocabularies import Severity


@rule("R01", "changed under the same id", Severity.BLOCK)
def changed_under_the_same_id(evidence: Evidence) -> pl.DataFrame:
    """The CPO sent a second body under the id of this CDR. CDRs are immutable: which of the two holds, it must say."""
    changed = evidence.claims.filter(pl.col("cdr_key").is_in(evidence.around.changed_keys.implode()))
    return found(
        changed,
        message=sentence("the CPO sent CDR {} again with other content; the first body stands here", "cdr_id"),
        expected=pl.lit("one body per id, and a credit CDR where it was wrong"),
        actual=pl.lit("a second body under the same id"),
        stake=pl.col("claimed"),
    )


@rule("R02", "session claimed twice", Severity.REJECT, Severity.BLOCK)
def session_twice(evidence: Evidence) -> pl.DataFrame:
    """A session id of a CPO stands in two CDRs, and no credit CDR takes the first one back.

    A proven duplicate, with the same start, end, energy and total, is rejected; one that differs is held.
    """
    broken = evidence.claims.join(evidence.copies_by_session, on="cdr_key", how="inner", validate="1:1")
    return found(
        broken,
        message=sentence("session {} was already claimed by CDR {}", "session_id", "original_key"),
        expected=pl.lit("one CDR per session"),
        actual=sentence("a second one after {}", "original_key"),
        stake=pl.col("claimed"),
        severity=worse(pl.col("is_same_claim"), Severity.REJECT, Severity.BLOCK),
        other_cdr_key=pl.col("original_key"),
    )


@rule("R03", "duplicate under a new id", Severity.BLOCK)
def duplicate_under_new_id(evidence: Evidence) -> pl.DataFrame:
    """Another CDR has the same token and EVSE, starts within the threshold (60 s) of this one and overlaps it."""
    broken = evidence.claims.join(evidence.copies_by_start, on="cdr_key", how="inner", validate="1:1")
    return found(
        broken,
        message=sentence(
            "starts at {} with the same token at the same EVSE {} as CDR {}, which starts at {}",
            instant(pl.col("started_at")),
            "evse_uid",
            "original_key",
            instant(pl.col("original_started_at")),
        ),
        expected=pl.lit("one CDR per session"),
        actual=sentence("a copy of {}", "original_key"),
        stake=pl.col("claimed"),
        other_cdr_key=pl.col("original_key"),
        seconds_between=(pl.col("started_at") - pl.col("original_started_at")).dt.total_seconds(),
        permitted=evidence.limits.expr("duplicate_start_seconds"),
        unit=SECONDS,
    )
