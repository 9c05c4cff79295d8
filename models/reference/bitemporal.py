"""Statements about an object, turned into beliefs: what held from when to when, and when we believed it.

A statement says at `told_at` that some content holds from `valid_from` to `valid_to`. It speaks for its own interval
only: a tariff for November says nothing about October. So a belief is a rectangle, an interval of validity times an
interval of knowledge, both half-open, null being an open end.

Which of two statements about the same moment is believed says `precedence`: the larger, among equals the later told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import polars as pl

_ALWAYS: Final = pl.lit(datetime(1, 1, 1, tzinfo=UTC), pl.Datetime("us", "UTC"))
_NEVER: Final = pl.lit(datetime(9999, 12, 31, tzinfo=UTC), pl.Datetime("us", "UTC"))


def beliefs(statements: pl.DataFrame, key: Sequence[str], content: Sequence[str]) -> pl.DataFrame:
    """Give the beliefs that follow from statements, one row per rectangle, numbered by `row_index` within the key.

    A statement that says again what is believed changes nothing; one that brings older content back is a new belief.

    Args:
        statements: one row per statement in the order told, with the key, `told_at`, `valid_from`, `valid_to` (UTC
            instants), `precedence` (an integer), the content, and whatever else is to be carried along.
        key: columns that name the object.
        content: columns whose change makes another belief.
    """
    told = _without_repetitions(statements.with_row_index("_order"), key, content).with_columns(
        _begin=pl.col("valid_from").fill_null(_ALWAYS), _end=pl.col("valid_to").fill_null(_NEVER)
    )
    believed = _believed(told.join(_segments(told, key), on=key, how="inner").filter(_covers()), key, content)
    merged = _merged(believed, key)
    return (
        merged.sort(*key, "known_from", "_order", "_from")
        .with_columns(
            row_index=pl.int_range(pl.len()).over(key).cast(pl.Int32),
            valid_from=pl.when(pl.col("_from") > _ALWAYS).then("_from"),
            valid_to=pl.when(pl.col("_to") < _NEVER).then("_to"),
        )
        .drop(pl.selectors.starts_with("_"), "told_at", "precedence")
    )


def believed_at(history: pl.DataFrame, known: datetime, valid: datetime | None = None) -> pl.DataFrame:
    """Give the rows of a history that were believed at `known`, by default for any moment, else for `valid`."""
    rows = history.filter(pl.col("known_from") <= known, pl.col("known_to").is_null() | (pl.col("known_to") > known))
    if valid is None:
        return rows
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= valid)
    return rows.filter(begun, pl.col("valid_to").is_null() | (pl.col("valid_to") > valid))


def _without_repetitions(told: pl.DataFrame, key: Sequence[str], content: Sequence[str]) -> pl.DataFrame:
    """Drop statements that say again what the one before said, where all came in the order of their precedence.

    It changes no belief and keeps an object that is announced every day from costing the square of its days. Where a
    late statement falls between two others, the repetition decides, and stays.
    """
    backwards = (pl.col("precedence").diff() < 0).any().over(key)
    same = pl.struct(*content, _span()).eq_missing(pl.struct(*content, _span()).shift(1).over(key))
    is_first = pl.int_range(pl.len()).over(key) == 0
    return told.filter(is_first | backwards.fill_null(value=False) | ~same)


def _span() -> pl.Expr:
    """Give what of the validity counts for a repetition: a state that goes on holding says nothing new."""
    is_state = pl.col("valid_to").is_null() & (pl.col("precedence") == pl.col("valid_from").dt.epoch("us"))
    bounds = pl.struct("valid_from", "valid_to")
    return pl.when(is_state.fill_null(value=False)).then(None).otherwise(bounds).alias("_span")


def _segments(told: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Cut the time of each object at every bound that a statement about it names."""
    bounds = pl.concat([told.select(*key, _from=name) for name in ("_begin", "_end")]).unique().sort(*key, "_from")
    return bounds.with_columns(_to=pl.col("_from").shift(-1).over(key)).filter(pl.col("_to").is_not_null())


def _covers() -> pl.Expr:
    return (pl.col("_begin") <= pl.col("_from")) & (pl.col("_from") < pl.col("_end"))


def _believed(told: pl.DataFrame, key: Sequence[str], content: Sequence[str]) -> pl.DataFrame:
    """Keep, per segment, the statements that changed what was believed about it, with the time until the next."""
    segment = [*key, "_from"]
    ordered = told.sort(*segment, "_order")
    heeded = ordered.filter(pl.col("precedence") >= pl.col("precedence").cum_max().over(segment))
    changed = pl.struct(content).ne_missing(pl.struct(content).shift(1).over(segment))
    is_first = pl.int_range(pl.len()).over(segment) == 0
    return heeded.filter(is_first | changed).with_columns(
        known_from=pl.col("told_at"), known_to=pl.col("told_at").shift(-1).over(segment)
    )


def _merged(believed: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Join neighbouring segments that one statement filled for one time."""
    same = [*key, "_order", "known_to"]
    ordered = believed.sort(*key, "_order", "known_to", "_from")
    apart = (pl.col("_from") != pl.col("_to").shift(1).over(same)).fill_null(value=True)
    numbered = ordered.with_columns(_run=apart.cum_sum().over(same))
    others = [name for name in ordered.columns if name not in {*same, "_from", "_to"}]
    return numbered.group_by(*same, "_run", maintain_order=True).agg(
        pl.col("_from").min(), pl.col("_to").max(), *(pl.col(name).first() for name in others)
    )
