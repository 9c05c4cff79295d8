"""The tariffs inside plain CDRs: few lists of them come in thousands of CDRs, and each is read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from models.ocpi.plain.shapes import ABSENT, PlainCdr

CarriedTariffs = tuple[tuple[str, ...], tuple[str, ...]]
"""the version ids of the tariffs inside a CDR, and what their reader had to do"""


def carried_lists(
    found: Sequence[PlainCdr], read: Callable[[str, bytes], CarriedTariffs | None]
) -> tuple[list[pl.Series], pl.Series, pl.Series, list[tuple[str, bytes]]]:
    """Read the tariffs inside CDRs, each list of them once.

    Returns version ids and notes, whether they could be read, which list each CDR carries (from 1; 0: none), and owner
    and bytes of each list.
    """
    lists: dict[tuple[str, str, bytes], int] = {}
    numbers = [
        0
        if cdr.tariffs is ABSENT
        else lists.setdefault((cdr.country_code, cdr.party_id, bytes(cdr.tariffs)), len(lists) + 1)
        for cdr in found
    ]
    keys = [(f"{country_code}*{party_id}".upper(), tariffs) for country_code, party_id, tariffs in lists]
    nothing: CarriedTariffs = ((), ())
    answers = [nothing, *(read(*key) for key in keys)]
    place = pl.Series(numbers, dtype=pl.Int64)
    words = [
        pl.Series(name, [list((answer or nothing)[part]) for answer in answers], pl.List(pl.String)).gather(place)
        for part, name in enumerate(("tariff_version_ids", "notes"))
    ]
    readable = pl.Series([answer is not None for answer in answers], dtype=pl.Boolean).gather(place)
    return words, readable, place, keys
