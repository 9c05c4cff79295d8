"""Making the index again from the raw store: what was pushed is all there, and when it came stands in the receipts."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import msgspec

from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, RawStore
from pipelines.receiver.entries import NOTHING, Entry, Receipt
from pipelines.receiver.objects import ObjectIndex
from pipelines.receiver.publishing import RECEIPTS

_RECEIPT = msgspec.json.Decoder(Receipt)


def replay(lake: Lake, index: ObjectIndex) -> int:
    """Fill an index that is empty from every pushed page, in the order in which it was said; give the entries taken.

    An index that holds anything is left alone: it was written with every push.
    """
    if index.last_sequence():
        return 0
    taken = 0
    for manifest in RawStore(lake).manifests():
        entries = list(_entries(lake, manifest))
        index.apply(entries)
        taken += len(entries)
    return taken


def _entries(lake: Lake, manifest: Manifest) -> Iterator[Entry]:
    path = f"{lake.root}/raw/{manifest.connection_id}/{manifest.module}/{manifest.pull_id}/{RECEIPTS}"
    if not lake.fs.exists(path):
        return
    receipts = [_RECEIPT.decode(line) for line in gzip.decompress(lake.read_bytes(path)).splitlines()]
    page = manifest.pages[0].sha256
    places = [
        (manifest.connection_id, manifest.module, page, each.position) for each in receipts if each.position is not None
    ]
    records = iter(RawStore(lake).records(places))
    for receipt in receipts:
        record = NOTHING if receipt.position is None else msgspec.Raw(next(records))
        yield Entry(
            sequence=receipt.sequence,
            received_at=receipt.received_at,
            connection_id=manifest.connection_id,
            module=manifest.module,
            ocpi_version=manifest.ocpi_version,
            owner_id=manifest.owner_id,
            method=receipt.method,
            path=receipt.path,
            key=receipt.key,
            sha256=receipt.sha256,
            record=record,
            is_evidence=receipt.is_evidence,
        )
