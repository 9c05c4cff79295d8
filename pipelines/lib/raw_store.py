"""Raw pages exactly as received, with where each came from: the ground that everything else can be rebuilt from.

Layout below `<lake>/raw/<connection_id>/<module>/<pull_id>/`:

* `00000.pages.zst`: consecutive answers of a pull, the first of them page 0. Each is a Zstandard frame of its own, and
  behind it stands its provenance (URL, status, the headers that matter, time, SHA-256) in a frame that decompressors
  skip: `zstdcat` gives the bytes as received, and the file says by itself where they came from. One file for many,
  because a file system takes longer to make a file than a peer nearby takes to send a page;
* `00000.json.zst` and `00000.provenance.json`: the same of a page that has files of its own, as what was pushed or
  dropped has, and as older pulls left them; the oldest pages lie in `00000.json.gz`. They are read as well;
* `pull.json`: the manifest, written last. A folder without one is a pull that was killed: it counts for nothing, is
  kept as it is, and is overwritten file by file if the same pull is run again.

No secret ever stands in a provenance.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import pyarrow as pa

from models.ocpi.envelope import PageFormat, read_page
from pipelines.lib.lake import Lake

MANIFEST: Final = "pull.json"
RECORD_PLACE: Final = ("connection_id", "module", "page_sha256", "page_position")
"""Where a record stands, as tables name it; `RawStore.records` finds it by that."""
_ZSTANDARD: Final = pa.Codec("zstd", compression_level=1)


class Place(msgspec.Struct, frozen=True):
    """Where a page lies in a file that it shares with others: the bytes `[begins, ends)` are its frame."""

    file: str
    """its name in the pull's folder"""
    begins: int
    ends: int


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where one page came from."""

    connection_id: str
    module: str
    ocpi_version: str
    pull_id: str
    sequence: int
    url: str
    http_status: int
    headers: dict[str, str]
    received_at: datetime
    sha256: str
    """of the page's bytes as received"""
    records: int
    """counted when it arrived; -1 where the page could not be read"""
    format: PageFormat = "envelope"
    """how its bytes hold the records; part of a file is a page of lines, byte for byte"""
    place: Place | None = None
    """None: the page has a file of its own"""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One pull of one module of one connection: what was asked, what came, and whether the end was reached.

    One that failed before its first page has no pages, and where not even a version was agreed upon, no version.
    """

    connection_id: str
    module: str
    ocpi_version: str
    pull_id: str
    owner_id: str | None
    """the party behind the connection where there is exactly one: OCPI 2.1.1 objects name no owner"""
    since: datetime | None
    until: datetime
    finished_at: datetime
    failure: str | None
    """why the end was not reached; None when it was"""
    pages: tuple[Provenance, ...]
    parties: tuple[str, ...] = ()
    """for whom the connection was declared to speak; none: for anybody, as older manifests say"""
    offers: tuple[str, ...] = ()
    """the modules that the peer offered when it was asked; none where it was not reached, and in older manifests"""

    @property
    def is_asked(self) -> bool:
        """Whether a peer was asked; the empty window of a push or a file says that somebody came by himself."""
        return self.since is None or self.since < self.until

    @property
    def records(self) -> int:
        """Records on readable pages."""
        return sum(max(page.records, 0) for page in self.pages)


@dataclass(frozen=True, slots=True)
class RawStore:
    """The raw pages of one lake."""

    lake: Lake

    def write_page(self, provenance: Provenance, content: bytes) -> None:
        """Keep a page byte for byte in a file of its own, then its provenance."""
        stem = f"{self._folder(provenance)}/{provenance.sequence:05d}"
        self.lake.write_bytes(f"{stem}.json.zst", packed(content))
        self.lake.write_bytes(f"{stem}.provenance.json", _pretty(provenance))

    def write_file(self, path: str, content: bytes) -> None:
        """Write a file of pages; its path is below the raw pages."""
        self.lake.write_bytes(f"{self.lake.root}/raw/{path}", content)

    def read_page(self, provenance: Provenance) -> bytes:
        """Give a page's bytes as received; bytes that no longer fit their SHA-256 are a `ValueError`."""
        path, content = self._page(provenance)
        if content is None or hashlib.sha256(content).hexdigest() != provenance.sha256:
            msg = f"raw page {path} was changed after it was received (SHA-256 differs): restore it from a backup"
            raise ValueError(msg)
        return content

    def read_records(self, provenance: Provenance) -> list[bytes]:
        """Give the records of a page in their own bytes; raise `RecordProblem` where it cannot be cut into them."""
        return read_page(self.read_page(provenance), provenance.format)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest: from here on the pull counts."""
        self.lake.write_bytes(f"{self._folder(manifest)}/{MANIFEST}", _pretty(manifest))

    def manifests(self, connection_id: str = "*", module: str = "*") -> list[Manifest]:
        """Give every pull that counts, in the order in which they were made."""
        found = self.lake.fs.glob(f"{self.lake.root}/raw/{connection_id}/{module}/*/{MANIFEST}")
        decoder = msgspec.json.Decoder(Manifest)
        read = [decoder.decode(self.lake.read_bytes(str(path))) for path in found]
        return sorted(read, key=lambda each: (each.pull_id, each.connection_id, each.module))

    def has_pull(self, connection_id: str, module: str, pull_id: str) -> bool:
        """Tell whether a pull of that id has already been finished."""
        return bool(self.lake.fs.exists(f"{self.lake.root}/raw/{connection_id}/{module}/{pull_id}/{MANIFEST}"))

    def record(self, connection_id: str, module: str, page_sha256: str, position: int) -> bytes:
        """Give a record's own bytes, found by the page and position that its typed row names.

        Raises:
            LookupError: when no kept page has that SHA-256, or the page has no such record.
        """
        (record,) = self.records([(connection_id, module, page_sha256, position)])
        return record

    def records(self, places: Iterable[tuple[str, str, str, int]]) -> list[bytes]:
        """Give records as `record` does, in the order asked for; each page is read once."""
        asked = list(places)
        wanted: dict[tuple[str, str], dict[str, list[int]]] = {}
        for connection_id, module, page_sha256, position in asked:
            wanted.setdefault((connection_id, module), {}).setdefault(page_sha256, []).append(position)
        found: dict[tuple[str, str, str, int], bytes] = {}
        for (connection_id, module), positions in wanted.items():
            for page in self._pages(connection_id, module):
                if page.sha256 in positions:
                    records = self.read_records(page)
                    here = (position for position in positions.pop(page.sha256) if 0 <= position < len(records))
                    found |= {(connection_id, module, page.sha256, position): records[position] for position in here}
        for connection_id, module, page_sha256, position in asked:
            if (connection_id, module, page_sha256, position) not in found:
                msg = f"no record {position} on a raw page {page_sha256} of {connection_id}/{module}"
                raise LookupError(msg)
        return [found[place] for place in asked]

    def _page(self, provenance: Provenance) -> tuple[str, bytes | None]:
        """Give the path of a page and its bytes; None where what lies there can no longer be unpacked."""
        stem, place = f"{self._folder(provenance)}/{provenance.sequence:05d}", provenance.place
        if place is not None:
            path = f"{self._folder(provenance)}/{place.file}"
            frame = self.lake.read_bytes(path, place.begins, place.ends)
            return f"{path}, page {provenance.sequence}", _unpacked(frame)
        if self.lake.fs.exists(path := f"{stem}.json.zst"):
            return path, _unpacked(self.lake.read_bytes(path))
        path = f"{stem}.json.gz"
        return path, gzip.decompress(self.lake.read_bytes(path))

    def _pages(self, connection_id: str, module: str) -> Iterator[Provenance]:
        for manifest in self.manifests(connection_id, module):
            yield from manifest.pages

    def _folder(self, of: Provenance | Manifest) -> str:
        return f"{self.lake.root}/raw/{of.connection_id}/{of.module}/{of.pull_id}"


def packed(content: bytes) -> bytes:
    """Pack a page into one Zstandard frame; the same bytes give the same frame."""
    return _ZSTANDARD.compress(content, asbytes=True)


def _unpacked(frame: bytes) -> bytes | None:
    """Unpack a page; the stream knows its own length."""
    try:
        with pa.CompressedInputStream(pa.BufferReader(frame), "zstd") as stream:
            return stream.read()
    except OSError:  # so Arrow says that these bytes are no Zstandard
        return None


def _pretty(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
