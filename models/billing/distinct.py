"""Scalar rules over frames: decide each distinct combination once, in plain Python, and join the answers back."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl


def with_decisions(
    frame: pl.DataFrame,
    columns: list[str],
    decide: Callable[..., tuple[Any, ...]],
    schema: Mapping[str, pl.DataType],
) -> pl.DataFrame:
    """Add the columns of `schema`, which `decide` gives for the values of `columns`; order is kept.

    A rule of money or law stays readable and exact that way: it is a function of values, and Polars only carries the
    results to the rows that share them.
    """
    combinations = frame.select(columns).unique()
    answers = [decide(*row) for row in combinations.iter_rows()]
    decided = pl.DataFrame(answers, schema=dict(schema), orient="row")
    return frame.join(
        pl.concat([combinations, decided], how="horizontal"),
        on=columns,
        how="left",
        nulls_equal=True,
        maintain_order="left",
        validate="m:1",
    )
