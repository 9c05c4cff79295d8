"""The register's cases as tables of the lake, for analysts and for everything that reads no register."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection

from models.schemas.registry import Layer
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import export_dispute_events, export_disputes


def case_tables(tx: Connection) -> dict[str, pl.DataFrame]:
    """Give the tables as the register has them now, by name."""
    return {"dispute_events": export_dispute_events(tx), "disputes": export_disputes(tx)}


def export_cases(register: Register, lake: Lake) -> dict[str, int]:
    """Write `ledger/dispute_events` and `ledger/disputes` whole, as they are committed; give the rows of each.

    The files are written while a transaction is open, so that of two exports at once the later one wins.
    """
    with register.transaction() as tx:
        tables = case_tables(tx)
        for name, frame in tables.items():
            lake.write(Layer.LEDGER, name, frame)
    return {name: frame.height for name, frame in tables.items()}
