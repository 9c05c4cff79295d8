"""Landing: each pull's pages are read exactly once, into columns beside their raw records.

Layout: `<lake>/landed/<LANDING>/<connection_id>/<module>/<pull_id>/<table>.parquet`; `records.parquet` is written last,
so a landing that was killed is done again. What is landed depends on nothing but the pull's own pages: what became of a
record in view of all others is decided in `outcomes.py`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from models.ocpi.cdr_frames import column
from pipelines.lib.intake.readers import READERS, Batch, PageContext, RecordRow
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, RawStore

LANDING: Final = "3"
"""Raise it whenever records are read differently: everything is then landed anew from the raw pages."""

RECORDS: Final = "records"
_BATCH_PAGES: Final = 25
"""pages whose Python objects are in memory at once"""

RECORD_SCHEMA: Final = pl.Schema(
    {
        "sequence": pl.Int32,
        "page_sha256": pl.String,
        "page_position": pl.Int32,
        "record_id": pl.String,
        "record_key": pl.String,
        "content_sha256": pl.String,
        "rule": pl.String,
        "reason": pl.String,
        "record_json": pl.String,
        "at": pl.Datetime("us", "UTC"),
        "last_updated_at": pl.Datetime("us", "UTC"),
        "received_at": pl.Datetime("us", "UTC"),
    }
)
"""`rule` is null where the record could be read; `at` is the instant that decides its billing month"""

_DTYPES: Final = RECORD_SCHEMA.to_frame().schema

PULL_COLUMNS: Final = ("connection_id", "module", "ocpi_version", "pull_id")


@dataclass(frozen=True)
class Landed:
    """The landed pulls of one lake."""

    lake: Lake
    alpha2: Mapping[str, str]
    """ISO 3166-1 alpha-2 by alpha-3"""

    def land(self, manifest: Manifest) -> None:
        """Land a pull unless it already is."""
        if self.lake.fs.exists(self._path(manifest, RECORDS)):
            return
        parts: dict[str, list[pl.DataFrame]] = {RECORDS: []}
        for batch in self._batches(manifest):
            for name, frame in batch.frames().items():
                parts.setdefault(name, []).append(frame)
            parts[RECORDS].append(record_rows(batch))
        records = pl.concat([RECORD_SCHEMA.to_frame(), *parts.pop(RECORDS)])
        for name, frames in parts.items():
            self._write(manifest, name, pl.concat(frames))
        self._write(manifest, RECORDS, records)

    def records(self, manifests: list[Manifest]) -> pl.DataFrame:
        """Give the landed records of some pulls, with the columns that name the pull, in the order received."""
        frames = [self._read(manifest, RECORDS) for manifest in manifests]
        empty = _with_pull(RECORD_SCHEMA.to_frame(), None)
        return pl.concat([empty, *(frame for frame in frames if frame is not None)])

    def rows(self, manifests: list[Manifest], name: str, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Give the landed rows of a table from some pulls; `columns` is their schema, for where there are none."""
        found = [frame for each in manifests if (frame := self._read(each, name)) is not None]
        return pl.concat(found) if found else _with_pull(pl.DataFrame(schema=dict(columns)), None)

    def _batches(self, manifest: Manifest) -> Iterator[Batch]:
        store, reader = RawStore(self.lake), READERS[manifest.module]
        for begin in range(0, len(manifest.pages), _BATCH_PAGES):
            batch = Batch(manifest.module, reader(self.alpha2))
            for page in manifest.pages[begin : begin + _BATCH_PAGES]:
                context = PageContext(
                    page.sequence, page.sha256, page.received_at, page.ocpi_version, manifest.owner_id
                )
                batch.add_page(context, store.read_page(page))
            yield batch

    def _write(self, manifest: Manifest, name: str, frame: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        self.lake.write_bytes(self._path(manifest, name), buffer.getvalue())

    def _read(self, manifest: Manifest, name: str) -> pl.DataFrame | None:
        path = self._path(manifest, name)
        if not self.lake.fs.exists(path):
            return None
        return _with_pull(pl.read_parquet(self.lake.read_bytes(path)), manifest)

    def _path(self, manifest: Manifest, name: str) -> str:
        folder = f"{manifest.connection_id}/{manifest.module}/{manifest.pull_id}"
        return f"{self.lake.root}/landed/{LANDING}/{folder}/{name}.parquet"


def record_rows(batch: Batch) -> pl.DataFrame:
    """Give what became of the records of a batch, in the order of its pages."""
    return pl.concat([record_columns(batch.records), *batch.plain]).sort("sequence", "page_position")


def record_columns(rows: list[RecordRow]) -> pl.DataFrame:
    """Give record rows as columns of `RECORD_SCHEMA`."""
    columns: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) if rows else [()] * len(RECORD_SCHEMA)
    return pl.DataFrame(
        [column(name, values, dtype) for (name, dtype), values in zip(_DTYPES.items(), columns, strict=True)]
    )


def _with_pull(frame: pl.DataFrame, manifest: Manifest | None) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(getattr(manifest, column) if manifest else None, pl.String).alias(column) for column in PULL_COLUMNS
    )
