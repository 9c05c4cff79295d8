"""Rules about credit CDRs: each must take back exactly one CDR, once, and by what it claimed."""

import polars as pl

from models.reconciliation.copies import original_key
from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import Subject, found, rule, sentence
from models.reconciliation.wording import billed
from models.types.money import BILLED
from models.types.vocabularies import Severity

_WRITTEN = ("last_updated_at", "received_at", "cdr_key")


@rule("R32", "credit that does not fit", Severity.BLOCK, Severity.REVIEW, subject=Subject.CREDITS)
def credit_that_does_not_fit(evidence: Evidence) -> pl.DataFrame:
    """The credit names no CDR that we know, is not negative, or credits more than was claimed, alone or with others.

    Less than was claimed is a partial credit, which OCPI does not know and CPOs send: a review, and the rest stays
    claimed.
    """
    if evidence.credits.is_empty():
        return found(evidence.credits, message=pl.lit(""))
    told = evidence.credits.select("cdr_key").join(_held_against(evidence), on="cdr_key", how="inner", validate="1:1")
    too_much = pl.col("credited_so_far") > pl.col("original_claimed")
    fault = (
        pl.when(pl.col("original_claimed").is_null() & pl.col("is_orphan"))
        .then(sentence("credits {}, which was never received", "original_key"))
        .when(pl.col("claimed") > 0)
        .then(sentence("is a credit and yet claims {} {}", "claimed", "currency"))
        .when(too_much & pl.col("is_later"))
        .then(sentence("credits {} again: {} {} of {} so far", *_SUMS))
        .when(too_much)
        .then(sentence("credits {} with {} {} of {} claimed", *_SUMS))
        .when(pl.col("credited_so_far") < pl.col("original_claimed"))
        .then(sentence("credits {} in part: {} {} of {}", *_SUMS))
    )
    is_partial = (pl.col("credited_so_far") < pl.col("original_claimed")) & (pl.col("claimed") <= 0)
    severity = pl.when(is_partial.fill_null(False)).then(pl.lit(str(Severity.REVIEW)))
    return found(
        told.with_columns(fault.alias("fault")).drop_nulls("fault"),
        message=pl.col("fault"),
        expected=sentence("-{} {}", "original_claimed", "currency"),
        actual=sentence("{} {}", "claimed", "currency"),
        stake=pl.col("claimed").abs(),
        severity=severity.otherwise(pl.lit(str(Severity.BLOCK))),
        other_cdr_key=pl.col("original_key"),
        measured=pl.col("credited_so_far"),
        permitted=pl.col("original_claimed"),
        unit=pl.col("currency"),
    )


_SUMS = ("original_key", "credited_so_far", "currency", "original_claimed")


def _held_against(evidence: Evidence) -> pl.DataFrame:
    """Give every known credit with its original's claim, and what was credited of it up to and with this one."""
    columns = [
        "cdr_key",
        "cpo_id",
        "is_credit",
        "credit_reference_id",
        "currency",
        "total_cost_excl_vat",
        *_WRITTEN[:2],
    ]
    known = pl.concat([evidence.cdrs.select(columns), evidence.around.originals.select(columns)]).unique("cdr_key")
    amounts = known.with_columns(billed(pl.col("total_cost_excl_vat")).alias("claimed"), original_key())
    originals = amounts.filter(~pl.col("is_credit")).select(
        pl.col("cdr_key").alias("original_key"),
        pl.col("claimed").alias("original_claimed"),
        pl.lit(False).alias("is_orphan"),
    )
    given = amounts.filter("is_credit").join(originals, on="original_key", how="left", validate="m:1").sort(_WRITTEN)
    so_far = pl.col("claimed").abs().cum_sum().over("original_key").cast(BILLED)
    return given.with_columns(
        pl.col("is_orphan").fill_null(True),
        pl.when(pl.col("original_key").is_not_null()).then(so_far).alias("credited_so_far"),
        (pl.int_range(pl.len()).over("original_key") > 0).alias("is_later"),
    )


@rule("R33", "credit without replacement", Severity.INFO, subject=Subject.CREDITS)
def credit_without_replacement(evidence: Evidence) -> pl.DataFrame:
    """Nothing replaces what the credit took back, 14 days after it: no standing CDR has its session id.

    An information only, because a session may be given away for good.
    """
    if evidence.credits.is_empty():
        return found(evidence.credits, message=pl.lit(""))
    claims = evidence.cdrs.filter(~pl.col("is_credit") & ~pl.col("is_credited"))
    session = pl.format("{}*{}", "cpo_id", "session_id").str.to_uppercase()
    replaced = claims.select(session.alias("session")).to_series().drop_nulls().unique()
    waited = pl.lit(evidence.known_until, pl.Datetime("us", "UTC")) - pl.col("last_updated_at")
    is_due = waited > evidence.limits.days("replacement_days")
    alone = evidence.credits.filter(is_due & ~session.is_in(replaced.implode()).fill_null(False))
    return found(
        alone,
        message=sentence("takes {} back, and no CDR of session {} came since", "credit_reference_id", "session_id"),
        expected=pl.lit("a CDR that replaces it"),
        actual=pl.lit("none"),
        stake=pl.col("claimed").abs(),
        severity=Severity.INFO,
        measured=waited.dt.total_days(),
        permitted=evidence.limits.expr("replacement_days"),
        unit="days",
    )
