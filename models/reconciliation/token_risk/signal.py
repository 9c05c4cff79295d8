"""What a signal is: one suspicion about the use of a token, as a small function from activity to occurrences.

A signal looks at `Activity` and gives one row per occurrence; `told` keeps the worst of each token as its evidence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import polars as pl

from models.reconciliation.token_risk.activity import Activity

OCCURRENCES: Final = {
    "token": pl.UInt32(),
    "use_key": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "message": pl.String(),
    "other_key": pl.String(),
    "measured": pl.Decimal(18, 9),
    "permitted": pl.Decimal(18, 9),
    "unit": pl.String(),
    "distance_km": pl.Decimal(18, 9),
    "seconds_between": pl.Int64(),
    "amount": pl.Decimal(18, 2),
    "currency": pl.String(),
    "badness": pl.Decimal(38, 9),
}
"""columns of what a signal finds; the largest `badness` is the worst of its token"""

Find: TypeAlias = Callable[[Activity], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of the catalogue; `find` gives `OCCURRENCES`, `abstain` (`token`, `reason`) of what it cannot see."""

    signal_id: str
    name: str
    points: int
    """what it adds to a token's score, once however often it occurs"""
    thresholds: tuple[str, ...]
    description: str
    find: Find
    abstain: Find | None = None


def signal(
    signal_id: str, name: str, points: int, *thresholds: str, abstain: Find | None = None
) -> Callable[[Find], Signal]:
    """Make a signal of a function; its docstring is what the catalogue says."""

    def make(find: Find) -> Signal:
        return Signal(signal_id, name, points, thresholds, (find.__doc__ or "").strip(), find, abstain)

    return make


def occurrences(found: pl.DataFrame, *, badness: pl.Expr, **evidence: pl.Expr) -> pl.DataFrame:
    """Give a signal's rows in the shape of `OCCURRENCES`; evidence that it has not is null.

    Args:
        found: `token`, `use_key`, `started_at` and whatever the expressions read.
        badness: of two occurrences the larger is told.
        evidence: columns of `OCCURRENCES`, `message` among them.
    """
    given = evidence | {"token": pl.col("token"), "use_key": pl.col("use_key"), "at": pl.col("started_at")}
    given["badness"] = badness
    return found.select(given.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in OCCURRENCES.items())


def told(found: pl.DataFrame) -> pl.DataFrame:
    """Give one row per token: the worst of its occurrences, how many there are, the first and the last."""
    ordered = found.sort("token", "badness", "at", "use_key", descending=[False, True, False, False])
    counts = ordered.group_by("token").agg(
        pl.len().cast(pl.Int64).alias("occurrences"),
        pl.col("at").min().alias("first_at"),
        pl.col("at").max().alias("last_at"),
    )
    worst = ordered.unique(subset="token", keep="first", maintain_order=True)
    return worst.join(counts, on="token", how="left", maintain_order="left", validate="1:1").drop("badness", "at")


def lacking(uses: pl.DataFrame, is_unknown: pl.Expr, what: str) -> pl.DataFrame:
    """Give (`token`, `reason`) for tokens of which some judged uses cannot be looked at, with their numbers."""
    counted = uses.filter("is_judged").group_by("token").agg(is_unknown.sum().alias("unknown"), pl.len().alias("all"))
    told_of = counted.filter(pl.col("unknown") > 0).sort("token")
    return told_of.select("token", pl.format(f"{{}} of {{}} {what}", "unknown", "all").alias("reason"))
