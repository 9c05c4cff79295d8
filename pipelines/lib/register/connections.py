"""Handshakes in the register: when which connection was registered, rotated or unregistered, without any token."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from pipelines.lib.register.tables import CONNECTION_EVENTS

EventKind = Literal["registered", "rotated", "unregistered"]


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """One completed handshake; fingerprints are the first 8 hex digits of a token's SHA-256."""

    connection_id: str
    kind: EventKind
    ocpi_version: str | None
    our_token_fingerprint: str | None
    their_token_fingerprint: str | None
    happened_at: datetime


def record_connection_event(tx: sa.Connection, event: ConnectionEvent) -> bool:
    """Append a handshake, unless the newest event of its connection says the same already; tell whether it was new.

    A handshake that was stored and killed before its event is thus recorded by the next command, once.
    """
    newest = next(iter(connection_events(tx, event.connection_id)[-1:]), None)
    if newest is not None and _said(newest) == _said(event):
        return False
    tx.execute(CONNECTION_EVENTS.insert().values(**asdict(event)))
    return True


def connection_events(tx: sa.Connection, connection_id: str | None = None) -> list[ConnectionEvent]:
    """List the handshakes of one connection, or of all, in the order in which they were completed."""
    query = sa.select(CONNECTION_EVENTS).order_by(CONNECTION_EVENTS.c.event_id)
    if connection_id is not None:
        query = query.where(CONNECTION_EVENTS.c.connection_id == connection_id)
    return [_read(row) for row in tx.execute(query)]


def _said(event: ConnectionEvent) -> tuple[bool, str | None, str | None]:
    return event.kind == "unregistered", event.our_token_fingerprint, event.their_token_fingerprint


def _read(row: sa.Row[Any]) -> ConnectionEvent:
    return ConnectionEvent(
        row.connection_id,
        row.kind,
        row.ocpi_version,
        row.our_token_fingerprint,
        row.their_token_fingerprint,
        row.happened_at,
    )
