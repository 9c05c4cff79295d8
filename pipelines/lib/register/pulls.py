"""Finished pulls in the register, and the watermarks that follow from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from pipelines.lib.register.tables import PULLS


@dataclass(frozen=True, slots=True)
class FinishedPull:
    """One module of one connection, pulled to its end over the half-open window `[since, until)`."""

    pull_id: str
    connection_id: str
    module: str
    since: datetime | None
    """None: from the beginning"""
    until: datetime
    pages: int
    records: int
    finished_at: datetime


def record_pull(tx: sa.Connection, pull: FinishedPull) -> None:
    """Append a finished pull; recording the same one again changes nothing."""
    known = sa.select(PULLS.c.pull_id).where(
        PULLS.c.pull_id == pull.pull_id,
        PULLS.c.connection_id == pull.connection_id,
        PULLS.c.module == pull.module,
    )
    if tx.execute(known).first() is None:
        tx.execute(PULLS.insert().values(**asdict(pull)))


def watermark(tx: sa.Connection, connection_id: str, module: str) -> datetime | None:
    """Give the instant up to which a module was pulled; None when it never was.

    A backfill of an old window has an old `until` and therefore never moves the watermark back. Nor does a window that
    began after the watermark move it forward: what lies between was never asked for.
    """
    rows = tx.execute(
        sa.select(PULLS.c.since, PULLS.c.until)
        .where(PULLS.c.connection_id == connection_id, PULLS.c.module == module)
        .order_by(PULLS.c.until, PULLS.c.pull_id)
    )
    mark: datetime | None = None
    for since, until in rows:
        if since is None or (mark is not None and since <= mark):
            mark = until if mark is None else max(mark, until)
    return mark
