"""Objects that came by pull and are changed by push: found through the typed records, read from their raw page."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from models.ocpi.envelope import read_names
from models.schemas.registry import Layer
from models.types.vocabularies import RecordOutcome
from pipelines.lib.intake.identity import record_key
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore


@dataclass(frozen=True, slots=True)
class PulledObjects:
    """The records of one lake as they stand after the last intake."""

    lake: Lake

    def newest(self, connection_id: str, module: str, key: str) -> bytes | None:
        """Give the own bytes of the last record received for an object; None where there is none."""
        records = self.lake.read(Layer.TYPED, "records").filter(
            pl.col("outcome") == str(RecordOutcome.TYPED),
            connection_id=connection_id,
            module=module,
        )
        named = records.filter(pl.col("record_id").str.to_uppercase() == key.split("*", 2)[-1])
        for page_sha256, position in reversed(named.select("page_sha256", "page_position").rows()):
            found = RawStore(self.lake).record(connection_id, module, page_sha256, position)
            if record_key(module, read_names(found), key.rsplit("*", 1)[0]) == key:
                return found
        return None
