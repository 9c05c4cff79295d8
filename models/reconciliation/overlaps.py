"""Sessions that overlap where only one can be: on a token, or on an EVSE."""

from datetime import timedelta
from typing import Final

import polars as pl

from models.frames import only, sorted_by

_ROUNDS: Final = 64
"""Bound on rounds, see `later_starting`; a group with more overlaps than this is flagged as a whole."""


def later_starting(sessions: pl.DataFrame, group: str, tolerance: timedelta | pl.Expr) -> pl.DataFrame:
    """Give one row per session (`cdr_number`, `other_number`) that starts while an earlier one of its group runs.

    Only the later-starting session is named, and a session so named is no witness against the next: else one false
    session would drag every true one after it along. So the first of each group is taken out, and the rest is looked
    at again, for as many rounds as a group has overlaps; each round costs one sort-free pass over the groups concerned.

    Args:
        sessions: `cdr_number` (unique), `started_at`, `ended_at` and the group column, null where unknown; sorted by
            start, end and number.
        group: the column within which sessions exclude each other.
        tolerance: overlaps up to this long are clean; of all sessions, or per session.
    """
    columns = ("cdr_number", "started_at", "ended_at", "tolerance", "group")
    allowed = tolerance if isinstance(tolerance, pl.Expr) else pl.lit(tolerance)
    known = only(sessions, pl.col(group).is_not_null() & (pl.col("started_at") < pl.col("ended_at")))
    ordered = sorted_by(known, group)
    # Windows over a number are several times faster than over text.
    numbered = ordered.with_columns(allowed.alias("tolerance"), pl.col(group).rle_id().alias("group"))
    remaining = _where_any_overlap(numbered.select(columns))
    found: list[pl.DataFrame] = []
    for _ in range(_ROUNDS):
        remaining = _with_latest_before(remaining)
        flagged = remaining.filter(_is_too_long())
        if flagged.is_empty():
            break
        first = flagged.unique(subset="group", keep="first", maintain_order=True)
        found.append(first.select("cdr_number", "other_number"))
        busy = flagged.get_column("group").unique().implode()
        remaining = remaining.filter(pl.col("group").is_in(busy)).select(columns)
        remaining = remaining.join(first.select("cdr_number"), on="cdr_number", how="anti", maintain_order="left")
    else:
        left = _with_latest_before(remaining)
        found.append(left.filter(_is_too_long()).select("cdr_number", "other_number"))
    nothing = sessions.select("cdr_number", pl.col("cdr_number").alias("other_number")).clear()
    return pl.concat([nothing, *found], how="vertical").sort("cdr_number")


def _where_any_overlap(ordered: pl.DataFrame) -> pl.DataFrame:
    """Keep the few groups in which anything overlaps: where two sessions do, two neighbours by start do as well."""
    same = pl.col("group") == pl.col("group").shift(1)
    touches = same & (pl.col("ended_at").shift(1) > pl.col("started_at"))
    busy = ordered.filter(touches).get_column("group").unique()
    return ordered.filter(pl.col("group").is_in(busy.implode()))


def _is_too_long() -> pl.Expr:
    return pl.col("latest_end") - pl.col("started_at") > pl.col("tolerance")


def _with_latest_before(ordered: pl.DataFrame) -> pl.DataFrame:
    """Add the latest end among the earlier sessions of the group and whose it is: a running maximum, shifted by one."""
    running = ordered.with_columns(pl.col("ended_at").cum_max().over("group").alias("running_end"))
    holds = pl.when(pl.col("running_end") == pl.col("ended_at")).then(pl.col("cdr_number"))
    return running.with_columns(
        pl.col("running_end").shift(1).over("group").alias("latest_end"),
        holds.forward_fill().shift(1).over("group").alias("other_number"),
    )
