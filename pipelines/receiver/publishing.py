"""Publishing: closed segments of the spool become pulls in the raw store, once each, whatever is killed in between.

A segment becomes one pull per connection, module and owner, with one NDJSON page: a record a line, as it was pushed.
Beside the page lie the receipts: when and how each record came, and the bodies of PATCH and DELETE.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, Provenance, RawStore
from pipelines.receiver.entries import Entry, Receipt
from pipelines.receiver.objects import ObjectIndex
from pipelines.receiver.spool import CLOSED, read_segment, sync

RECEIPTS: Final = "receipts.ndjson.gz"

_Group = tuple[str, str, str, str | None]
"""connection, module, OCPI version, owner"""


@dataclass(frozen=True)
class Publisher:
    """Moves closed segments into the raw store."""

    folder: Path
    lake: Lake
    index: ObjectIndex

    def __call__(self) -> int:
        """Publish every closed segment; give how many there were."""
        segments = sorted(self.folder.glob(f"*{CLOSED}"))
        for path in segments:
            for number, (group, entries) in enumerate(_groups(read_segment(path)).items()):
                self._publish(f"{path.stem}-{number:02d}", group, entries)
            self.index.flush()
            path.unlink()  # only now: until here everything can be done again, with the same outcome
        return len(segments)

    def _publish(self, pull_id: str, group: _Group, entries: list[Entry]) -> None:
        connection_id, module, _, owner_id = group
        store = RawStore(self.lake)
        if store.has_pull(connection_id, module, pull_id):
            return  # the process was killed after the manifest and before the segment was deleted
        receipts = _receipts(entries)
        page = b"".join(bytes(entry.record) + b"\n" for entry in entries if entry.has_record)
        provenance = _provenance(pull_id, group, entries, page)
        store.write_page(provenance, page)
        self._write_receipts(provenance, receipts)
        self._bring_to_disk(provenance)
        ended = entries[-1].received_at
        store.finish(
            Manifest(
                connection_id=connection_id,
                module=module,
                ocpi_version=group[2],
                pull_id=pull_id,
                owner_id=owner_id,
                # An empty window: a push says nothing about what else there is, so it may never move a watermark.
                since=ended,
                until=ended,
                finished_at=ended,
                failure=None,
                pages=(provenance,),
            )
        )
        self._bring_to_disk(provenance)

    def _bring_to_disk(self, page: Provenance) -> None:
        """Have a local lake write its files out: the peer was answered, so not even a power cut may lose them."""
        folder = Path(_folder(self.lake, page))
        for path in (*folder.glob("*"), folder) if folder.is_dir() else ():
            sync(path)

    def _write_receipts(self, page: Provenance, receipts: Iterable[Receipt]) -> None:
        content = b"".join(msgspec.json.encode(each) + b"\n" for each in receipts)
        self.lake.write_bytes(
            f"{_folder(self.lake, page)}/{RECEIPTS}", gzip.compress(content, compresslevel=6, mtime=0)
        )


def _folder(lake: Lake, page: Provenance) -> str:
    return f"{lake.root}/raw/{page.connection_id}/{page.module}/{page.pull_id}"


def _groups(entries: Iterable[Entry]) -> dict[_Group, list[Entry]]:
    groups: dict[_Group, list[Entry]] = {}
    for entry in entries:
        group = (entry.connection_id, entry.module, entry.ocpi_version, entry.owner_id)
        groups.setdefault(group, []).append(entry)
    return groups


def _receipts(entries: Iterable[Entry]) -> list[Receipt]:
    receipts, position = [], 0
    for entry in entries:
        receipts.append(Receipt.of(entry, position if entry.has_record else None))
        position += entry.has_record
    return receipts


def _provenance(pull_id: str, group: _Group, entries: list[Entry], page: bytes) -> Provenance:
    connection_id, module, version, _ = group
    return Provenance(
        connection_id=connection_id,
        module=module,
        ocpi_version=version,
        pull_id=pull_id,
        sequence=0,
        url=f"push:{version}/{module}",
        http_status=200,
        headers={"content-type": "application/x-ndjson"},
        # The last one: what is known of a page is known from when all of it was there.
        received_at=entries[-1].received_at,
        sha256=hashlib.sha256(page).hexdigest(),
        records=sum(entry.has_record for entry in entries),
        format="ndjson",
    )
