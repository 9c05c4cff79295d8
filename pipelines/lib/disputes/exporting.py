"""The register's cases as tables of the lake, for analysts and for everything that reads no register."""

from __future__ import annotations

from sqlalchemy import Connection

from models.schemas.registry import Layer
from pipelines.lib.lake import Lake
from pipelines.lib.register.disputes import export_dispute_events, export_disputes


def export_cases(tx: Connection, lake: Lake) -> dict[str, int]:
    """Write `ledger/dispute_events` and `ledger/disputes` whole; give the rows of each."""
    tables = {"dispute_events": export_dispute_events(tx), "disputes": export_disputes(tx)}
    for name, frame in tables.items():
        lake.write(Layer.LEDGER, name, frame)
    return {name: frame.height for name, frame in tables.items()}
