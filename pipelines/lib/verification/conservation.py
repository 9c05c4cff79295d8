"""Conservation of records, counted from the bytes: what was received is typed, quarantined or a duplicate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from models.ocpi.problems import RecordProblem
from models.schemas.registry import Layer
from models.types.vocabularies import Verdict
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Provenance, RawStore
from pipelines.lib.verification.breach import Breach

RAW_PAGES: Final = "raw pages"
"""the check that a page still has the bytes that were received"""


def conservation_breaches(lake: Lake) -> list[Breach]:
    """Count the records of every raw page again and hold the outcomes to them, then the verdicts to the CDRs."""
    return [*_page_breaches(lake), *_verdict_breaches(lake)]


def _page_breaches(lake: Lake) -> Iterator[Breach]:
    store = RawStore(lake)
    outcomes = lake.read(Layer.TYPED, "records").group_by("pull_id", "page_sha256", "connection_id", "module").len()
    counted = {row[:4]: row[4] for row in outcomes.iter_rows()}
    received: dict[tuple[str, str, str, str], int] = {}
    for manifest in store.manifests():
        for page in manifest.pages:
            try:
                records = _records_on(store, page)
            except ValueError as error:
                yield Breach(RAW_PAGES, f"raw/{page.connection_id}/{page.module}", "bytes as received", str(error))
                continue
            key = (page.pull_id, page.sha256, page.connection_id, page.module)
            received[key] = received.get(key, 0) + records
    for key, records in received.items():
        if records and counted.get(key, 0) != records:
            place = f"typed/records of page {key[1][:16]} ({key[2]}/{key[3]}, pull {key[0]})"
            yield Breach("raw = typed + quarantined + duplicates", place, str(records), str(counted.get(key, 0)))


def _records_on(store: RawStore, page: Provenance) -> int:
    """Count a page's records; a page that cannot be read is one record, which is quarantined."""
    try:
        return len(store.read_records(page))
    except RecordProblem:
        return 1


def _verdict_breaches(lake: Lake) -> Iterator[Breach]:
    for month in lake.months(Layer.MATCHED, "verdicts"):
        cdrs = lake.read(Layer.TYPED, "cdrs", month)
        verdicts = lake.read(Layer.MATCHED, "verdicts", month)
        known = verdicts.filter(pl.col("verdict").is_in([str(verdict) for verdict in Verdict]))
        if len(cdrs) != len(known):
            yield Breach("one verdict per CDR", f"matched/verdicts {month}", f"{len(cdrs)} rows", f"{len(known)}")
