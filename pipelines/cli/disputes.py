"""`roamledger disputes`: cases, decisions, evidence and letters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.shared import Actor, console

app = typer.Typer(help="CDRs that are held, why, and what becomes of them.", no_args_is_help=True)

States = Annotated[list[str] | None, typer.Option("--state", help="open, sent, refused, credited, ...; may repeat")]
OfCpo = Annotated[str, typer.Option("--cpo", help="of one operator, such as DE*LDW")]
OfRule = Annotated[str, typer.Option("--rule", help="that break one rule, such as R21")]
OfMonth = Annotated[str, typer.Option("--month", help="of CDRs of one billing month")]
Live = Annotated[bool, typer.Option("--live", help="only what is in dispute")]
Overdue = Annotated[bool, typer.Option("--overdue", help="only what the CPO should have answered")]
Folder = Annotated[Path | None, typer.Option("--output", help="folder; by default that of the month's documents")]


@app.command("list")
def disputes_list(
    states: States = None,
    cpo: OfCpo = "",
    rule: OfRule = "",
    month: OfMonth = "",
    live: Live = False,
    overdue: Overdue = False,
) -> None:
    """Cases with their state, what is claimed and held, and by when the CPO must answer."""
    from pipelines.commands import disputes as command
    from pipelines.lib.disputes.selection import selection

    chosen = selection(states or (), cpo, rule, month, is_live=live, is_overdue=overdue)
    raise typer.Exit(command.show_all(console, chosen))


@app.command("export")
def disputes_export(
    output: Annotated[Path, typer.Argument(help="file to write: .csv, .parquet or .json")],
    states: States = None,
    cpo: OfCpo = "",
    rule: OfRule = "",
    month: OfMonth = "",
    live: Live = False,
    overdue: Overdue = False,
) -> None:
    """Write cases and their events to a file."""
    from pipelines.commands import disputes as command
    from pipelines.lib.disputes.selection import selection

    chosen = selection(states or (), cpo, rule, month, is_live=live, is_overdue=overdue)
    raise typer.Exit(command.export(output, console, chosen))


@app.command("decide")
def disputes_decide(
    case: Annotated[str, typer.Argument(help="case id, the key of its CDR")] = "",
    decision: Annotated[
        str,
        typer.Argument(
            help="sent, acknowledged, accepted, refused, escalated, written_off, paid_under_protest or withdrawn"
        ),
    ] = "",
    amount: Annotated[str, typer.Option(help="accepted, withdrawn: for how much; all that is held by default")] = "",
    reason: Annotated[str, typer.Option(help="why; it is kept for good")] = "",
    at: Annotated[str, typer.Option(help="when it happened, such as 2026-11-05; now by default")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="many at once: a CSV with case_id, decision, amount, reason, at")
    ] = None,
    by: Actor = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would become of each line")] = False,
) -> None:
    """Decide about one case, or about many from a CSV; exit 1 where a line was refused, the others are applied."""
    from pipelines.commands import dispute_decisions as command

    one = command.OneDecision(case, decision, amount, reason, at)
    raise typer.Exit(command.decide(one, file, by, console, dry_run=dry_run))


@app.command("show")
def disputes_show(case: Annotated[str, typer.Argument(help="case id, the key of its CDR")]) -> None:
    """One case with its events and findings."""
    from pipelines.commands import disputes as command

    raise typer.Exit(command.show_one(case, console))


@app.command("pack")
def disputes_pack(
    case: Annotated[str, typer.Argument(help="case id, the key of its CDR")], output: Folder = None
) -> None:
    """The evidence of one case for its CPO, as JSON and PDF."""
    from pipelines.commands import evidence as command

    raise typer.Exit(command.one(case, output, console))


@app.command("packs")
def disputes_packs(month: OfMonth = "", cpo: OfCpo = "", output: Folder = None) -> None:
    """The evidence of every case, as JSON and PDF; what lies there already is left alone."""
    from pipelines.commands import evidence as command

    raise typer.Exit(command.several(month, cpo, output, console))


@app.command("letters")
def disputes_letters(
    month: OfMonth = "",
    first: Annotated[str, typer.Option("--from", help="instead of a month: cases opened from this day on")] = "",
    last: Annotated[str, typer.Option("--to", help="and up to this day; today by default")] = "",
    cpo: OfCpo = "",
    output: Folder = None,
) -> None:
    """A message per CPO in its language, with its live cases as a CSV beside it. Nothing is sent."""
    from pipelines.commands import dispute_letters as command

    raise typer.Exit(command.write(month, first, last, cpo, output, console))


@app.command("rules")
def disputes_rules() -> None:
    """The catalogue of rules, with what each holds and its thresholds."""
    from pipelines.commands import disputes as command

    raise typer.Exit(command.show_rules(console))
