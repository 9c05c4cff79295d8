"""Closes in the register: `started` fixes a month's `as_of`, `finished` its hashes; at most one of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from pipelines.lib.register.tables import CLOSE_EVENTS

_STARTED = "started"
_FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class FinishedClose:
    """A month that is closed for good."""

    billing_month: date
    as_of: datetime
    inputs_sha256: str
    outputs_sha256: str
    documents: int
    closed_at: datetime


def start_close(tx: Connection, billing_month: date, now: datetime) -> datetime:
    """Give the `as_of` of a month's close: the instant at which it was first started, now if it never was."""
    if (as_of := started_as_of(tx, billing_month)) is not None:
        return as_of
    tx.execute(insert(CLOSE_EVENTS).values(billing_month=billing_month, kind=_STARTED, as_of=now, happened_at=now))
    return now


def started_as_of(tx: Connection, billing_month: date) -> datetime | None:
    """Give the `as_of` of a close that was started, finished or not."""
    event = CLOSE_EVENTS.c
    query = select(event.as_of).where(event.billing_month == billing_month, event.kind == _STARTED)
    return tx.execute(query).scalar_one_or_none()


def finish_close(tx: Connection, close: FinishedClose) -> None:
    """Write that a month is closed."""
    tx.execute(
        insert(CLOSE_EVENTS).values(
            billing_month=close.billing_month,
            kind=_FINISHED,
            as_of=close.as_of,
            inputs_sha256=close.inputs_sha256,
            outputs_sha256=close.outputs_sha256,
            documents=close.documents,
            happened_at=close.closed_at,
        )
    )


def finished_closes(tx: Connection) -> list[FinishedClose]:
    """List the closed months, in order."""
    query = select(CLOSE_EVENTS).where(CLOSE_EVENTS.c.kind == _FINISHED).order_by(CLOSE_EVENTS.c.billing_month)
    return [_read(row) for row in tx.execute(query)]


def finished_close(tx: Connection, billing_month: date) -> FinishedClose | None:
    """Give a month's close, if it is finished."""
    return next((close for close in finished_closes(tx) if close.billing_month == billing_month), None)


def _read(row: Row[Any]) -> FinishedClose:
    return FinishedClose(
        billing_month=row.billing_month,
        as_of=row.as_of,
        inputs_sha256=row.inputs_sha256,
        outputs_sha256=row.outputs_sha256,
        documents=row.documents,
        closed_at=row.happened_at,
    )
