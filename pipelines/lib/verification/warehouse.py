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
            breaches = list(compare(warehouse.publish(scratch).finance, published))
    return breaches


def compare(right: Path, published: Path) -> Iterator[Breach]:
    """Compare two DuckDB files, table by table, and name every row of the one that the other lacks."""
    with duckdb.connect() as con:
        con.execute(f"attach '{right}' as right_build (read_only)")
        con.execute(f"attach '{published}' as published (read_only)")
        wanted, found = (_columns(con, database) for database in ("right_build", "published"))
        for name in sorted(wanted | found):
            if wanted.get(name) == found.get(name):
                yield from _compare_rows(con, name)
            else:
                yield Breach("warehouse = lake", f"warehouse {name}", *_difference(wanted.get(name), found.get(name)))


def _columns(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """Give the columns of each table of an attached database, in their order."""
    query = (
        "select table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = $database and schema_name = 'main' group by table_name"
    )
    return dict(con.execute(query, {"database": database}).fetchall())


def _difference(wanted: list[str] | None, found: list[str] | None) -> tuple[str, str]:
    """Say how the columns of a table differ: an older version published it, and its rows cannot be compared."""
    if wanted is None:
        return "no such table", "a table"
    if found is None:
        return "a table", "no such table: roamledger publishes it with the next close"
    lacking = ", ".join(name for name in wanted if name not in found) or "in another order"
    beyond = ", ".join(name for name in found if name not in wanted) or "none"
    return f"columns {lacking}", f"others: {beyond} (another version published it: close a month again)"


def _compare_rows(con: duckdb.DuckDBPyConnection, name: str) -> Iterator[Breach]:
    right, published = con.table(f"right_build.main.{name}"), con.table(f"published.main.{name}")
    for row in right.except_(published).limit(SHOWN_PER_TABLE).fetchall():
        yield Breach("warehouse = lake", f"warehouse {name}", _show(row), "no such row")
    for row in published.except_(right).limit(SHOWN_PER_TABLE).fetchall():
        yield Breach("warehouse = lake", f"warehouse {name}", "no such row", _show(row))


def _show(row: tuple[object, ...]) -> str:
    return " | ".join("" if value is None else str(value) for value in row)
