"""What OCPI does not know, pull by pull: fields, counted for `typed/unknown_fields`, and ids longer than it allows.

Layout: `<lake>/stated/unknown-<COUNTING>/<connection_id>/<module>/<pull_id>.parquet`, made once from the pull's pages;
beside it, where there are any, `<pull_id>.long_ids.parquet`, written first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import polars as pl

from models.ocpi.envelope import read_page
from models.ocpi.exact_json import decode_json
from models.ocpi.id_lengths import long_ids
from models.ocpi.known_fields import UnknownField, find_unknown
from models.ocpi.problems import RecordProblem
from models.ocpi.strict_shapes import page_is_plain, record_is_plain
from models.schemas.registry import Layer, table
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, Provenance, RawStore

COUNTING: Final = "3"
"""Raise it whenever vocabulary or lengths change: everything is then counted anew from the raw pages."""

_KEY: Final = ("connection_id", "module", "ocpi_version", "path")
_SCHEMA: Final = table(Layer.TYPED, "unknown_fields").schema
LONG_IDS: Final = {
    **dict.fromkeys(("connection_id", "module", "ocpi_version", "pull_id", "page_sha256"), pl.String()),
    "page_position": pl.Int32(),
    "path": pl.String(),
    **dict.fromkeys(("length", "allowed"), pl.Int64()),
}
"""one row per record and path with an id that is too long"""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What OCPI does not know of the records of some pulls."""

    fields: pl.DataFrame
    """`typed/unknown_fields`"""
    long_ids: pl.DataFrame
    """`LONG_IDS`"""


@dataclass(frozen=True)
class UnknownCounts:
    """The unknown fields and the ids too long of one lake."""

    lake: Lake

    def counted(self, manifests: Sequence[Manifest]) -> Unknown:
        """Give what was found in some pulls, reading only the pages of those that are new."""
        every = pl.concat([pl.DataFrame(schema=_SCHEMA), *map(self._of_pull, manifests)])
        fields = (
            every.sort(*_KEY, "first_received_at", maintain_order=True)
            .group_by(_KEY, maintain_order=True)
            .agg(pl.col("meant", "known_in", "is_extension").first(), pl.col("records").sum(), _first_places())
            .select(list(_SCHEMA))
        )
        kept = (self._long_ids_path(manifest) for manifest in manifests)
        long_ids = [pl.read_parquet(self.lake.read_bytes(path)) for path in kept if self.lake.fs.exists(path)]
        return Unknown(fields, pl.concat([pl.DataFrame(schema=LONG_IDS), *long_ids]))

    def _of_pull(self, manifest: Manifest) -> pl.DataFrame:
        path = f"{self._stem(manifest)}.parquet"
        if self.lake.fs.exists(path):
            return pl.read_parquet(self.lake.read_bytes(path))
        found = self._made(manifest)
        if found.long_ids:
            self._write(self._long_ids_path(manifest), found.long_id_rows())
        self._write(path, found.field_rows())
        return found.field_rows()

    def _long_ids_path(self, manifest: Manifest) -> str:
        return f"{self._stem(manifest)}.long_ids.parquet"

    def _stem(self, manifest: Manifest) -> str:
        folder = f"{self.lake.root}/stated/unknown-{COUNTING}/{manifest.connection_id}/{manifest.module}"
        return f"{folder}/{manifest.pull_id}"

    def _write(self, path: str, frame: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        self.lake.write_bytes(path, buffer.getvalue())

    def _made(self, manifest: Manifest) -> _Found:
        store, found = RawStore(self.lake), _Found()
        for page in manifest.pages:
            for position, record in _odd_on(manifest.module, page, store.read_page(page)):
                found.look_into(page, position, record)
        return found


@dataclass
class _Found:
    """What is found in the records of one pull."""

    fields: dict[tuple[str, str], tuple[UnknownField, Provenance, int]] = field(default_factory=dict)
    """by version and path: the field, and where it stands first"""
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    long_ids: list[tuple[object, ...]] = field(default_factory=list)

    def look_into(self, page: Provenance, position: int, record: dict[str, object]) -> None:
        """Take what OCPI does not know of a decoded record."""
        for unknown in find_unknown(page.module, page.ocpi_version, record):
            key = (page.ocpi_version, unknown.path)
            _ = self.fields.setdefault(key, (unknown, page, position))
            self.counts[key] = self.counts.get(key, 0) + 1
        self.long_ids += (
            (
                *(page.connection_id, page.module, page.ocpi_version, page.pull_id, page.sha256, position),
                *(each.path, each.length, each.allowed),
            )
            for each in long_ids(page.module, page.ocpi_version, record)
        )

    def field_rows(self) -> pl.DataFrame:
        """Give the unknown fields of the pull, in the columns of `typed/unknown_fields`."""
        rows = [
            (
                *(page.connection_id, page.module, version, path, unknown.meant, unknown.known_in),
                *(unknown.is_extension, self.counts[version, path], page.sha256, position, page.received_at),
            )
            for (version, path), (unknown, page, position) in sorted(self.fields.items(), key=lambda item: item[0])
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def long_id_rows(self) -> pl.DataFrame:
        """Give the ids that are too long."""
        return pl.DataFrame(self.long_ids, schema=LONG_IDS, orient="row")


def _first_places() -> pl.Expr:
    return pl.col("first_page_sha256", "first_page_position", "first_received_at").first()


def _odd_on(module: str, page: Provenance, content: bytes) -> Iterator[tuple[int, dict[str, object]]]:
    """Give the records of a page that are not surely plain, decoded, with their position."""
    version = page.ocpi_version
    if page.format == "envelope" and page_is_plain(module, version, content):
        return
    try:
        records = read_page(content, page.format)
    except RecordProblem:
        return
    for position, record in enumerate(records):
        if not record_is_plain(module, version, record) and (decoded := _decoded(record)) is not None:
            yield position, decoded


def _decoded(record: bytes) -> dict[str, object] | None:
    try:
        decoded = decode_json(record)
    except (RecordProblem, UnicodeDecodeError):
        return None
    return cast("dict[str, object]", decoded) if isinstance(decoded, dict) else None
