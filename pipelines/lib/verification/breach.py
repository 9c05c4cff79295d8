"""A breach: one stored value that is not what it must be, with the place where it stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_PER_TABLE = 20
"""a broken table is named with its first differences; a thousand lines help nobody"""


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken invariant."""

    check: str
    place: str
    """store, table or document, key and column"""
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.place}: expected {self.expected}, found {self.found}"

    def as_dict(self) -> dict[str, str]:
        """Give the fields, for JSON."""
        return asdict(self)


def differences(
    check: str, place: str, key: Sequence[str], stored: pl.DataFrame, recomputed: pl.DataFrame
) -> list[Breach]:
    """Compare two frames of one table row by row on its key, and name each value that differs."""
    if stored.equals(recomputed):
        return []
    breaches = _row_differences(check, place, key, stored, recomputed)
    for column in (name for name in recomputed.columns if name not in key):
        if len(breaches) >= SHOWN_PER_TABLE:
            break
        breaches += _column_differences(check, place, key, column, stored, recomputed)
    return breaches[:SHOWN_PER_TABLE]


def _row_differences(
    check: str, place: str, key: Sequence[str], stored: pl.DataFrame, recomputed: pl.DataFrame
) -> list[Breach]:
    missing = recomputed.join(stored, on=list(key), how="anti", nulls_equal=True)
    surplus = stored.join(recomputed, on=list(key), how="anti", nulls_equal=True)
    repeated = stored.filter(stored.select(list(key)).is_duplicated())
    return [
        *(Breach(check, f"{place} {name}", "a row", "none") for name in _names(missing, key)),
        *(Breach(check, f"{place} {name}", "no row", "one") for name in _names(surplus, key)),
        *(Breach(check, f"{place} {name}", "one row", "several") for name in _names(repeated, key)),
    ]


def _column_differences(
    check: str, place: str, key: Sequence[str], column: str, stored: pl.DataFrame, recomputed: pl.DataFrame
) -> list[Breach]:
    pairs = (
        stored.select(*key, pl.col(column).alias("_stored"))
        .join(recomputed.select(*key, pl.col(column).alias("_right")), on=list(key), nulls_equal=True)
        .filter(pl.col("_stored").ne_missing(pl.col("_right")))
        .sort(list(key))
        .head(SHOWN_PER_TABLE)
    )
    return [
        Breach(check, f"{place} {name} {column}", _show(right), _show(found))
        for name, found, right in zip(_names(pairs, key), pairs["_stored"], pairs["_right"], strict=True)
    ]


def _names(rows: pl.DataFrame, key: Sequence[str]) -> list[str]:
    shown = rows.select(list(key)).head(SHOWN_PER_TABLE)
    return ["|".join(str(part) for part in row) for row in shown.iter_rows()]


def _show(value: object) -> str:
    return "nothing" if value is None else str(value)
