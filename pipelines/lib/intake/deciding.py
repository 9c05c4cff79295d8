"""Deciding about all that was landed: as `outcomes.py` says, with the bodies that have to be looked up for it.

Nearly all records are decided about by their hashes alone. Only CDRs that came in several spellings are fetched from
their pages: to tell whether they are one content, or one claim in the words of two versions of OCPI.
"""

from __future__ import annotations

from typing import Any, cast

import polars as pl

from models.ocpi.canonical import Cdr
from models.ocpi.reading import parse_cdr
from models.ocpi.retelling import is_retold
from pipelines.lib.intake.identity import owner_of_key
from pipelines.lib.intake.outcomes import decided, respelled, retold
from pipelines.lib.intake.readers import DECODE, canonical_of
from pipelines.lib.raw_store import RECORD_PLACE, RawStore


def decided_with_bodies(store: RawStore, landed: pl.DataFrame) -> pl.DataFrame:
    """Add to landed records, in the order received, what became of each."""
    spellings = respelled(landed)
    bodies = store.records(spellings.select(RECORD_PLACE).rows())
    canonical = {sha256: canonical_of(body) for sha256, body in zip(spellings["content_sha256"], bodies, strict=True)}
    versions = spellings["ocpi_version"].to_list()
    owners = list(map(owner_of_key, spellings["record_key"]))

    def read(row: int) -> Cdr:
        return parse_cdr(cast("dict[str, Any]", DECODE(bodies[row])), versions[row], owner_id=owners[row])

    def compare(row: int, other: int) -> bool:
        return is_retold(read(row), versions[row], read(other), versions[other])

    return decided(landed, canonical, retold(spellings, canonical, compare))
