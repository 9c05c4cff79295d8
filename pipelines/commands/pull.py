"""`roamledger pull`: ask every peer for what is new, then work the touched months through to charges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import polars as pl
from rich.console import Console
from rich.table import Table as RichTable

from models.schemas.registry import Layer
from models.types.vocabularies import RecordOutcome
from pipelines.commands.progress import run_progress
from pipelines.lib.errors import UserError
from pipelines.lib.intake.drops.report import last_drop_report
from pipelines.lib.intake.pull_report import last_pull
from pipelines.lib.lake import Lake
from pipelines.lib.month_runs import INTAKE, stale_months, work_through
from pipelines.lib.register import Register
from pipelines.lib.runs import run_assets
from pipelines.lib.settings import Settings, load_settings


def run(
    party: str, since: datetime | None, until: datetime | None, console: Console, modules: Sequence[str] = ()
) -> int:
    """Pull and work through; give the exit code.

    It is 1 when a peer could not be reached or a dropped file was rejected, all others being done.
    """
    settings = load_settings()
    if not settings.connections:
        msg = "no connection is declared: add [[connections]] to roamledger.toml (see README, Connections)"
        raise UserError(msg)
    config = _pull_config(settings, party, since, until, modules)
    lake, register = Lake(settings.lake), Register(settings.register)
    try:
        _pull_and_work_through(lake, register, config, console)
    finally:  # dropped files are moved aside: what became of them is told by this run, even if it fails, or by none
        drops = last_drop_report(lake)
        _say(console, drops.rejected, "red")
        _say(console, drops.warnings, "yellow")
    console.print(intake_table(lake.read(Layer.TYPED, "records")))
    failures = last_pull(lake).failures
    _say(console, map(str, failures), "red")
    return 1 if failures or drops.rejected else 0


def _pull_and_work_through(lake: Lake, register: Register, config: dict[str, object], console: Console) -> None:
    with run_progress(console) as progress:
        run_assets(INTAKE, run_config=config, report=lambda step: progress.step("pull", step))
        progress.finish("pull")
        months = stale_months(lake, register)
        work_through(months, lambda month, step: progress.step(f"work through {month}", step))


def _say(console: Console, lines: Iterable[str], style: str) -> None:
    for line in lines:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def intake_table(records: pl.DataFrame) -> RichTable:
    """Show what became of every record received so far, per module: raw = typed + quarantined + duplicates."""
    counted = (
        records.group_by("module")
        .agg(
            pl.len().alias("received"),
            *(pl.col("outcome").eq(str(outcome)).sum().alias(str(outcome)) for outcome in RecordOutcome),
        )
        .sort("module")
    )
    table = RichTable(title="Records received", title_justify="left", header_style="bold")
    table.add_column("module")
    for name in ("received", *(str(outcome) for outcome in RecordOutcome)):
        table.add_column(name, justify="right")
    for row in counted.iter_rows():
        table.add_row(str(row[0]), *(f"{value:,}" for value in row[1:]))
    return table


def _pull_config(
    settings: Settings, party: str, since: datetime | None, until: datetime | None, modules: Sequence[str]
) -> dict[str, object]:
    config: dict[str, object] = {}
    if party:
        config["connections"] = [_connection_of(settings, party)]
    if since:
        config["since"] = since.replace(tzinfo=UTC).isoformat()
    if until:
        config["until"] = until.replace(tzinfo=UTC).isoformat()
    if modules:
        config["modules"] = list(modules)
    return {"ops": {"raw__ocpi_pages": {"config": config}}} if config else {}


def _connection_of(settings: Settings, party: str) -> str:
    """Resolve a connection id, or a party such as DE-LDW, to the connection that reaches it."""
    wanted = party.replace("-", "*").upper()
    for connection in settings.connections:
        if wanted in connection.parties or party.lower() == connection.connection_id:
            return connection.connection_id
    known = sorted(name.replace("*", "-") for connection in settings.connections for name in connection.parties)
    msg = f"party {party!r} is not reached by any connection (reached: {', '.join(known) or 'none'})"
    raise UserError(msg)
