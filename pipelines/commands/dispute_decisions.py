"""`roamledger disputes decide`: what people decide about cases, one by one or in bulk, said line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from models.reconciliation.cases import CaseState
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.commands.actors import actor_or_user
from pipelines.commands.progress import run_progress
from pipelines.lib.company import company_zone
from pipelines.lib.disputes.decision_files import BadLine, read_decisions, read_one
from pipelines.lib.disputes.decisions import Decision, Ruling, Rulings, rule_on
from pipelines.lib.disputes.exporting import export_cases
from pipelines.lib.disputes.recording import Moment
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import append_events, events_by_case
from pipelines.lib.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class OneDecision:
    """A decision as it is typed."""

    case: str
    decision: str
    amount: str
    reason: str
    at: str


def decide(one: OneDecision, file: Path | None, actor: str, console: Console, *, dry_run: bool) -> int:
    """Rule on one decision or on a file of them; give the exit code (1 where a line was refused).

    Raises:
        UserError: where neither or both are given, or the file is no table of decisions; nothing is applied then.
    """
    decisions, bad = _said(one, file, actor_or_user(actor))
    settings = load_settings()
    rulings = _apply(settings, decisions, dry_run=dry_run)
    console.print(_table(rulings.lines, bad))
    refused = rulings.refused + len(bad)
    applied = len(rulings.lines) - rulings.refused
    verb = "would be applied" if dry_run else "applied"
    console.print(f"{applied:,} {verb}, {refused:,} refused", highlight=False)
    if not dry_run:
        _judge_again(rulings, console)
    return 1 if refused else 0


def _said(one: OneDecision, file: Path | None, actor: str) -> tuple[list[Decision], list[BadLine]]:
    is_one = bool(one.case or one.decision)
    if is_one == (file is not None):
        msg = "say either a case and a decision, such as: disputes decide DE*LDW*C000017 sent; or --file decisions.csv"
        raise UserError(msg)
    if file is not None:
        return read_decisions(file, actor)
    cells = {"case_id": one.case, "decision": one.decision, "amount": one.amount, "reason": one.reason, "at": one.at}
    read = read_one(cells, actor)
    return ([read], []) if isinstance(read, Decision) else ([], [read])


def _apply(settings: Settings, decisions: Sequence[Decision], *, dry_run: bool) -> Rulings:
    """Rule on all of them against one state of the register, and write all that stand or none."""
    lake, now = Lake(settings.lake), settings.clock()
    terms = Terms.of(lake.read(Layer.MASTER, "agreements"))
    moment = Moment(now, now.astimezone(company_zone(lake)).date())
    register = Register(settings.register)
    with register.reading() if dry_run else register.transaction() as tx:
        rulings = rule_on(decisions, events_by_case(tx), terms, moment)
        if not dry_run:
            append_events(tx, rulings.events)
    if rulings.events and not dry_run:
        export_cases(register, lake)
    return rulings


def _judge_again(rulings: Rulings, console: Console) -> None:
    """Work the months through in which a CDR is accepted now, so that the next close bills it."""
    months = [BillingMonth(day.year, day.month) for day in rulings.reopened_months()]
    if not months:
        return
    from pipelines.lib.month_runs import work_through  # noqa: PLC0415 - Dagster takes seconds, and few decisions need it

    with run_progress(console) as progress:
        work_through(months, lambda month, step: progress.step(f"work through {month}", step))
    console.print(
        f"{', '.join(map(str, months))} judged again: the next close bills what was accepted", highlight=False
    )


def _table(lines: Sequence[Ruling], bad: Sequence[BadLine]) -> RichTable:
    table = RichTable(title="Decisions", title_justify="left", header_style="bold")
    for name in ("line", "case", "decision", "state", "payable", "held"):
        table.add_column(name, justify="right" if name in {"line", "payable", "held"} else "left", no_wrap=True)
    table.add_column("refused because", style="red")
    for ruling in lines:
        decision = ruling.decision
        head = (str(decision.line or "-"), decision.case_id, str(decision.kind).replace("_", " "))
        table.add_row(*map(Text, (*head, _change(ruling), *_amounts(ruling.after), ruling.refusal)))
    for each in bad:
        table.add_row(*map(Text, (str(each.line or "-"), each.case_id, "-", "-", "-", "-", each.problem)))
    return table


def _change(ruling: Ruling) -> str:
    names = [str(state.status) for state in (ruling.before, ruling.after) if state is not None]
    return " → ".join(names).replace("_", " ") or "-"


def _amounts(state: CaseState | None) -> tuple[str, str]:
    if state is None:
        return "-", "-"
    parts = (state.amounts.payable, state.amounts.held)
    payable, held = ("unknown" if part is None else f"{part:,.2f} {state.currency}" for part in parts)
    return payable, held
