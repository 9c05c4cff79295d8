"""Rules about charging periods: do they add up to the session, and do they say what the price needs?"""

import polars as pl

from models.rating.outcome import Note
from models.reconciliation.evidence import Evidence
from models.reconciliation.prices import WITHOUT_VAT
from models.reconciliation.rules.plausibility import WIDE, seconds_charged
from models.reconciliation.rules.rule import KWH, SECONDS, Need, found, rule, sentence
from models.reconciliation.wording import instant, number
from models.types.vocabularies import Severity


def _no_energy_said(_: Evidence) -> pl.Expr:
    return pl.col("energy").is_null()


@rule(
    "R11",
    "periods do not add up",
    Severity.REVIEW,
    needs=(Need("no charging period says its energy", _no_energy_said),),
)
def periods_do_not_add_up(evidence: Evidence) -> pl.DataFrame:
    """The energy of the charging periods differs from the total by more than the threshold (0.01 kWh)."""
    difference = (pl.col("energy").cast(WIDE) - pl.col("total_energy_kwh").cast(WIDE)).abs()
    total, summed = number(pl.col("total_energy_kwh")), number(pl.col("energy"))
    return found(
        evidence.claims.filter(difference > evidence.limits.expr("period_energy_kwh")),
        message=sentence("the periods add up to {} kWh, the total says {} kWh", summed, total),
        expected=sentence("{} kWh", summed),
        actual=sentence("{} kWh", total),
        severity=Severity.REVIEW,
        measured=difference,
        permitted=evidence.limits.expr("period_energy_kwh"),
        unit=KWH,
    )


@rule("R12", "periods out of place", Severity.REVIEW)
def periods_out_of_place(evidence: Evidence) -> pl.DataFrame:
    """Charging periods are listed out of order, lie outside of the session, begin after it, or leave time untold.

    Time counts as untold or told twice where the hours of the periods differ from the session by more than the
    threshold (60 s), and every period says hours.
    """
    claims = evidence.claims.filter(pl.col("ended_at") > pl.col("started_at"))
    gap = (seconds_charged() - pl.col("told_seconds")).abs()
    late_seconds = (pl.col("first_at") - pl.col("started_at")).dt.total_seconds()
    near = evidence.limits.expr("period_gap_seconds")
    outside = (pl.col("first_at") < pl.col("started_at")) | (pl.col("last_at") >= pl.col("ended_at"))
    fault = (
        pl.when("has_unordered_periods")
        .then(pl.lit("periods are not in the order of time"))
        .when(outside)
        .then(sentence("a period begins outside of the session: from {}", instant(pl.col("first_at"))))
        .when(late_seconds > near)
        .then(sentence("the first period begins {} s after the session", late_seconds))
        .when(gap > near)
        .then(sentence("the periods tell {} s of {} s", "told_seconds", seconds_charged()))
    )
    return found(
        claims.filter(fault.is_not_null()).with_columns(fault.alias("fault")),
        message=pl.col("fault"),
        expected=pl.lit("periods in order that cover the session"),
        actual=pl.col("fault"),
        severity=Severity.REVIEW,
        measured=gap,
        permitted=near,
        unit=SECONDS,
    )


def _unpriced() -> Need:
    return Need("the session could not be priced", lambda _: ~pl.col("is_priced"))


@rule("R25", "a period spans a price change", Severity.REVIEW, needs=(_unpriced(),))
def period_spans_price_change(evidence: Evidence) -> pl.DataFrame:
    """A price changes inside a charging period, which the CPO should have cut there; the price is an interval."""
    return _open_price(evidence, Note.PERIOD_SPANS_PRICE_CHANGE, "a price changes inside a charging period")


@rule("R27", "doubled hour", Severity.REVIEW, needs=(_unpriced(),))
def doubled_hour(evidence: Evidence) -> pl.DataFrame:
    """The price depends on which of two doubled hours is meant, in the night in which clocks are set back."""
    return _open_price(evidence, Note.AMBIGUOUS_HOUR, "a local time came twice that night")


def _open_price(evidence: Evidence, note: Note, why: str) -> pl.DataFrame:
    """Find what rating noted, with the interval that holds the price and how wide it is."""
    noted = evidence.claims.filter(pl.col("price_notes").list.contains(str(note)).fill_null(False))
    interval = sentence("{} to {} {}", "price_low", "price_high", "currency")
    return found(
        noted,
        message=sentence("{}: the price lies between {}, claimed {}", pl.lit(why), interval, "claimed_price"),
        expected=interval,
        actual=sentence("{} {}", "claimed_price", "currency"),
        stake=pl.when(pl.col("price_basis") == WITHOUT_VAT).then(pl.col("price_high") - pl.col("price_low")),
        severity=Severity.REVIEW,
        measured=pl.col("claimed_price"),
        permitted=pl.col("price_high"),
        unit=pl.col("currency"),
    )
