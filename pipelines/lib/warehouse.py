"""The warehouse: built aside by dbt, tested, then published by rename, for finance and, without persons, for analysts.

`build.duckdb` is dbt's alone. Readers open `warehouse.duckdb` and `analytics.duckdb`, which are only ever replaced as
whole files: a reader keeps the file that it opened, the next one gets the new file, and neither waits for a build.
"""

from __future__ import annotations

import fcntl
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import duckdb

from models.schemas.registry import TABLES, Table
from pipelines.lib import dbt
from pipelines.lib.lake import Lake
from pipelines.lib.pseudonyms import key_of, macro_sql
from pipelines.lib.settings import Settings

FINANCE: Final = "warehouse.duckdb"
ANALYTICS: Final = "analytics.duckdb"
_BUILD: Final = "build.duckdb"
_WORKING_SCHEMAS: Final = ("staging", "intermediate")
_NO_MONTH: Final = "no_month"
"""folder of the empty file that gives a table by months its columns before its first month; no month is named so"""

Privacy: TypeAlias = Mapping[str, Mapping[str, str]]
"""table -> column -> pseudonymise | pseudonymise_home | drop, as the models' yml says under `config.meta.privacy`"""


@dataclass(frozen=True, slots=True)
class Published:
    """The two files that readers open, and how many rows each of their tables has."""

    finance: Path
    analytics: Path
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WarehouseReport:
    """One build that was published."""

    published: Published
    results: Sequence[dbt.NodeResult]
    seconds: float

    @property
    def warnings(self) -> list[str]:
        """What a test found that does not stop publishing, one line each."""
        return [str(result) for result in self.results if result.status == "warn"]


def build_and_publish(settings: Settings, lake: Lake, *, with_unit_tests: bool = False) -> WarehouseReport:
    """Build, test and publish the warehouse; `with_unit_tests` tries the SQL itself as well.

    Raises:
        DbtFailedError: when a model or a test failed; what was published before stays published.
    """
    started = time.monotonic()
    results = build(settings, lake, with_unit_tests=with_unit_tests)
    dbt.raise_for_failures(results)
    return WarehouseReport(publish(settings), results, time.monotonic() - started)


def build(settings: Settings, lake: Lake, *, with_unit_tests: bool = False) -> list[dbt.NodeResult]:
    """Let dbt build and test everything in a fresh build file; give all results, failed ones included."""
    complete(lake)
    with _only_builder(settings.warehouse):
        file = settings.warehouse / _BUILD
        for stale in (file, file.with_name(f"{_BUILD}.wal")):
            stale.unlink(missing_ok=True)
        paths = dbt.DbtPaths(_lake_for_dbt(lake), file.resolve(), dbt_work(settings).resolve())
        return dbt.build(paths, with_unit_tests=with_unit_tests)


def publish(settings: Settings) -> Published:
    """Make both files from the build file and rename them onto the published ones."""
    with _only_builder(settings.warehouse):
        finance = _replace(settings.warehouse / FINANCE, lambda beside: _write_finance(settings, beside))
        analytics = _replace(settings.warehouse / ANALYTICS, lambda beside: _write_analytics(settings, beside))
    return Published(finance, analytics, _row_counts(finance))


def complete(lake: Lake) -> list[str]:
    """Write an empty file for every table of the registry that does not exist yet; give their names.

    A home without disputes has no dispute table, and dbt could not read what is not there.
    """
    return [f"{hand_over.layer}/{hand_over.name}" for hand_over in TABLES if _completed(lake, hand_over)]


def dbt_work(settings: Settings) -> Path:
    """Give the folder of dbt's targets and logs."""
    return settings.warehouse / "dbt"


def privacy_of(manifest: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Read from dbt's manifest which columns of which mart must not reach analysts as they are."""
    nodes = manifest["nodes"]
    assert isinstance(nodes, dict)  # noqa: S101 - narrows dbt's JSON for the type checker
    marts = [node for node in nodes.values() if node["resource_type"] == "model" and node["schema"] == "main"]
    return {
        mart["name"]: {
            name: str(column["config"]["meta"]["privacy"])
            for name, column in mart["columns"].items()
            if "privacy" in column["config"].get("meta", {})
        }
        for mart in marts
    }


def _completed(lake: Lake, hand_over: Table) -> bool:
    if hand_over.by_month:
        path = f"{lake.root}/{hand_over.layer}/{hand_over.name}/{_NO_MONTH}/part-0.parquet"
        if not lake.months(hand_over.layer, hand_over.name):
            return _write_empty(lake, hand_over, path)
        if lake.fs.exists(path):  # with the columns of its time, beside months that have those of today
            lake.fs.rm(path)
        return False
    path = lake.path(hand_over.layer, hand_over.name)
    return not lake.fs.exists(path) and _write_empty(lake, hand_over, path)


def _write_empty(lake: Lake, hand_over: Table, path: str) -> bool:
    """Write a file with the columns of the contract and no row, always anew: the contract may have changed."""
    buffer = io.BytesIO()
    hand_over.empty().write_parquet(buffer)
    lake.write_bytes(path, buffer.getvalue())
    return True


def _lake_for_dbt(lake: Lake) -> str:
    """Give the lake as DuckDB reads it: an absolute path, or the URL as it is."""
    return lake.url.rstrip("/") if "://" in lake.url else str(Path(lake.root).resolve())


@contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    """Hold the builder's lock: a second build waits here instead of deleting the file that the first one writes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "build.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _replace(target: Path, write: Callable[[Path], None]) -> Path:
    beside = target.with_name(f"{target.name}.tmp")
    beside.unlink(missing_ok=True)
    write(beside)
    return beside.replace(target)


def _write_finance(settings: Settings, file: Path) -> None:
    """Copy the build and leave out its working views, which would point into the lake."""
    shutil.copyfile(settings.warehouse / _BUILD, file)
    with duckdb.connect(str(file)) as con:
        for schema in _WORKING_SCHEMAS:
            con.execute(f"drop schema if exists {schema} cascade")
        con.execute("checkpoint")


def _write_analytics(settings: Settings, file: Path) -> None:
    """Write every table anew: a column dropped from a copied file would still stand in its pages."""
    manifest = json.loads(dbt.manifest_file().read_text(encoding="utf-8"))
    key = key_of(settings.home / "register" / "pseudonym.key")
    with duckdb.connect(str(file)) as con:
        con.execute(macro_sql(key))
        con.execute(f"attach '{_quoted(settings.warehouse / FINANCE)}' as finance (read_only)")
        for table, columns in privacy_of(manifest).items():
            _copy_without_persons(con, table, columns)
        con.execute("detach finance")
        con.execute("checkpoint")


def _copy_without_persons(con: duckdb.DuckDBPyConnection, table: str, privacy: Mapping[str, str]) -> None:
    kept = [(name, comment) for name, comment in _described(con, table) if privacy.get(name) != "drop"]
    columns = ", ".join(f"{_expression(name, privacy.get(name))} as {name}" for name, _ in kept)
    con.execute(f"create table {table} as select {columns} from finance.main.{table}")  # noqa: S608 - names of our own models
    (comment,) = con.execute(
        "select comment from duckdb_tables() where database_name = 'finance' and table_name = ?", [table]
    ).fetchall()[0]
    con.execute(f"comment on table {table} is '{_quoted(comment)}'")
    for name, column_comment in kept:
        con.execute(f"comment on column {table}.{name} is '{_quoted(column_comment)}'")


def _described(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Give the columns of a table of the finance file with their comments, in order."""
    return con.execute(
        "select column_name, comment from duckdb_columns() "
        "where database_name = 'finance' and schema_name = 'main' and table_name = ? order by column_index",
        [table],
    ).fetchall()


def _expression(column: str, privacy: str | None) -> str:
    match privacy:
        case None:
            return column
        case "pseudonymise":
            return f"pseudonym({column})"
        case "pseudonymise_home":
            return f"case when is_home_charging then pseudonym({column}) else {column} end"
        case _:
            msg = f"column {column}: privacy {privacy!r} is not one of pseudonymise, pseudonymise_home, drop"
            raise ValueError(msg)


def _row_counts(file: Path) -> dict[str, int]:
    with duckdb.connect(str(file), read_only=True) as con:
        names = [row[0] for row in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        return {name: con.table(name).count("*").fetchall()[0][0] for name in names}


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
