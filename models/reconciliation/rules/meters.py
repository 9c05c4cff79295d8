"""Rules about signed meter values: are they there, and does the meter run forward?"""

import polars as pl

from models.reconciliation.copies import standing
from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import KWH, Need, found, rule, sentence
from models.reconciliation.wording import number
from models.types.vocabularies import Severity


def _keys(evidence: Evidence, of: pl.Expr) -> pl.Expr:
    """Tell which CDRs are among the meters that are like this."""
    return pl.col("cdr_key").is_in(evidence.around.meters.filter(of).get_column("cdr_key").unique().implode())


def _no_reading(evidence: Evidence) -> pl.Expr:
    return ~_keys(evidence, pl.col("start_kwh").is_not_null() | pl.col("end_kwh").is_not_null())


def _required(evidence: Evidence) -> pl.Expr:
    return evidence.limits.expr("requires_signed_data") > 0


def _cannot_have_any(evidence: Evidence) -> pl.Expr:
    return _required(evidence) & _keys(evidence, pl.col("has_signed_values").is_null())


@rule("R13", "meter runs backwards", Severity.REVIEW, needs=(Need("the CDR carries no meter reading", _no_reading),))
def meter_runs_backwards(evidence: Evidence) -> pl.DataFrame:
    """The meter at the start stands below where the CDR before it on the same EVSE left it (0.01 kWh)."""
    meters = evidence.around.meters
    if meters.is_empty():
        return found(evidence.claims.clear(), message=pl.lit(""))
    place = ("cpo_id", "location_id", "evse_uid")
    told = meters.drop("has_signed_values").filter(pl.col("start_kwh").is_not_null() | pl.col("end_kwh").is_not_null())
    read = evidence.cdrs.join(told, on="cdr_key", how="inner", validate="1:1").pipe(standing)
    ordered = read.filter(~pl.col("cdr_key").is_in(evidence.copies.implode())).sort(*place, "started_at", "cdr_key")
    before = ordered.select(
        "cdr_key",
        "start_kwh",
        pl.col("cdr_key").shift(1).over(place).alias("other_key"),
        pl.col("end_kwh").shift(1).over(place).alias("before_kwh"),
    )
    back = pl.col("before_kwh") - pl.col("start_kwh")
    broken = evidence.claims.join(before, on="cdr_key", how="inner", validate="1:1")
    start, left = number(pl.col("start_kwh")), number(pl.col("before_kwh"))
    return found(
        broken.filter(back > evidence.limits.expr("meter_regress_kwh")),
        message=sentence("the meter starts at {} kWh, CDR {} left it at {} kWh", start, "other_key", left),
        expected=sentence("{} kWh or more", left),
        actual=sentence("{} kWh", start),
        severity=Severity.REVIEW,
        other_cdr_key=pl.col("other_key"),
        measured=pl.col("start_kwh"),
        permitted=pl.col("before_kwh"),
        unit=KWH,
    )


@rule(
    "R36",
    "signed meter values missing",
    Severity.REVIEW,
    needs=(Need("the agreement asks for signed meter values, and OCPI 2.1.1 has no place for them", _cannot_have_any),),
)
def signed_values_missing(evidence: Evidence) -> pl.DataFrame:
    """The agreement asks for signed meter values (`requires_signed_data`), and the CDR carries none."""
    return found(
        evidence.claims.filter(_required(evidence) & ~_keys(evidence, pl.lit(value=True))),
        message=sentence("the agreement with {} asks for signed meter values, and the CDR has none", "cpo_id"),
        expected=pl.lit("signed meter values"),
        actual=pl.lit("none"),
        stake=pl.col("claimed"),
        severity=Severity.REVIEW,
    )
