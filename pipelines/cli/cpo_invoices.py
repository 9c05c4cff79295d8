"""`roamledger cpo-invoices`: what operators ask to be paid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.shared import Actor, Json, complaints, console

app = typer.Typer(help="What operators ask to be paid, held against what was accepted.", no_args_is_help=True)


@app.command("check")
def cpo_invoices_check(
    file: Annotated[Path, typer.Argument(help="OCPI 2.3.0 reconciliation record (JSON), UBL 2.1 (XML), or CSV")],
    cpo: Annotated[str, typer.Option(help="whose invoice it is, such as DE*LDW")],
    invoice: Annotated[str | None, typer.Option(help="its number; a CSV names none")] = None,
    output: Annotated[Path | None, typer.Option(help="write every line to .csv, .parquet or .json")] = None,
    by: Actor = "",
    json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write nothing to the register")] = False,
) -> None:
    """Hold a CPO's invoice against our accepted CDRs; exit 1 where something is to be disputed."""
    from pipelines.commands import cpo_invoices as command

    raise typer.Exit(command.check(file, cpo, invoice, output, by, console, as_json=json, dry=dry_run))


@app.command("export")
def cpo_invoices_export(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="its number, as it was checked")],
    cpo: Annotated[str, typer.Option(help="whose invoice it is, such as DE*LDW")],
    output: Annotated[Path | None, typer.Option(help="JSON file to write; printed by default")] = None,
) -> None:
    """Which CDRs of an invoice are accepted, as the reconciliation record of OCPI 2.3.0; exit 1 if some do not fit."""
    from pipelines.commands import cpo_invoices as command

    raise typer.Exit(command.export(invoice, cpo, output, console, complaints))
