"""Commands of every day: pull or receive, load, close, verify, and ask."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.shared import Json, Seed, console

app = typer.Typer()

Month = Annotated[str, typer.Argument(metavar="MONTH", help="billing month, such as 2026-10")]
Instant = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="UTC")]


@app.command()
def demo(
    month: Annotated[str, typer.Option(help="the month to bill")] = "2026-10",
    sessions: Annotated[int, typer.Option(min=50, help="sessions of the world, over two months")] = 3300,
    seed: Seed = 42,
) -> None:
    """A month, end to end: sandbox up, pull over HTTP, close, documents, summary."""
    from pipelines.commands import demo as command

    raise typer.Exit(command.run(month, sessions, seed, console))


@app.command()
def pull(
    party: Annotated[str, typer.Option(help="only the connection that reaches this party, such as DE-LDW")] = "",
    since: Instant = None,
    until: Instant = None,
    module: Annotated[list[str] | None, typer.Option(help="only this OCPI module; repeat for more")] = None,
) -> None:
    """Pull what is new from every OCPI peer, or any window again, and work it through to verdicts and charges."""
    from pipelines.commands import pull as command

    raise typer.Exit(command.run(party, since, until, console, module or ()))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on; TLS is a reverse proxy's")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 8780,
    requests_per_second: Annotated[float, typer.Option(min=0.01, help="of one connection, on average")] = 100.0,
    body_bytes: Annotated[int, typer.Option(min=1024, help="the longest body")] = 2 << 20,
) -> None:
    """Receive what OCPI peers push, into the same raw store as what is pulled, until interrupted."""
    from pipelines.commands import serve as command

    raise typer.Exit(command.run(host, port, requests_per_second, body_bytes, console))


@app.command()
def load(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="NDJSON, JSON, CSV, gzip or not; folders")],
    connection: Annotated[str, typer.Option(help="whose they are; by default the name of their folder")] = "",
    module: Annotated[str, typer.Option(help="what they hold, or master; by default their own name")] = "",
    ocpi_version: Annotated[str, typer.Option(help="2.1.1, 2.2.1 or 2.3.0")] = "2.2.1",
    raw_only: Annotated[bool, typer.Option("--raw-only", help="keep the records, work nothing through")] = False,
) -> None:
    """Take records from files as if their peer had served them. The same file twice changes nothing."""
    from pipelines.commands import load as command

    raise typer.Exit(command.run(paths, connection, module, ocpi_version, console, raw_only=raw_only))


@app.command()
def close(
    month: Month,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be issued, issue nothing")] = False,
) -> None:
    """Close a billing month: issue its documents, render them, publish the warehouse. Safe to run again."""
    from pipelines.commands import close as command

    raise typer.Exit(command.run(month, console, dry_run=dry_run))


@app.command()
def verify(
    month: Annotated[str, typer.Argument(help="only this month; all by default")] = "",
    json: Json = False,
) -> None:
    """Recompute every stored number from the layer before it; exit 1 names what broke."""
    from pipelines.commands import verify as command

    raise typer.Exit(command.run(month, console, as_json=json))


@app.command()
def trace(
    document: Annotated[str, typer.Argument(help="document number, such as INV-DE-2026-000001")],
    line: Annotated[int | None, typer.Argument(help="line number")] = None,
    json: Json = False,
) -> None:
    """Lead from a document, or one line of it, back to CDR bytes, tariff element and rounding step."""
    from pipelines.commands import trace as command

    raise typer.Exit(command.run(document, line, console, as_json=json))


@app.command()
def known(
    kind: Annotated[str, typer.Argument(help="tariff, token, connector or contract")],
    key: Annotated[str, typer.Argument(help="its key, such as DE*LDW*T1 for a tariff")],
    at: Instant = None,
) -> None:
    """What was known about an object, at an instant or over all time: when it was valid, and when we believed it."""
    from pipelines.commands import known as command
    from pipelines.lib.settings import load_settings

    raise typer.Exit(command.run(kind, key, at.replace(tzinfo=UTC) if at else None, load_settings(), console))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="one SELECT on the published warehouse")],
    limit: Annotated[int, typer.Option(min=1, help="rows to show")] = 50,
    output: Annotated[str, typer.Option(help="table, csv or json")] = "table",
) -> None:
    """Ask the published warehouse, read-only."""
    from pipelines.commands import query as command
    from pipelines.lib.settings import load_settings

    raise typer.Exit(command.run(sql, load_settings(), console, limit, output))
