"""Rules about single records that cannot be true: times, signs, energy and power."""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import KWH, SECONDS, found, needs_column, rule, sentence, worse
from models.reconciliation.wording import instant, number
from models.types.vocabularies import Severity

WIDE = pl.Decimal(38, 9)
"""Room for kWh times seconds times per cent, still exact."""
_DC = "DC"


def seconds_charged() -> pl.Expr:
    """Give the whole seconds from start to end."""
    return (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds()


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
        measured=seconds_charged(),
        permitted=pl.lit(0),
        unit=SECONDS,
    )


@rule("R05", "in the future", Severity.BLOCK)
def in_the_future(evidence: Evidence) -> pl.DataFrame:
    """The session starts or ends later than it was received, by more than the threshold (5 min).

    It is held against the instant of receipt and not of the run, so that judging again later gives the same verdict.
    """
    latest = pl.max_horizontal("started_at", "ended_at")
    ahead = latest - pl.col("received_at")
    received = instant(pl.col("received_at"))
    return found(
        evidence.claims.filter(ahead > evidence.limits.seconds("future_seconds")),
        message=sentence("reaches until {}, but was already received at {}", instant(latest), received),
        expected=sentence("an end before {}", received),
        actual=instant(latest),
        stake=pl.col("claimed"),
        measured=ahead.dt.total_seconds(),
        permitted=evidence.limits.expr("future_seconds"),
        unit=SECONDS,
    )


@rule(
    "R06",
    "too long",
    Severity.REVIEW,
    needs=(needs_column("neither the CDR nor its connector says whether it is AC or DC", "power_type"),),
)
def too_long(evidence: Evidence) -> pl.DataFrame:
    """The session lasts longer than the threshold (24 h at an AC connector, 6 h at a DC one)."""
    is_dc = pl.col("power_type").str.to_uppercase().str.starts_with(_DC)
    most = pl.when(is_dc).then(evidence.limits.expr("dc_hours")).otherwise(evidence.limits.expr("ac_hours"))
    seconds = seconds_charged()
    broken = evidence.claims.filter(pl.col("power_type").is_not_null() & (seconds > most * 3600))
    return found(
        broken,
        message=sentence("lasts {} s at a connector of type {}: more than {} h", seconds, "power_type", most),
        expected=sentence("at most {} h", most),
        actual=sentence("{} s", seconds),
        stake=pl.col("claimed"),
        severity=Severity.REVIEW,
        measured=seconds,
        permitted=most * 3600,
        unit=SECONDS,
    )


@rule("R07", "too short or too little to be billed", Severity.REJECT)
def too_small_to_bill(evidence: Evidence) -> pl.DataFrame:
    """Less than 2 minutes or less than 0.2 kWh, and yet it costs something (not billed by the eViolin standards).

    Reservations are left alone: an expired one has no energy and may cost.
    """
    reserved = evidence.periods.filter(pl.col("reservation_hours") > 0).get_column("cdr_key").unique()
    seconds, energy = seconds_charged(), pl.col("total_energy_kwh")
    is_short = seconds < evidence.limits.expr("least_seconds")
    is_little = energy < evidence.limits.expr("least_kwh")
    is_charge = (seconds > 0) & (energy >= 0) & ~pl.col("cdr_key").is_in(reserved.implode())
    broken = evidence.claims.filter(is_charge & (pl.col("claimed") > 0) & (is_short | is_little))
    least = (evidence.limits.expr("least_seconds"), number(evidence.limits.expr("least_kwh")))
    return found(
        broken,
        message=sentence(
            "{} s and {} kWh are not billed: claims {} {}", seconds, number(energy), "claimed", "currency"
        ),
        expected=sentence("no cost below {} s or {} kWh", *least),
        actual=sentence("{} {}", "claimed", "currency"),
        stake=pl.col("claimed"),
        severity=Severity.REJECT,
        measured=pl.when(is_little).then(energy).otherwise(seconds.cast(energy_type())),
        permitted=pl.when(is_little).then(evidence.limits.expr("least_kwh")).otherwise(least[0].cast(energy_type())),
        unit=pl.when(is_little).then(pl.lit(KWH)).otherwise(pl.lit(SECONDS)),
    )


def energy_type() -> pl.DataType:
    """Give the type of a volume, so that seconds and kWh can stand in one column."""
    return pl.Decimal(18, 9)


@rule("R08", "no energy, yet a cost", Severity.REVIEW)
def no_energy_yet_a_cost(evidence: Evidence) -> pl.DataFrame:
    """No energy at all was delivered, and yet the session costs something."""
    return found(
        evidence.claims.filter((pl.col("total_energy_kwh") == 0) & (pl.col("claimed") > 0)),
        message=sentence("claims {} {} for 0 kWh", "claimed", "currency"),
        expected=pl.lit("energy, or no cost"),
        actual=pl.lit("0 kWh"),
        stake=pl.col("claimed"),
        severity=Severity.REVIEW,
        measured=pl.lit(0),
        unit=KWH,
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
        measured=pl.min_horizontal(columns),
        permitted=pl.lit(0),
    )


@rule(
    "R10",
    "energy above the connector's power",
    Severity.BLOCK,
    Severity.REVIEW,
    needs=(needs_column("the power of the connector is not known", "connector_power_kw"),),
)
def energy_above_power(evidence: Evidence) -> pl.DataFrame:
    """More energy than the connector's power could deliver in the time: block above 105 %, review above 100 %.

    Compared without a division: kWh x 3600 x 100 against kW x seconds x per cent.
    """
    seconds = seconds_charged()
    delivered = pl.col("total_energy_kwh").cast(WIDE) * 360_000
    possible = pl.col("connector_power_kw").cast(WIDE) * seconds
    is_blocked = delivered > possible * evidence.limits.expr("power_block_pct")
    energy, power = number(pl.col("total_energy_kwh")), number(pl.col("connector_power_kw"))
    limit = sentence("{} kW over {} s", power, seconds)
    return found(
        evidence.claims.filter((seconds > 0) & (delivered > possible * evidence.limits.expr("power_review_pct"))),
        message=sentence("{} kWh is more than the connector can deliver with {}", energy, limit),
        expected=sentence("at most {}", limit),
        actual=sentence("{} kWh", energy),
        stake=pl.col("claimed"),
        severity=worse(is_blocked, Severity.BLOCK, Severity.REVIEW),
        measured=pl.col("total_energy_kwh"),
        unit=KWH,
    )
