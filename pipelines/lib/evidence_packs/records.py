"""CDRs in their own bytes, looked up in the raw pages by the place that their typed rows name."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from models.billing.canonical import sha256_of
from models.reconciliation.packs.pack import Received
from pipelines.lib.raw_store import RawStore

Row = Mapping[str, Any]
Place = tuple[str, str, str, int]
"""connection, module, SHA-256 of the page, position"""

_MODULE: Final = "cdrs"
_UNREADABLE: Final = (LookupError, ValueError, OSError, EOFError, zlib.error)
"""a page that is not there, was changed, or cannot be unpacked"""


def received_of(store: RawStore, rows: Sequence[Row]) -> dict[str, Received]:
    """Give by key how each CDR was received; where its bytes are missing, why.

    All are looked up at once, each page being read once; one by one only where that fails, to tell which is missing.

    Args:
        store: the raw pages.
        rows: `typed/cdrs`.
    """
    places = [_place(row) for row in rows]
    try:
        found: list[bytes | str] = [*store.records(places)]
    except _UNREADABLE:
        found = [_record(store, place) for place in places]
    return {row["cdr_key"]: _received(row, record) for row, record in zip(rows, found, strict=True)}


def _place(row: Row) -> Place:
    return row["connection_id"], _MODULE, row["page_sha256"], row["page_position"]


def _record(store: RawStore, place: Place) -> bytes | str:
    """Give a record's bytes, or in words why they are missing: ours, for an error names places of our storage."""
    try:
        return store.record(*place)
    except (LookupError, FileNotFoundError):
        return f"record {place[3]} of page {place[2]} is not in the raw store"
    except _UNREADABLE:
        return f"page {place[2]} cannot be read: it was changed or cut short"


def _received(row: Row, record: bytes | str) -> Received:
    """Give the bytes as text where they are UTF-8, else in base64."""
    if isinstance(record, str):
        return msgspec.convert({**row, "problem": record}, Received)
    facts: dict[str, Any] = {"record_sha256": sha256_of(record), "record_bytes": len(record)}
    try:
        facts["record"] = record.decode()
    except UnicodeDecodeError:
        facts["record_base64"] = base64.b64encode(record).decode()
    return msgspec.convert({**row, **facts}, Received)
