"""Counting fields that OCPI does not know, pull by pull: `typed/unknown_fields`.

Layout: `<lake>/stated/unknown-<COUNTING>/<connection_id>/<module>/<pull_id>.parquet`, made once from the pull's pages.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import polars as pl

from models.ocpi.envelope import read_page
from models.ocpi.exact_json import decode_json
from models.ocpi.known_fields import UnknownField, find_unknown
from models.ocpi.problems import RecordProblem
from models.ocpi.strict_shapes import page_is_plain, record_is_plain
from models.schemas.registry import Layer, table
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, Provenance, RawStore

COUNTING: Final = "2"
"""Raise it whenever the vocabulary changes: everything is then counted anew from the raw pages."""

_KEY: Final = ("connection_id", "module", "ocpi_version", "path")
_SCHEMA: Final = table(Layer.TYPED, "unknown_fields").schema


@dataclass(frozen=True)
class UnknownCounts:
    """The unknown fields of one lake."""

    lake: Lake

    def counted(self, manifests: Sequence[Manifest]) -> pl.DataFrame:
        """Give `typed/unknown_fields`, reading only the pages of pulls that are new."""
        every = pl.concat([pl.DataFrame(schema=_SCHEMA), *map(self._of_pull, manifests)])
        return (
            every.sort(*_KEY, "first_received_at", maintain_order=True)
            .group_by(_KEY, maintain_order=True)
            .agg(pl.col("meant", "known_in", "is_extension").first(), pl.col("records").sum(), _first_places())
            .select(list(_SCHEMA))
        )

    def _of_pull(self, manifest: Manifest) -> pl.DataFrame:
        folder = f"{self.lake.root}/stated/unknown-{COUNTING}/{manifest.connection_id}/{manifest.module}"
        path = f"{folder}/{manifest.pull_id}.parquet"
        if self.lake.fs.exists(path):
            return pl.read_parquet(self.lake.read_bytes(path))
        frame = self._made(manifest)
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        self.lake.write_bytes(path, buffer.getvalue())
        return frame

    def _made(self, manifest: Manifest) -> pl.DataFrame:
        store = RawStore(self.lake)
        found: dict[tuple[str, str], tuple[UnknownField, Provenance, int]] = {}
        counts: dict[tuple[str, str], int] = {}
        for page in manifest.pages:
            for position, field in _unknown_on(manifest.module, page, store.read_page(page)):
                key = (page.ocpi_version, field.path)
                _ = found.setdefault(key, (field, page, position))
                counts[key] = counts.get(key, 0) + 1
        rows = [
            (
                *(manifest.connection_id, manifest.module, version, path, field.meant, field.known_in),
                *(field.is_extension, counts[version, path], page.sha256, position, page.received_at),
            )
            for (version, path), (field, page, position) in sorted(found.items(), key=lambda item: item[0])
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _first_places() -> pl.Expr:
    return pl.col("first_page_sha256", "first_page_position", "first_received_at").first()


def _unknown_on(module: str, page: Provenance, content: bytes) -> Iterator[tuple[int, UnknownField]]:
    """Give the unknown fields on a page, with the position of the record that carries each."""
    version = page.ocpi_version
    if page.format == "envelope" and page_is_plain(module, version, content):
        return
    try:
        records = read_page(content, page.format)
    except RecordProblem:
        return
    for position, record in enumerate(records):
        if not record_is_plain(module, version, record):
            yield from ((position, field) for field in _unknown_in(module, version, record))


def _unknown_in(module: str, version: str, record: bytes) -> tuple[UnknownField, ...]:
    try:
        decoded = decode_json(record)
    except (RecordProblem, UnicodeDecodeError):
        return ()
    return find_unknown(module, version, cast("dict[str, object]", decoded)) if isinstance(decoded, dict) else ()
