"""The index of what was pushed: the current body of each object, what it was within the hour, and all that was seen.

It is derived: written after a push is durable in the spool, replayed from the spool after a crash. SQLite in
`<home>/receiver/objects.sqlite`; one thread writes, others read through connections of their own.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipelines.receiver.entries import Entry

_SCHEMA: Final = """
create table if not exists objects (
    connection_id text not null, module text not null, object_key text not null, sequence integer not null,
    ocpi_version text not null, sha256 text not null, received_at text not null, body blob,
    primary key (connection_id, module, object_key)
) without rowid;
create table if not exists messages (
    connection_id text not null, module text not null, object_key text not null, sha256 text not null,
    primary key (connection_id, module, object_key, sha256)
) without rowid;
create table if not exists former (
    connection_id text not null, module text not null, object_key text not null, sequence integer not null,
    replaced_at text not null, body blob not null,
    primary key (connection_id, module, object_key, sequence)
) without rowid;
create index if not exists former_by_time on former (replaced_at);
create table if not exists ids (
    connection_id text not null, module text not null, digest text not null, object_key text not null,
    primary key (connection_id, module, digest)
) without rowid;
"""
_UPSERT: Final = """
insert into objects values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set
    sequence = excluded.sequence, ocpi_version = excluded.ocpi_version, sha256 = excluded.sha256,
    received_at = excluded.received_at, body = excluded.body
where excluded.sequence > objects.sequence
"""
_REPLACED: Final = """
insert or ignore into former
select connection_id, module, object_key, sequence, ?, body from objects
where connection_id = ? and module = ? and object_key = ? and sequence < ? and body is not null
"""
_CHANGING: Final = frozenset({"PUT", "PATCH"})
_REMEMBERED: Final = timedelta(hours=1)
"""How long the index knows what an object was: messages that were overtaken come soon, and intake knows what is older.
A day of it would be gigabytes where peers tell of every minute of every session."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one object."""

    sha256: str
    """of the message that made it what it is"""
    received_at: datetime
    body: bytes | None
    """None: deleted"""
    ocpi_version: str
    """in which it is written"""


@dataclass
class ObjectIndex:
    """The index of one home."""

    path: Path
    _threads: threading.local = field(default_factory=threading.local)

    def apply(self, entries: Iterable[Entry]) -> None:
        """Take durable entries over, all or none; an entry that is already in changes nothing."""
        connection = self._connection()
        with connection:
            connection.execute("begin immediate")
            for entry in entries:
                _apply(connection, entry)
                forgotten = entry.received_at - _REMEMBERED
                connection.execute("delete from former where replaced_at < ?", (forgotten.isoformat(),))

    def known(self, connection_id: str, module: str, key: str) -> Known | None:
        """Give what is known of an object; None where it was never pushed."""
        row = (
            self._connection()
            .execute(
                "select sha256, received_at, body, ocpi_version from objects"
                " where connection_id = ? and module = ? and object_key = ?",
                (connection_id, module, key),
            )
            .fetchone()
        )
        return Known(row[0], datetime.fromisoformat(row[1]), *row[2:]) if row else None

    def former(self, connection_id: str, module: str, key: str) -> list[bytes]:
        """Give what an object was before, or came too late to be, within the last hour; the last told first."""
        query = (
            "select body from former where connection_id = ? and module = ? and object_key = ? order by sequence desc"
        )
        return [body for (body,) in self._connection().execute(query, (connection_id, module, key))]

    def has_seen(self, connection_id: str, module: str, key: str, sha256: str) -> bool:
        """Tell whether a body was ever pushed for an object."""
        query = "select 1 from messages where connection_id = ? and module = ? and object_key = ? and sha256 = ?"
        return self._connection().execute(query, (connection_id, module, key, sha256)).fetchone() is not None

    def key_of(self, connection_id: str, module: str, digest: str) -> str | None:
        """Give the key of the object behind a URL of ours."""
        query = "select object_key from ids where connection_id = ? and module = ? and digest = ?"
        row = self._connection().execute(query, (connection_id, module, digest)).fetchone()
        return row[0] if row else None

    def last_sequence(self) -> int:
        """Give the highest sequence ever taken over; 0 for none."""
        return int(self._connection().execute("select coalesce(max(sequence), 0) from objects").fetchone()[0])

    def flush(self) -> None:
        """Bring everything to the disk, so that the segments it came from may go."""
        self._connection().execute("pragma wal_checkpoint(truncate)").fetchall()

    def _connection(self) -> sqlite3.Connection:
        """Give this thread's connection."""
        found = getattr(self._threads, "connection", None)
        if found is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            for pragma in ("journal_mode=wal", "synchronous=normal"):
                found.execute(f"pragma {pragma}")
            found.executescript(_SCHEMA)
            self._threads.connection = found
        return found


def _apply(connection: sqlite3.Connection, entry: Entry) -> None:
    place = (entry.connection_id, entry.module, entry.key)
    connection.execute("insert or ignore into messages values (?, ?, ?, ?)", (*place, entry.sha256))
    # Of evidence as well: the first body of a CDR may have been pulled, and is what the URL of a second one shows.
    names = (entry.connection_id, entry.module, digest_of(entry.key), entry.key)
    connection.execute("insert or ignore into ids values (?, ?, ?, ?)", names)
    body = bytes(entry.record) if entry.has_record else None
    if entry.is_evidence:
        if body is not None and entry.method in _CHANGING:
            late = (*place, entry.sequence, entry.received_at.isoformat(), body)
            connection.execute("insert or ignore into former values (?, ?, ?, ?, ?, ?)", late)
        return
    connection.execute(_REPLACED, (entry.received_at.isoformat(), *place, entry.sequence))
    facts = (entry.sequence, entry.ocpi_version, entry.sha256, entry.received_at.isoformat(), body)
    connection.execute(_UPSERT, (*place, *facts))


def digest_of(key: str) -> str:
    """Give the name of an object in a URL of ours: 32 hex digits, whatever characters its id has."""
    return sha256(key.encode()).hexdigest()[:32]
