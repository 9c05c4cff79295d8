"""Receipts: when and how each record of a pushed page came, as the receiver leaves them beside the page."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import Final

import msgspec

from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, Provenance

_RECEIPTS: Final = "receipts.ndjson.gz"


class Receipt(msgspec.Struct, frozen=True):
    """The part of a receipt that says what was told when."""

    method: str
    key: str
    """of the object, in upper case"""
    received_at: datetime
    position: int | None = None
    """of its record on the page; None where there is none, as for DELETE"""


_RECEIPT: Final = msgspec.json.Decoder(Receipt)


def receipts_of(lake: Lake, pull: Manifest | Provenance) -> list[Receipt]:
    """Read the receipts of a push, in the order of its requests; a pull or a file has none."""
    path = f"{lake.root}/raw/{pull.connection_id}/{pull.module}/{pull.pull_id}/{_RECEIPTS}"
    if not lake.fs.exists(path):
        return []
    return [_RECEIPT.decode(line) for line in gzip.decompress(lake.read_bytes(path)).splitlines()]
