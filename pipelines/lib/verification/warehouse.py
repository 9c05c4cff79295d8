"""The published warehouse against a fresh build from the lake, table by table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.lib import warehouse
from pipelines.lib.lake import Lake
from pipelines.lib.settings import Settings
from pipelines.lib.verification.breach import SHOWN_PER_TABLE, Breach


def warehouse_breaches(settings: Settings, lake: Lake) -> list[Breach]:
    """Build the marts again beside the published file and name every row that differs."""
    published = settings.warehouse / warehouse.FINANCE
    if not published.exists():
        return [Breach("warehouse = lake", str(published.name), "a published warehouse", "none")]
    with tempfile.TemporaryDirectory(prefix="roamledger-verify-") as folder:
        scratch = settings.model_copy(update={"home": Path(folder)})
        failed = [result for result in warehouse.build(scratch, lake) if result.status in {"error", "fail"}]
        breaches = [Breach("warehouse tests", f"dbt {result.name}", "success", str(result)) for result in failed]
        if not breaches:
            breaches = list(_compare(warehouse.publish(scratch).finance, published))
    return breaches


def _compare(right: Path, published: Path) -> Iterator[Breach]:
    with duckdb.connect() as con:
        con.execute(f"attach '{right}' as right_build (read_only)")
        con.execute(f"attach '{published}' as published (read_only)")
        tables = con.execute(
            "select table_name from duckdb_tables() where database_name = 'right_build' and schema_name = 'main'"
            " order by table_name"
        ).fetchall()
        for (name,) in tables:
            yield from _compare_table(con, name)


def _compare_table(con: duckdb.DuckDBPyConnection, name: str) -> Iterator[Breach]:
    right, published = con.table(f"right_build.main.{name}"), con.table(f"published.main.{name}")
    for row in right.except_(published).limit(SHOWN_PER_TABLE).fetchall():
        yield Breach("warehouse = lake", f"warehouse {name}", _show(row), "no such row")
    for row in published.except_(right).limit(SHOWN_PER_TABLE).fetchall():
        yield Breach("warehouse = lake", f"warehouse {name}", "no such row", _show(row))


def _show(row: tuple[object, ...]) -> str:
    return " | ".join("" if value is None else str(value) for value in row)
