"""Which CDRs have each key once: msgspec keeps the last of two, and the careful reader refuses them.

What msgspec made of some records says how many keys it saw, and their bytes say how many there are. Both are counted
for a hundred records at a time, which costs next to nothing; where they differ each of the hundred is looked at alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import polars as pl

from models.ocpi.distinct_keys import has_distinct_keys, most_keys
from models.ocpi.plain.numbers import TOTALS
from models.ocpi.plain.periods import PERIOD_KEYS
from models.ocpi.plain.shapes import ABSENT, PlainCdr

_TOGETHER: Final = 100
"""records whose bytes stay in the processor's cache while they are looked at"""
_PARTS: Final = ("cdr_token", "cdr_location", "tariffs")
"""what is kept in its bytes; whoever reads those holds them to distinct keys"""
_OPTIONAL: Final = PlainCdr.__struct_fields__[-len(PlainCdr.__struct_defaults__) :]
_REQUIRED: Final = tuple(name for name in PlainCdr.__struct_fields__ if name not in {*_OPTIONAL, *TOTALS.values()})
"""but for numbers, which are counted with the amounts of prices"""

_Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


def have_distinct_keys(
    records: Sequence[bytes], fields: Mapping[str, Sequence[Any]], numbers: pl.Series, periods: pl.DataFrame
) -> pl.Series:
    """Tell which records have no key twice, but for `_PARTS`.

    Args:
        records: in their bytes.
        fields: what they say, as one tuple per field.
        numbers: `NUMBER_KEYS` of each.
        periods: their charging periods, each with its `PERIOD_KEYS`.
    """
    starts = np.arange(0, len(records), _TOGETHER)
    read = np.add.reduceat(_keys_read(fields, numbers, periods), starts) if records else starts
    are_distinct = np.ones(len(records), dtype=np.bool_)
    for first, expected in zip(starts.tolist(), read.tolist(), strict=True):
        some = slice(first, first + _TOGETHER)
        if _keys_written(records[some], [fields[name][some] for name in _PARTS]) != expected:
            are_distinct[some] = list(map(has_distinct_keys, records[some]))
    return pl.Series(are_distinct)


def _keys_written(records: Sequence[bytes], parts: Sequence[Sequence[Any]]) -> int:
    """Count the keys in the bytes of records, at least, without those of their parts."""
    return most_keys(b"".join(records)) - most_keys(b"".join(chain.from_iterable(parts)))


def _keys_read(fields: Mapping[str, Sequence[Any]], numbers: pl.Series, periods: pl.DataFrame) -> _Counts:
    """Count the keys that were read of each record, without those of the parts; an explicit null may be missed."""
    keys = numbers.to_numpy().astype(np.int64)
    keys += np.bincount(periods["row"].to_numpy(), periods[PERIOD_KEYS].to_numpy(), len(keys)).astype(np.int64)
    keys += len(_REQUIRED)
    for name in _OPTIONAL:
        if name not in TOTALS.values():
            keys += _is_given(fields[name])
    return keys


def _is_given(values: Sequence[Any]) -> int | np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say 1 where a value is there; nearly always they all are, or none."""
    if all(values):
        return 1
    if values.count(None) == len(values):
        return 0
    return np.fromiter((value is not None and value is not ABSENT for value in values), np.bool_, len(values))
