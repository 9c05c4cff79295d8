"""Rules about single records that cannot be true: times, signs, energy and power."""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import found, rule, sentence
from models.reconciliation.wording import instant, number
from models.types.vocabularies import Severity

_WIDE = pl.Decimal(38, 9)
"""Room for kWh times seconds times per cent, still exact."""


@rule("R04", "ends before it starts", Severity.BLOCK)
def ends_before_start(evidence: Evidence) -> pl.DataFrame:
    """The session ends at or before its start."""
    started, ended = instant(pl.col("started_at")), instant(pl.col("ended_at"))
    return found(
        evidence.claims.filter(pl.col("ended_at") <= pl.col("started_at")),
        message=sentence("ends at {}, which is not after its start at {}", ended, started),
        expected=sentence("an end after {}", started),
        actual=ended,
        stake=pl.col("claimed"),
    )


@rule("R05", "in the future", Severity.BLOCK)
def in_the_future(evidence: Evidence) -> pl.DataFrame:
    """The session starts or ends later than it was received, by more than the threshold (5 min).

    It is held against the instant of receipt and not of the run, so that judging again later gives the same verdict.
    """
    latest = pl.max_horizontal("started_at", "ended_at")
    received = instant(pl.col("received_at"))
    return found(
        evidence.claims.filter(latest - pl.col("received_at") > evidence.thresholds.future),
        message=sentence("reaches until {}, but was already received at {}", instant(latest), received),
        expected=sentence("an end before {}", received),
        actual=instant(latest),
        stake=pl.col("claimed"),
    )


@rule("R09", "negative amount", Severity.BLOCK)
def negative_amount(evidence: Evidence) -> pl.DataFrame:
    """Energy, time or cost is negative on a CDR that is not a credit."""
    columns = ("total_energy_kwh", "total_hours", "total_parking_hours", "total_cost_excl_vat", "total_cost_incl_vat")
    said = [pl.when(pl.col(name) < 0).then(sentence(f"{name} {{}}", number(pl.col(name)))) for name in columns]
    negatives = pl.concat_str(said, separator=", ", ignore_nulls=True)
    return found(
        evidence.claims.filter(pl.any_horizontal(pl.col(name) < 0 for name in columns)),
        message=sentence("is no credit, yet has negative values: {}", negatives),
        expected=pl.lit("0 or more"),
        actual=negatives,
        stake=pl.col("claimed").abs(),
    )


@rule("R10", "energy above the connector's power", Severity.BLOCK, Severity.REVIEW)
def energy_above_power(evidence: Evidence) -> pl.DataFrame:
    """More energy than the connector's power could deliver in the time: block above 105 %, review above 100 %.

    Abstains where the connector's power is unknown. Compared without a division: kWh x 3600 x 100 against
    kW x seconds x per cent.
    """
    seconds = (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds(fractional=False)
    delivered = pl.col("total_energy_kwh").cast(_WIDE) * 360_000
    possible = pl.col("connector_power_kw").cast(_WIDE) * seconds
    is_blocked = delivered > possible * evidence.thresholds.power_block_pct
    energy, power = number(pl.col("total_energy_kwh")), number(pl.col("connector_power_kw"))
    limit = sentence("{} kW over {} s", power, seconds)
    return found(
        evidence.claims.filter((seconds > 0) & (delivered > possible * evidence.thresholds.power_review_pct)),
        message=sentence("{} kWh is more than the connector can deliver with {}", energy, limit),
        expected=sentence("at most {}", limit),
        actual=sentence("{} kWh", energy),
        stake=pl.col("claimed"),
        severity=pl.when(is_blocked).then(pl.lit(str(Severity.BLOCK))).otherwise(pl.lit(str(Severity.REVIEW))),
    )


@rule("R11", "periods do not add up", Severity.REVIEW)
def periods_do_not_add_up(evidence: Evidence) -> pl.DataFrame:
    """The energy of the charging periods differs from the total by more than the threshold (0.01 kWh)."""
    energy = pl.col("energy_kwh").cast(_WIDE)
    sums = evidence.periods.filter(energy.is_not_null()).group_by("cdr_key").agg(energy.sum().alias("period_energy"))
    compared = evidence.claims.join(sums, on="cdr_key", how="inner", validate="1:1")
    difference = (pl.col("period_energy") - pl.col("total_energy_kwh").cast(_WIDE)).abs()
    total, summed = number(pl.col("total_energy_kwh")), number(pl.col("period_energy"))
    return found(
        compared.filter(difference > evidence.thresholds.period_energy_kwh),
        message=sentence("the periods add up to {} kWh, the total says {} kWh", summed, total),
        expected=sentence("{} kWh", summed),
        actual=sentence("{} kWh", total),
        severity=Severity.REVIEW,
    )
