"""Sorting and joining frames that are mostly in order already, as the tables of the lake are.

Sorting a million keys takes a second, seeing that they are sorted a fiftieth of it; the same holds for joining two
tables that have one row each for the same keys.
"""

import polars as pl


def sorted_by(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """Sort by one column, stably, where the frame is not in that order already."""
    return frame if frame.get_column(key).is_sorted() else frame.sort(key, maintain_order=True)


def beside(left: pl.DataFrame, right: pl.DataFrame, key: str = "cdr_key") -> pl.DataFrame:
    """Left-join at most one row of `right` to every row of `left`, by a key; the order of `left` stays.

    Two tables with the same keys in the same order are put side by side.
    """
    mine, its = left.get_column(key), right.get_column(key)
    if mine.len() == its.len() and bool((mine == its).all()):
        return left.hstack(right.drop(key).get_columns())
    return left.join(right, on=key, how="left", maintain_order="left", validate="m:1")


def only(frame: pl.DataFrame, condition: pl.Expr) -> pl.DataFrame:
    """Filter; a frame of which everything is kept is not copied."""
    mask = frame.select(condition.fill_null(False)).to_series()
    return frame if mask.all() else frame.filter(mask)
