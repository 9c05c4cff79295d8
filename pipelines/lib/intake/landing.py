"""Landing: each pull's pages are read exactly once, into columns beside their raw records.

Layout: `<lake>/landed/<LANDING>/<connection_id>/<module>/<pull_id>/<first>-<last>/<table>.parquet`; a part is some
thousand records, those of its first to its last page, so that many can be read at once and none fills the memory.
`records.parquet` is the last table of a part and `landed.json` the last file of a pull, so a landing that was killed
goes on where it stopped. What is landed depends on nothing but the pull's own pages: what became of a record in view of
all others is decided in `outcomes.py`. Large files are landed while they are stored (`files/block_parts.py`).
"""

from __future__ import annotations

import gc
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
import polars as pl

from models.ocpi.cdr_frames import column
from pipelines.lib.compute import Compute
from pipelines.lib.intake.outcomes import CDRS
from pipelines.lib.intake.readers import READERS, Batch, PageContext, RecordRow
from pipelines.lib.intake.receipts import receipts_of
from pipelines.lib.lake import COMPRESSION, Lake
from pipelines.lib.raw_store import Manifest, Provenance, RawStore

LANDING: Final = "11"
"""Raise it whenever records are read differently: everything is then landed anew from the raw pages."""

RECORDS: Final = "records"
_MARKER: Final = "landed.json"
_PART_RECORDS: Final = 10_000
"""Records from which on a part is full: their Python objects are in memory at once."""
_WORTH_A_POOL: Final = 40_000
"""Records from which on further processes save more than the seconds that it takes to start them."""

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


_Page = TypeVar("_Page")


def _here() -> Compute:
    return Compute(1)


class _Marker(msgspec.Struct, frozen=True):
    parts: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some pages of one pull, to be landed together."""

    lake_url: str
    alpha2: Mapping[str, str]
    module: str
    owner_id: str | None
    parties: tuple[str, ...]
    folder: str
    """where its tables go"""
    pages: tuple[Provenance, ...]


@dataclass(frozen=True)
class Landed:
    """The landed pulls of one lake."""

    lake: Lake
    alpha2: Mapping[str, str]
    """ISO 3166-1 alpha-2 by alpha-3"""
    compute: Compute = field(default_factory=_here)

    def land(self, manifest: Manifest) -> None:
        """Land a pull unless it already is."""
        marker = f"{self._folder(manifest)}/{_MARKER}"
        if self.lake.fs.exists(marker):
            return
        parts = self.parts(manifest)
        missing = [part for part in parts if not self.lake.fs.exists(f"{part.folder}/{RECORDS}.parquet")]
        is_large = sum(max(page.records, 1) for part in missing for page in part.pages) >= _WORTH_A_POOL
        for _ in (self.compute if is_large else _here()).map(land_part, missing):
            pass
        self.lake.write_bytes(marker, msgspec.json.encode(_Marker(len(parts))))

    def parts(self, manifest: Manifest) -> list[Part]:
        """Cut a pull into parts; the same pages always give the same parts."""
        return [
            Part(
                lake_url=self.lake.url,
                alpha2=dict(self.alpha2),
                module=manifest.module,
                owner_id=manifest.owner_id,
                parties=manifest.parties,
                folder=part_folder(self.lake, manifest, pages[0].sequence, pages[-1].sequence),
                pages=pages,
            )
            for pages in grouped(manifest.pages, _records_of)
        ]

    def records(self, manifests: list[Manifest]) -> pl.DataFrame:
        """Give the landed records of some pulls, with the columns that name the pull, in the order received."""
        frames = [self._read(manifest, RECORDS) for manifest in manifests]
        empty = _with_pull(RECORD_SCHEMA.to_frame(), None)
        return pl.concat([empty, *(frame for frame in frames if frame is not None)])

    def rows(self, manifests: list[Manifest], name: str, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Give the landed rows of a table from some pulls; `columns` is their schema, for where there are none."""
        found = [frame for each in manifests if (frame := self._read(each, name)) is not None]
        return pl.concat(found) if found else _with_pull(pl.DataFrame(schema=dict(columns)), None)

    def of_pages(self, manifest: Manifest, name: str, sequences: AbstractSet[int]) -> Iterator[pl.DataFrame]:
        """Give the landed rows of a table from one pull, part by part, of the parts that have some of these pages.

        A month of a large pull needs few of its parts, and one at a time: the pull as a whole may not fit the memory.
        """
        for pages in grouped(manifest.pages, _records_of):
            folder = part_folder(self.lake, manifest, pages[0].sequence, pages[-1].sequence)
            path = f"{folder}/{name}.parquet"
            if not sequences.isdisjoint(page.sequence for page in pages) and self.lake.fs.exists(path):
                yield pl.read_parquet(self.lake.read_bytes(path))

    def _read(self, manifest: Manifest, name: str) -> pl.DataFrame | None:
        frames = list(self.of_pages(manifest, name, {page.sequence for page in manifest.pages}))
        return _with_pull(pl.concat(frames), manifest) if frames else None

    def _folder(self, manifest: Manifest) -> str:
        return landed_folder(self.lake, manifest)


def landed_folder(lake: Lake, pull: Manifest | Provenance) -> str:
    """Name the folder of a landed pull."""
    return f"{lake.root}/landed/{LANDING}/{pull.connection_id}/{pull.module}/{pull.pull_id}"


def part_folder(lake: Lake, pull: Manifest | Provenance, first: int, last: int) -> str:
    """Name the folder of the part that has the pages from `first` to `last`, by their sequence."""
    return f"{landed_folder(lake, pull)}/{first:05d}-{last:05d}"


def land_part(part: Part) -> None:
    """Read the pages of a part and write its tables. It runs in any process: all it needs is in the part."""
    lake = Lake(part.lake_url)
    store = RawStore(lake)
    batch = Batch(part.module, READERS[part.module](part.alpha2), frozenset(part.parties))
    told_at = _told_at(lake, part)
    with without_collector():
        for page in part.pages:
            context = PageContext(
                page.sequence, page.sha256, page.received_at, page.ocpi_version, part.owner_id, page.format, told_at
            )
            _ = batch.add_page(context, store.read_page(page))
        _ = batch.read()
    write_part(lake, part.folder, batch)


def _told_at(lake: Lake, part: Part) -> dict[int, datetime]:
    """Give when each record of a pushed page was received, by position; nothing for pulls, files and CDRs.

    A CDR keeps the later time of its page, when all of it was there: a close takes what was received by its `as_of` and
    looks again at what was received later, so what came a little before it and was not there yet would be lost.
    """
    if part.module == CDRS:
        return {}
    return {each.position: each.received_at for each in receipts_of(lake, part.pages[0]) if each.position is not None}


def write_part(lake: Lake, folder: str, batch: Batch) -> None:
    """Write the tables of a part, its records last: a part that has them is whole."""
    for name, frame in {**batch.frames(), RECORDS: record_rows(batch)}.items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression=COMPRESSION)
        lake.write_bytes(f"{folder}/{name}.parquet", buffer.getvalue())


def grouped(pages: Iterable[_Page], records_of: Callable[[_Page], int]) -> Iterator[tuple[_Page, ...]]:
    """Group pages until a part is full; one part at least."""
    group: list[_Page] = []
    records = 0
    for page in pages:
        group.append(page)
        records += records_of(page)
        if records >= _PART_RECORDS:
            yield tuple(group)
            group, records = [], 0
    if group:
        yield tuple(group)


def _records_of(page: Provenance) -> int:
    return max(page.records, 1)


@contextmanager
def without_collector() -> Iterator[None]:
    """Let the collector rest: it would go through a hundred thousand new objects again and again, and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def record_rows(batch: Batch) -> pl.DataFrame:
    """Give what became of the records of a batch, in the order of its pages."""
    plain = (frame.select(list(RECORD_SCHEMA)) for frame in batch.plain)
    return pl.concat([record_columns(batch.records), *plain]).sort("sequence", "page_position")


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
