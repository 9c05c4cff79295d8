"""The tariffs inside plain CDRs: few lists of them come in thousands of CDRs, and each is read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from models.ocpi.plain.repeated import numbered

CarriedTariffs = tuple[tuple[str, ...], tuple[str, ...]]
"""the version ids of the tariffs inside a CDR, and what their reader had to do"""

_NOTHING: CarriedTariffs = ((), ())


@dataclass(frozen=True, slots=True)
class CarriedLists:
    """The lists of tariffs that some CDRs carry."""

    columns: list[pl.Series]
    """`tariff_version_ids` and `notes`, a row per CDR"""
    is_readable: pl.Series
    """per CDR: its list could be read, or it carries none"""
    number: pl.Series
    """per CDR: which of `lists` it carries"""
    lists: list[tuple[str, bytes]]
    """owner and bytes of each list; no bytes: nothing is carried"""


def carried_lists(
    fields: Mapping[str, Sequence[Any]], read: Callable[[str, bytes], CarriedTariffs | None]
) -> CarriedLists:
    """Read the tariffs inside CDRs, each list of an owner once; a list that cannot be read is None to `read`."""
    numbers, found = numbered(
        zip(fields["country_code"], fields["party_id"], map(bytes, fields["tariffs"]), strict=True)
    )
    lists = [(f"{country_code}*{party_id}".upper(), tariffs) for country_code, party_id, tariffs in found]
    answers = [read(*each) if each[1] else _NOTHING for each in lists]
    number = pl.Series(numbers, dtype=pl.UInt32)
    columns = [
        pl.Series(name, [list((answer or _NOTHING)[part]) for answer in answers], pl.List(pl.String)).gather(number)
        for part, name in enumerate(("tariff_version_ids", "notes"))
    ]
    readable = pl.Series([answer is not None for answer in answers], dtype=pl.Boolean).gather(number)
    return CarriedLists(columns, readable, number, lists)
