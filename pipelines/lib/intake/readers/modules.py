"""A reader for each module: those whose records become rows of one table, and those that land no rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from models.ocpi.acceptance import hold_to_calendar
from models.ocpi.authorizations import read_authorization
from models.ocpi.cdr_frames import columns_of
from models.ocpi.fields import Fields, remark_of
from models.ocpi.hub_clients import read_hub_client
from models.ocpi.invoice_records import read_invoice_record
from models.ocpi.locations import read_location
from models.ocpi.sessions import read_session
from models.ocpi.tokens import read_token
from pipelines.lib.intake.readers.cdrs import CdrReader
from pipelines.lib.intake.readers.reader import PageContext, Read, Reader
from pipelines.lib.intake.readers.tariffs import TariffReader


@dataclass
class ValueReader:
    """Reads modules whose records become rows of one table: a record may give several rows, or none."""

    table: str
    read: Callable[[Mapping[str, object], PageContext], tuple[tuple[object, ...], Read]]
    _values: list[object] = field(default_factory=list)
    _rows: list[int] = field(default_factory=list)
    _count: int = 0

    def take(self, record: Mapping[str, object], context: PageContext, position: int = 0) -> Read:
        """Read a record into its rows, whose places the batch knows."""
        del position
        values, read = self.read(record, context)
        hold_to_calendar(read.at)
        self._values += values
        self._rows += [self._count] * len(values)
        self._count += 1
        return read

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give the rows of the table."""
        rows = pl.Series("row", self._rows, pl.UInt32)
        return {self.table: columns_of(self.table, self._values).with_columns(rows)}


@dataclass(frozen=True)
class StatedReader:
    """Reads modules that land no rows of their own: their tables are made of statements (`stated.py`)."""

    read: Callable[[Mapping[str, object], PageContext], Read]

    def take(self, record: Mapping[str, object], context: PageContext, position: int = 0) -> Read:
        """Read a record only to know whether it can be read."""
        del position
        return self.read(record, context)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give nothing."""
        return {}


def _sessions(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], context: PageContext) -> tuple[tuple[object, ...], Read]:
        fields = Fields("session", record)
        session = read_session(fields, context.owner_id, context.ocpi_version)
        at = session.ended_at or session.started_at
        return (session,), Read(session.last_updated_at, at, remark_of(fields.notes))

    return ValueReader("sessions", read)


def _tokens(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], _context: PageContext) -> tuple[tuple[object, ...], Read]:
        fields = Fields("token", record)
        token = read_token(fields)
        return (token,), Read(token.last_updated_at, remark=remark_of(fields.notes))

    return ValueReader("tokens", read)


def _authorizations(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], _context: PageContext) -> tuple[tuple[object, ...], Read]:
        fields = Fields("authorization", record)
        found = read_authorization(fields)
        return (found,), Read(found.last_updated_at, found.authorized_at, remark_of(fields.notes))

    return ValueReader("authorizations", read)


def _locations(alpha2: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], context: PageContext) -> tuple[tuple[object, ...], Read]:
        location = Fields("location", record)
        connectors = read_location(location, context.owner_id, context.ocpi_version, alpha2)
        return connectors, Read(location.instant("last_updated"), remark=remark_of(location.notes))

    return ValueReader("connectors", read)


def _hub_clients(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], _context: PageContext) -> Read:
        fields = Fields("client", record)
        return Read(read_hub_client(fields).last_updated_at, remark=remark_of(fields.notes))

    return StatedReader(read)


def _invoice_records(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], context: PageContext) -> Read:
        fields = Fields("invoice record", record)
        invoiced = read_invoice_record(fields, context.owner_id)
        return Read(invoiced[0].last_updated_at, remark=remark_of(fields.notes))

    return StatedReader(read)


READERS: Final[Mapping[str, Callable[[Mapping[str, str]], Reader]]] = {
    "cdrs": CdrReader,
    "tariffs": TariffReader,
    "sessions": _sessions,
    "locations": _locations,
    "tokens": _tokens,
    "authorizations": _authorizations,
    "hubclientinfo": _hub_clients,
    "invoicereconciliation": _invoice_records,
}
"""a fresh reader per module; the argument is the table of country codes"""
