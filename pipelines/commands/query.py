"""`roamledger query`: one SELECT on the published warehouse, read-only, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table as RichTable

from pipelines.lib.errors import UserError
from pipelines.lib.settings import Settings
from pipelines.lib.warehouse import FINANCE

Row: TypeAlias = tuple[object, ...]
_UNBOUNDED: Final = 10_000


def run(sql: str, settings: Settings, console: Console, limit: int, output: str) -> int:
    """Ask, and show the answer; give the exit code.

    Args:
        sql: one statement that reads.
        settings: names the home whose published warehouse is asked.
        console: shows the table; CSV and JSON go to standard output as they are, unwrapped.
        limit: rows to show as a table; CSV and JSON are complete.
        output: table, csv or json.

    Raises:
        UserError: when nothing is published yet, or DuckDB refuses the statement.
    """
    if output not in _WRITERS and output != "table":
        msg = f"output {output!r} is not known: table, csv or json"
        raise UserError(msg)
    names, rows = _ask(sql, settings)
    if output == "table":
        _show(console, names, rows, limit)
    else:
        sys.stdout.write(_WRITERS[output](names, rows))
    return 0


def _ask(sql: str, settings: Settings) -> tuple[list[str], list[Row]]:
    file = settings.warehouse / FINANCE
    if not file.exists():
        msg = f"no warehouse is published yet in {settings.warehouse}: close a month first (roamledger close MONTH)"
        raise UserError(msg)
    try:
        with duckdb.connect(str(file), read_only=True) as con:
            con.execute("set TimeZone = 'UTC'")
            # Read-only protects this file alone; without this a statement could still write or read any other.
            con.execute("set enable_external_access = false")
            if not con.extract_statements(sql):
                msg = "query: there is no statement: give one, such as 'select * from fct_invoices'"
                raise UserError(msg)
            asked = con.execute(sql)
            return [column[0] for column in asked.description or ()], asked.fetchall()
    except duckdb.Error as error:
        msg = f"query: {' '.join(str(error).split())}"
        raise UserError(msg) from None


def _show(console: Console, names: Sequence[str], rows: Sequence[Row], limit: int) -> None:
    """Show a table, or one record below the other where the table is wider than the terminal."""
    shown = [[_cell(value) for value in row] for row in rows[:limit]]
    table = RichTable(header_style="bold")
    for position, name in enumerate(names):
        is_number = any(isinstance(row[position], int | Decimal | float) for row in rows)
        table.add_column(escape(name), justify="right" if is_number else "left", no_wrap=True)
    for cells in shown:
        table.add_row(*map(escape, cells))
    is_wide = Measurement.get(console, console.options.update(max_width=_UNBOUNDED), table).maximum > console.width
    console.print(_records(names, shown) if is_wide else table)
    console.print(_count(len(rows), limit), style="dim")


def _records(names: Sequence[str], shown: Sequence[Sequence[str]]) -> RichTable:
    """Lay records out one below the other, a column a line."""
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for number, cells in enumerate(shown, start=1):
        grid.add_row(f"── {number}", "", style="dim")
        for name, cell in zip(names, cells, strict=True):
            grid.add_row(escape(name), escape(cell))
    return grid


def _count(count: int, limit: int) -> str:
    counted = f"{count:,} row" if count == 1 else f"{count:,} rows"
    return counted if count <= limit else f"the first {limit:,} of {counted} (--limit shows more)"


def _cell(value: object) -> str:
    """Write a value for the eye: thousands apart, no zeros behind the cents, unknown as a dash."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return _decimal(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)


def _decimal(value: Decimal) -> str:
    """Keep the two decimals of money; drop only zeros that say nothing."""
    whole, _, decimals = f"{value:,f}".partition(".")
    decimals = decimals[:2] + decimals[2:].rstrip("0")
    return f"{whole}.{decimals}" if decimals else whole


def _plain(value: object) -> object:
    """Write a value for a machine: exact decimals as text, instants in ISO 8601."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _as_csv(names: Sequence[str], rows: Sequence[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return buffer.getvalue()


def _as_json(names: Sequence[str], rows: Sequence[Row]) -> str:
    answer = [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
    return json.dumps(answer, ensure_ascii=False, indent=2) + "\n"


_WRITERS: dict[str, Callable[[Sequence[str], Sequence[Row]], str]] = {"csv": _as_csv, "json": _as_json}
