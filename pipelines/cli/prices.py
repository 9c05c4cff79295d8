"""Commands about prices: rules of reconciliation, one price explained, what-ifs, quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.shared import console

app = typer.Typer()


@app.command()
def rules() -> None:
    """Every reconciliation rule with its severity, needs and thresholds, as Markdown."""
    from pipelines.commands import rules as command

    raise typer.Exit(command.show())


@app.command()
def price(
    file: Annotated[Path, typer.Argument(help="JSON lines: id, ocpi_version, timezone, tariffs, cdr")],
    explain: Annotated[bool, typer.Option("--explain", help="say for each cent why it is there")] = False,
    output: Annotated[Path | None, typer.Option(help="write JSON lines here instead of to the terminal")] = None,
    html: Annotated[Path | None, typer.Option(help="write the explanations here, as one page")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="a choice on a contested point, such as step_base=all_volume; repeat"),
    ] = None,
) -> None:
    """Price CDRs by their tariffs, exactly."""
    from pipelines.commands import price as command

    raise typer.Exit(command.run(file, explain, output, console, html, policy or ()))


@app.command()
def reprice(
    month: Annotated[str, typer.Option(metavar="MONTH", help="a month that was worked through, such as 2026-10")],
    plan: Annotated[str | None, typer.Option(help="a plan that every contract would have had")] = None,
    tariff: Annotated[
        Path | None, typer.Option(help="an OCPI Tariff object, in the place of the published one of its owner and id")
    ] = None,
    ocpi_version: Annotated[str, typer.Option(help="of the tariff file: 2.1.1, 2.2.1 or 2.3.0")] = "2.2.1",
    output: Annotated[Path | None, typer.Option(help="write sums and sessions to .csv, .parquet or .json")] = None,
) -> None:
    """What a past month would have come to under another plan or tariff. Touches nothing that was issued."""
    from pipelines.commands import reprice as command

    raise typer.Exit(command.run(month, plan, tariff, ocpi_version, output, console))


@app.command()
def quote(
    session: Annotated[
        list[str] | None,
        typer.Option(help='such as "20 kWh in 30 min" or "50 kWh in 6 h with 2 h idle" (of the 6); repeat for more'),
    ] = None,
    at: Annotated[str, typer.Option(help="start: 2026-10-15T12:00 at each charge point, with Z in UTC; or now")] = "",
    plan: Annotated[str | None, typer.Option(help="only this plan")] = None,
    connector: Annotated[list[str] | None, typer.Option(help="only this EVSE id; repeat for more")] = None,
    output: Annotated[Path | None, typer.Option(help="write every price to .csv, .parquet or .json")] = None,
) -> None:
    """The price catalogue: for every connector and plan all components, and what reference sessions would cost."""
    from pipelines.commands import quote as command

    raise typer.Exit(command.run(session or [], at, plan, connector or [], output, console))
