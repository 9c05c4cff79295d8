"""Charging periods of plain CDRs: one row each, a column for every dimension that a price depends on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from models.ocpi.columns_of_fields import DIMENSION_COLUMNS, UNPRICED_DIMENSIONS
from models.ocpi.plain.numbers import digits_of, read_numbers
from models.ocpi.plain.shapes import Period, PlainCdr
from models.ocpi.plain.texts import in_calendar, instant
from models.types.money import VOLUME


def periods_of(found: Sequence[PlainCdr]) -> tuple[pl.DataFrame, pl.Series]:
    """Lay out the charging periods, `row` naming the CDR of each, and tell which CDRs have only plain ones."""
    counts = np.array([len(cdr.charging_periods) for cdr in found], dtype=np.int64)
    periods = [period for cdr in found for period in cdr.charging_periods]
    row = np.repeat(np.arange(len(found)), counts)
    first = np.cumsum(counts) - counts
    frame = pl.DataFrame(
        {
            "row": row,
            "period_index": pl.Series(np.arange(len(row)) - first[row], dtype=pl.Int32),
            "started_at": pl.Series([period.start_date_time for period in periods], dtype=pl.String),
            "tariff_id": pl.Series([period.tariff_id for period in periods], dtype=pl.String),
        }
    ).with_columns(instant("started_at"), pl.col("tariff_id").replace("", None))
    volumes, is_odd = _volumes(periods)
    frame = frame.with_columns(volumes)
    falls = (pl.col("started_at") < pl.col("started_at").shift()) & (pl.col("period_index") > 0)
    blank = pl.col("tariff_id").str.strip_chars().eq("").fill_null(value=False)
    wrong = frame.select(
        pl.Series(is_odd)
        | falls.fill_null(value=True) & (pl.col("period_index") > 0)
        | blank
        | ~in_calendar("started_at").fill_null(value=False)
    ).to_series()
    is_plain = counts > 0
    is_plain[row[wrong.to_numpy()]] = False
    return frame, pl.Series(is_plain)


def _volumes(periods: Sequence[Period]) -> tuple[list[pl.Series], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Give a column per priced dimension, and tell which periods say one twice, or one that is not plain."""
    counts = np.array([len(period.dimensions) for period in periods], dtype=np.int64)
    dimensions = [dimension for period in periods for dimension in period.dimensions]
    owner = np.repeat(np.arange(len(periods)), counts)
    kind = pl.Series([dimension.type for dimension in dimensions], dtype=pl.String)
    read = read_numbers(digits_of([dimension.volume for dimension in dimensions]))
    is_odd = np.zeros(len(periods), dtype=np.bool_)
    unread = ~read["is_plain"].to_numpy()
    known = kind.is_in([*DIMENSION_COLUMNS, *UNPRICED_DIMENSIONS]).to_numpy()
    is_odd[owner[~known]] = True
    columns: list[pl.Series] = []
    for name, column in DIMENSION_COLUMNS.items():
        entries = np.flatnonzero((kind == name).to_numpy())
        is_odd[owner[entries[unread[entries]]]] = True
        is_odd[owner[entries[1:]][np.diff(owner[entries]) == 0]] = True
        place = np.full(len(periods), -1, dtype=np.int64)
        place[owner[entries]] = entries
        columns.append(_gathered(read["value"], place).alias(column))
    return columns, is_odd


def _gathered(values: pl.Series, place: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    """Take values by place, null where that is negative."""
    if not len(values):
        return pl.repeat(None, len(place), dtype=VOLUME, eager=True)
    chosen = pl.Series(place)
    return values.gather(chosen.set(chosen < 0, None))


def of_rows(
    periods: pl.DataFrame, rows: np.ndarray[tuple[int], np.dtype[np.int64]], checked: pl.DataFrame
) -> pl.DataFrame:
    """Keep the periods of some CDRs, with the key and position of each."""
    keep = np.zeros(len(checked), dtype=np.bool_)
    keep[rows] = True
    chosen = periods.filter(pl.Series(keep[periods["row"].to_numpy()]))
    return chosen.with_columns(
        checked["cdr_key"].gather(chosen["row"]).alias("cdr_key"),
        checked["position"].gather(chosen["row"]).alias("position"),
    )
