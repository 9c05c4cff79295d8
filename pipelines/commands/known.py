"""`roamledger known`: what we knew about a tariff, a token, a connector or a contract at any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from models.reference.bitemporal import believed_at
from models.schemas.registry import Layer
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.settings import Settings


@dataclass(frozen=True, slots=True)
class _History:
    """Where the history of a kind of object stands, and what of it is shown."""

    table: str
    key: str
    shown: tuple[str, ...]


_TIMES: Final = ("known_from", "known_to", "valid_from", "valid_to")
HISTORIES: Final[Mapping[str, _History]] = {
    "tariff": _History("tariff_history", "tariff_key", ("tariff_version_id", "tariff_type", "connection_id")),
    "token": _History("token_history", "token_uid", ("token_type", "contract_id", "is_valid", "whitelist")),
    "connector": _History("connector_history", "connector_key", ("time_zone", "power_type", "tariff_ids")),
    "contract": _History("contract_history", "contract_id", ("account_id", "plan_id", "vehicle_id")),
}
"""by the word that the command takes"""


def run(kind: str, key: str, at: datetime | None, settings: Settings, console: Console) -> int:
    """Show the beliefs about one object, all of them or those held at an instant; exit 1 where there were none.

    Args:
        kind: tariff, token, connector or contract.
        key: its key as the typed tables have it, compared without case.
        at: the instant of knowledge, UTC; None for the whole history.
        settings: names the home.
        console: shows the table.

    Raises:
        UserError: for a kind that has no history.
    """
    if kind not in HISTORIES:
        msg = f"kind {kind!r} has no history: one of {', '.join(HISTORIES)}"
        raise UserError(msg)
    rows = beliefs_about(Lake(settings.lake), kind, key)
    held = rows if at is None else believed_at(rows, at)
    if held.is_empty():
        console.print(f"nothing was known about {kind} {escape(key)}{f' at {at:%Y-%m-%dT%H:%M:%SZ}' if at else ''}")
        return 1
    _show(held, (*_TIMES, *HISTORIES[kind].shown), console)
    return 0


def beliefs_about(lake: Lake, kind: str, key: str) -> pl.DataFrame:
    """Give the whole history of one object, in the order in which it became known."""
    history = HISTORIES[kind]
    rows = lake.read(Layer.TYPED, history.table)
    return rows.filter(pl.col(history.key).str.to_uppercase() == key.upper()).sort("row_index")


def _show(rows: pl.DataFrame, columns: tuple[str, ...], console: Console) -> None:
    table = RichTable(header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows.select(columns).iter_rows():
        table.add_row(*map(_cell, row))
    console.print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case list():
            return escape(", ".join(map(str, value)))
        case _:
            return escape(str(value))
