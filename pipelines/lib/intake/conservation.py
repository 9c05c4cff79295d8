"""Conservation of records: what pages held when they arrived against what became of it. Nothing lost, nothing twice."""

from __future__ import annotations

import polars as pl

from models.schemas.registry import Layer
from models.types.vocabularies import RecordOutcome
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore

_SCHEMA = {"connection_id": pl.String, "module": pl.String, "received": pl.Int64}


def conservation(lake: Lake) -> pl.DataFrame:
    """Count per connection and module: `received` in pages, and `accounted` as typed, quarantined or duplicate.

    `received` was counted by the client as the pages came; a page that could not be read counts as one. Rows named
    `typed/cdrs` hold the CDRs taken for typed against the rows of the table.
    """
    pages = [
        (page.connection_id, page.module, 1 if page.records < 0 else page.records)
        for manifest in RawStore(lake).manifests()
        for page in manifest.pages
    ]
    received = pl.DataFrame(pages, schema=_SCHEMA, orient="row").group_by("connection_id", "module").sum()
    records = lake.read(Layer.TYPED, "records")
    accounted = records.group_by("connection_id", "module").agg(
        accounted=pl.len().cast(pl.Int64),
        **{str(outcome): pl.col("outcome").eq(str(outcome)).sum().cast(pl.Int64) for outcome in RecordOutcome},
    )
    counts = received.join(accounted, on=["connection_id", "module"], how="full", coalesce=True).fill_null(0)
    return pl.concat([counts, _typed_cdrs(lake, records)], how="diagonal").sort("connection_id", "module")


def _typed_cdrs(lake: Lake, records: pl.DataFrame) -> pl.DataFrame:
    typed = records.filter(outcome=str(RecordOutcome.TYPED), module="cdrs").height
    rows = sum(lake.read(Layer.TYPED, "cdrs", month).height for month in lake.months(Layer.TYPED, "cdrs"))
    return pl.DataFrame(
        {"connection_id": ["*"], "module": ["typed/cdrs"], "received": [typed], "accounted": [rows]},
        schema=_SCHEMA | {"accounted": pl.Int64},
    )
