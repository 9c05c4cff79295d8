"""Signals about how much: a day with far more energy or cost than the token's own days before the window.

Percentiles are by nearest rank, so that a bound is a figure that really occurred, exact to its last digit; one wild day
among the days before does not move it, as it would a mean.
"""

from typing import Final

import polars as pl

from models.reconciliation.token_risk.activity import Activity
from models.reconciliation.token_risk.signal import occurrences, signal
from models.reconciliation.wording import number, sentence

_SUM: Final = pl.Decimal(38, 9)
_BILLED: Final = pl.Decimal(18, 2)
_WHOLE: Final = 100


def _too_young(activity: Activity) -> pl.DataFrame:
    """Give the tokens with too few days before the window to know what is usual."""
    days = activity.sessions.with_columns(pl.col("started_at").dt.date().alias("day"))
    counted = days.group_by("token").agg(
        pl.col("day").filter(~pl.col("is_judged")).n_unique().alias("before"), pl.col("is_judged").any()
    )
    young = counted.filter(pl.col("is_judged") & (pl.col("before") < activity.limits.spike_history_days))
    text = f"{{}} of {activity.limits.spike_history_days} days of history: spikes are not looked at"
    return young.sort("token").select("token", pl.format(text, "before").alias("reason"))


@signal(
    "T06", "energy spike", 15, "spike_kwh", "spike_pct", "spike_percentile", "spike_history_days", abstain=_too_young
)
def energy_spike(activity: Activity) -> pl.DataFrame:
    """A day's energy is over 100 kWh and three times what nine of ten days of the token stay below."""
    return _spike(activity, "energy_kwh", (), activity.limits.spike_kwh, pl.lit("kWh"))


@signal(
    "T07", "cost spike", 15, "spike_amount", "spike_pct", "spike_percentile", "spike_history_days", abstain=_too_young
)
def cost_spike(activity: Activity) -> pl.DataFrame:
    """A day's cost in one currency is over 60 and three times what nine of ten days of the token stay below."""
    return _spike(activity, "amount", ("currency",), activity.limits.spike_amount, pl.col("currency"))


def _spike(activity: Activity, what: str, within: tuple[str, ...], least: int, unit: pl.Expr) -> pl.DataFrame:
    days = _days(activity, what, within)
    usual = _usual(activity, days.filter(~pl.col("is_judged")), within)
    judged = days.filter("is_judged").join(usual, on=("token", *within), how="inner", validate="m:1")
    bound = pl.col("usual") * pl.lit(activity.limits.spike_pct).cast(_SUM)
    is_spike = (pl.col("total") > pl.lit(least).cast(_SUM)) & (pl.col("total") * pl.lit(_WHOLE).cast(_SUM) > bound)
    money = {"amount": pl.col("total"), "currency": pl.col("currency")} if within else {}
    return occurrences(
        activity.with_keys(judged.filter(is_spike)),
        badness=pl.col("total"),
        message=sentence(
            "{} {} on {}; {} of 100 of its days before stay at or below {}",
            _written("total", within),
            unit,
            "day",
            pl.lit(activity.limits.spike_percentile),
            _written("usual", within),
        ),
        measured=pl.col("total"),
        permitted=pl.col("usual"),
        unit=unit,
        **money,
    )


def _written(name: str, within: tuple[str, ...]) -> pl.Expr:
    """Write a sum: money with its cents, energy without the zeros of its scale."""
    return pl.col(name).cast(_BILLED).cast(pl.String) if within else number(pl.col(name))


def _days(activity: Activity, what: str, within: tuple[str, ...]) -> pl.DataFrame:
    """Sum up the days (UTC) of each token: `total`, with the day's first session as the use that shows it."""
    known = activity.sessions.drop_nulls((what, *within)).with_columns(pl.col("started_at").dt.date().alias("day"))
    grouped = known.group_by("token", *within, "day", "is_judged", maintain_order=True)
    return grouped.agg(pl.col(what).cast(_SUM).sum().alias("total"), pl.col("use", "started_at").first())


def _usual(activity: Activity, before: pl.DataFrame, within: tuple[str, ...]) -> pl.DataFrame:
    """Give the percentile of the days before by nearest rank, of tokens with enough of them (`usual`)."""
    limits = activity.limits
    rank = (pl.len() * limits.spike_percentile + (_WHOLE - 1)) // _WHOLE - 1
    grouped = before.group_by("token", *within).agg(pl.col("total").sort().get(rank).alias("usual"), pl.len())
    return grouped.filter(pl.col("len") >= limits.spike_history_days).drop("len")
