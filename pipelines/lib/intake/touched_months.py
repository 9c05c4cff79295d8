"""Which months are to be written again: those that something new touches, and all where rows are made otherwise.

A month that nothing touches keeps its file, byte for byte: a close stands on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.landing import LANDING
from pipelines.lib.intake.outcomes import DECIDING, PULL
from pipelines.lib.intake.typed_tables import MONTHLY_MODULES
from pipelines.lib.lake import Lake

_MADE_AS: Final = f"{LANDING} {DECIDING}".encode()
_MOST_ROWS: Final = 1_000_000
"""Records of which the rows are in memory at once, some hundred bytes each; a month that has more is taken whole."""


def months_of(records: pl.DataFrame) -> set[BillingMonth]:
    """Give the months that some records fall into."""
    days = records["billing_month"].drop_nulls().unique()
    return {BillingMonth(day.year, day.month) for day in days}


def months_of_objects(records: pl.DataFrame, pulls: Iterable[tuple[str, str, str]]) -> set[BillingMonth]:
    """Give every month that any version of an object from these pulls falls into."""
    fresh = pl.DataFrame(list(pulls), schema=dict.fromkeys(PULL, pl.String), orient="row")
    objects = records.select(*PULL, "record_key", "billing_month")
    told = objects.join(fresh, on=list(PULL), how="semi")
    before = objects.join(fresh, on=list(PULL), how="anti")
    again = before.join(told.select("module", "record_key"), on=["module", "record_key"], how="semi")
    return months_of(told) | months_of(again)


def missing_months(lake: Lake, shown: pl.DataFrame) -> set[BillingMonth]:
    """Give months whose partition is gone although records belong there, or was written by an older version.

    An older one lacks columns; what they say stands in the raw pages, and a warehouse reads all months alike.
    """
    missing: set[BillingMonth] = set()
    for name in MONTHLY_MODULES:
        stored = lake.months(Layer.TYPED, name)
        missing |= months_of(shown.filter(module=name)) - set(stored)
        missing |= {month for month in stored if lake.is_older(Layer.TYPED, name, month)}
    return missing


def months_at(lake: Lake, locations: pl.DataFrame) -> set[BillingMonth]:
    """Give the months that have CDRs at some locations, whose zone became known or changed.

    Args:
        lake: holds the typed CDRs.
        locations: `_cpo` and `_location`, in capitals.
    """
    if locations.is_empty():
        return set()
    months: set[BillingMonth] = set()
    for month in lake.months(Layer.TYPED, "cdrs"):
        cdrs = lake.read(Layer.TYPED, "cdrs", month).select(
            pl.col("cpo_id").str.to_uppercase(), pl.col("location_id").str.to_uppercase()
        )
        if cdrs.join(locations, left_on=cdrs.columns, right_on=["_cpo", "_location"], how="semi").height:
            months.add(month)
    return months


def all_months(lake: Lake, shown: pl.DataFrame) -> set[BillingMonth]:
    """Give every month that has a typed table, or should have one."""
    return months_of(shown).union(*(lake.months(Layer.TYPED, name) for name in MONTHLY_MODULES))


def are_made_otherwise(lake: Lake) -> bool:
    """Tell whether records are read or decided about in another way since the tables were made: any row may differ."""
    path = _made_as(lake)
    return not lake.fs.exists(path) or lake.read_bytes(path) != _MADE_AS


def remember_how_made(lake: Lake) -> None:
    """Say how the tables are made, once they all are."""
    if are_made_otherwise(lake):
        lake.write_bytes(_made_as(lake), _MADE_AS)


def _made_as(lake: Lake) -> str:
    return f"{lake.root}/{Layer.TYPED}/read_as.txt"


def grouped_months(months: Iterable[BillingMonth], shown: pl.DataFrame) -> Iterator[list[BillingMonth]]:
    """Group months until their rows are as many as should be in memory at once; one month at least."""
    counts = dict(shown.group_by("billing_month").len().iter_rows())
    group: list[BillingMonth] = []
    rows = 0
    for month in months:
        count: int = counts.get(month.first_day, 0)
        if group and rows + count > _MOST_ROWS:
            yield group
            group, rows = [], 0
        group.append(month)
        rows += count
    if group:
        yield group
