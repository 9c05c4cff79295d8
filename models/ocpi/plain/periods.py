"""Charging periods of plain CDRs: one row each, a column for every dimension that a price depends on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
import polars as pl

from models.ocpi.columns_of_fields import DIMENSION_COLUMNS, UNPRICED_DIMENSIONS
from models.ocpi.plain.numbers import digits_of, read_numbers
from models.ocpi.plain.shapes import Dimension, Period, columns_of
from models.ocpi.plain.texts import BLANK, in_calendar, instant
from models.types.money import VOLUME

PERIOD_KEYS: Final = "_keys"
"""how many keys a period has, with those of its dimensions"""

_Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
_Places = np.ndarray[tuple[int], np.dtype[np.int64]]


def periods_of(listed: Sequence[Sequence[Period]]) -> tuple[pl.DataFrame, pl.Series]:
    """Lay out the charging periods, `row` naming the CDR of each, and tell which CDRs have only plain ones."""
    fields = columns_of(list(chain.from_iterable(listed)), Period)
    counts = np.fromiter(map(len, listed), np.int64, len(listed))
    row = np.repeat(np.arange(len(listed)), counts)
    first = np.cumsum(counts) - counts
    frame = pl.DataFrame(
        {
            "row": row,
            "period_index": pl.Series(np.arange(len(row)) - first[row], dtype=pl.Int32),
            "started_at": pl.Series(fields["start_date_time"], dtype=pl.String),
            "tariff_id": pl.Series(fields["tariff_id"], dtype=pl.String),
            PERIOD_KEYS: 2 + 2 * np.fromiter(map(len, fields["dimensions"]), np.int64, len(row)),
        }
    ).with_columns(
        instant("started_at"),
        pl.col("tariff_id").replace("", None),
        pl.col(PERIOD_KEYS) + pl.col("tariff_id").is_not_null(),
    )
    volumes, is_odd = _volumes(fields["dimensions"])
    frame = frame.with_columns(volumes)
    falls = (pl.col("started_at") < pl.col("started_at").shift()) & (pl.col("period_index") > 0)
    blank = pl.col("tariff_id").str.contains(BLANK).fill_null(value=False)
    wrong = frame.select(
        pl.Series(is_odd)
        | falls.fill_null(value=True) & (pl.col("period_index") > 0)
        | blank
        | ~in_calendar("started_at").fill_null(value=False)
    ).to_series()
    is_plain = counts > 0
    is_plain[row[wrong.to_numpy()]] = False
    return frame, pl.Series(is_plain)


def _volumes(listed: Sequence[Sequence[Dimension]]) -> tuple[list[pl.Series], _Flags]:
    """Give a column per priced dimension, and tell which periods say one twice, or one that is not plain."""
    fields = columns_of(list(chain.from_iterable(listed)), Dimension)
    owner = np.repeat(np.arange(len(listed)), np.fromiter(map(len, listed), np.int64, len(listed)))
    kind = pl.Series(fields["type"], dtype=pl.String)
    read = read_numbers(digits_of(fields["volume"]))
    is_odd = np.zeros(len(listed), dtype=np.bool_)
    unread = ~read["is_plain"].to_numpy()
    known = kind.is_in([*DIMENSION_COLUMNS, *UNPRICED_DIMENSIONS]).to_numpy()
    is_odd[owner[~known]] = True
    columns: list[pl.Series] = []
    for name, column in DIMENSION_COLUMNS.items():
        entries = np.flatnonzero((kind == name).to_numpy())
        is_odd[owner[entries[unread[entries]]]] = True
        is_odd[owner[entries[1:]][np.diff(owner[entries]) == 0]] = True
        place = np.full(len(listed), -1, dtype=np.int64)
        place[owner[entries]] = entries
        columns.append(_gathered(read["value"], place).alias(column))
    return columns, is_odd


def _gathered(values: pl.Series, place: _Places) -> pl.Series:
    """Take values by place, null where that is negative."""
    if not len(values):
        return pl.repeat(None, len(place), dtype=VOLUME, eager=True)
    chosen = pl.Series(place)
    return values.gather(chosen.set(chosen < 0, None))


def of_rows(periods: pl.DataFrame, is_kept: pl.Series, checked: pl.DataFrame) -> pl.DataFrame:
    """Keep the periods of some CDRs, with the key, page and position of each."""
    chosen = periods.filter(is_kept.gather(periods["row"]))
    return chosen.with_columns(checked.select("cdr_key", "page", "position").select(pl.all().gather(chosen["row"])))
