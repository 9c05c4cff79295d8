"""Sessions that overlap where only one can be: on a token, or on an EVSE."""

from datetime import timedelta
from typing import Final

import polars as pl

_ROUNDS: Final = 64
"""Bound on rounds, see `later_starting`; a group with more overlaps than this is flagged as a whole."""


def later_starting(sessions: pl.DataFrame, group: str, tolerance: timedelta | pl.Expr) -> pl.DataFrame:
    """Give one row per session (`cdr_key`, `other_key`) that starts while an earlier one of its group still runs.

    Only the later-starting session is named, and a session so named is no witness against the next: else one false
    session would drag every true one after it along. So the first of each group is taken out, and the rest is looked
    at again, for as many rounds as a group has overlaps; each round costs one sort-free pass over the groups concerned.

    Args:
        sessions: `cdr_key`, `started_at`, `ended_at` and the group column, null where unknown.
        group: the column within which sessions exclude each other.
        tolerance: overlaps up to this long are clean; of all sessions, or per session.
    """
    columns = ("cdr_key", "started_at", "ended_at", "tolerance", "group")
    allowed = tolerance if isinstance(tolerance, pl.Expr) else pl.lit(tolerance)
    known = sessions.drop_nulls(group).filter(pl.col("started_at") < pl.col("ended_at"))
    known = known.with_columns(allowed.alias("tolerance"))
    ordered = known.sort(group, "started_at", "ended_at", "cdr_key")
    # Windows over a number are several times faster than over text.
    remaining = ordered.select(*columns[:4], pl.col(group).rle_id().alias("group"))
    found: list[pl.DataFrame] = []
    for _ in range(_ROUNDS):
        remaining = _with_latest_before(remaining)
        flagged = remaining.filter(_is_too_long())
        if flagged.is_empty():
            break
        first = flagged.unique(subset="group", keep="first", maintain_order=True)
        found.append(first.select("cdr_key", "other_key"))
        busy = flagged.get_column("group").unique().implode()
        remaining = remaining.filter(pl.col("group").is_in(busy)).select(columns)
        remaining = remaining.join(first.select("cdr_key"), on="cdr_key", how="anti", maintain_order="left")
    else:
        left = _with_latest_before(remaining)
        found.append(left.filter(_is_too_long()).select("cdr_key", "other_key"))
    nothing = sessions.select("cdr_key", pl.col("cdr_key").alias("other_key")).clear()
    return pl.concat([nothing, *found], how="vertical").sort("cdr_key")


def _is_too_long() -> pl.Expr:
    return pl.col("latest_end") - pl.col("started_at") > pl.col("tolerance")


def _with_latest_before(ordered: pl.DataFrame) -> pl.DataFrame:
    """Add the latest end among the earlier sessions of the group and whose it is: a running maximum, shifted by one."""
    running = ordered.with_columns(pl.col("ended_at").cum_max().over("group").alias("running_end"))
    holds = pl.when(pl.col("running_end") == pl.col("ended_at")).then(pl.col("cdr_key"))
    return running.with_columns(
        pl.col("running_end").shift(1).over("group").alias("latest_end"),
        holds.forward_fill().shift(1).over("group").alias("other_key"),
    )
