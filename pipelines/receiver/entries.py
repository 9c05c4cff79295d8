"""One entry of the spool: what a peer said, when, and the record that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

NOTHING: Final = msgspec.Raw()
_LINE_BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One accepted request."""

    sequence: int
    """rises by time and never repeats within a home: the order of what was said"""
    received_at: datetime
    connection_id: str
    module: str
    ocpi_version: str
    owner_id: str | None
    """the party that owns the object; OCPI 2.1.1 says it in the path alone"""
    method: str
    path: str
    key: str
    """of the object, in upper case"""
    sha256: str
    """of the canonical content of the body, as intake reckons it: the same content is the same message"""
    request_id: str | None = None
    correlation_id: str | None = None
    record: msgspec.Raw = NOTHING
    """the whole object after the request; nothing where it was deleted"""
    sent: msgspec.Raw = NOTHING
    """the body, where the record is not the body itself"""
    is_evidence: bool = False
    """kept, but not what the object now is: a second body under the id of a CDR"""

    @property
    def has_record(self) -> bool:
        """Whether the object is still there after the request."""
        return bool(bytes(self.record))


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside a record of a page: when and how it came."""

    position: int | None
    """of its record on the page; None where there is none, as for DELETE"""
    sequence: int
    received_at: datetime
    method: str
    path: str
    key: str
    sha256: str
    request_id: str | None = None
    correlation_id: str | None = None
    sent: msgspec.Raw = NOTHING
    is_evidence: bool = False

    @classmethod
    def of(cls, entry: Entry, position: int | None) -> Receipt:
        """Give the receipt of an entry."""
        return cls(
            position=position,
            sequence=entry.sequence,
            received_at=entry.received_at,
            method=entry.method,
            path=entry.path,
            key=entry.key,
            sha256=entry.sha256,
            request_id=entry.request_id,
            correlation_id=entry.correlation_id,
            sent=entry.sent,
            is_evidence=entry.is_evidence,
        )


_ENTRY: Final = msgspec.json.Decoder(Entry)


def one_line(content: bytes) -> msgspec.Raw:
    """Give JSON on one line: a raw line break can only stand between tokens, so it becomes a space and nothing else."""
    return msgspec.Raw(content.strip().translate(_LINE_BREAKS))


def encoded(entry: Entry) -> bytes:
    """Write an entry as one line."""
    return msgspec.json.encode(entry) + b"\n"


def decoded(line: bytes) -> Entry:
    """Read a line back; raise `msgspec.MsgspecError` for one that was torn."""
    return _ENTRY.decode(line)
