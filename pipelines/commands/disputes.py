"""`roamledger disputes`: which CDRs are held and why, one case with its whole story, and all of them as a file."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from textwrap import shorten
from typing import Final

import polars as pl
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table as RichTable
from rich.text import Text

from models.reconciliation.cases import CaseEvent, CaseState, CaseStatus, case_state
from models.reconciliation.cases.transitions import LAST_LEVEL
from models.reconciliation.rules.catalogue import catalogue
from models.schemas.registry import Layer
from pipelines.lib.disputes.selection import Selection
from pipelines.lib.errors import UserError
from pipelines.lib.frame_files import check_output, write_frames, write_json
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import case_events, case_states, export_dispute_events, export_disputes
from pipelines.lib.settings import load_settings

_OTHER_COLUMNS: Final = 98
"""columns of a terminal that everything but the reason takes"""


def show_all(console: Console, selection: Selection | None = None) -> int:
    """Show the cases selected (all by default), those in dispute first, and their amounts by currency; give exit 0."""
    states = _selected(selection or Selection())
    if not states:
        console.print("No CDR is in dispute." if selection is None else "No case is like that.")
        return 0
    console.print(_cases(states, console.width))
    console.print(_sums(states))
    return 0


def export(path: Path, console: Console, selection: Selection) -> int:
    """Write the cases selected as `ledger/disputes` has them, with their events beside them; give exit 0."""
    check_output(path)
    states = _selected(selection)
    wanted = pl.Series("case_id", [state.case_id for state in states], pl.String)
    with Register(load_settings().register).reading() as tx:
        tables = {"disputes": export_disputes(tx), "events": export_dispute_events(tx)}
    chosen = {name: frame.filter(pl.col("case_id").is_in(wanted.implode())) for name, frame in tables.items()}
    written = write_json(path, chosen) if path.suffix.lower() == ".json" else write_frames(path, chosen)
    console.print(f"{len(states):,} cases in {', '.join(str(file) for file in written)}", soft_wrap=True)
    return 0


def _selected(selection: Selection) -> list[CaseState]:
    with Register(load_settings().register).reading() as tx:
        return selection.of(case_states(tx).values())


def show_one(case: str, console: Console) -> int:
    """Show one case: its state, its events and what every rule found; give the exit code.

    Raises:
        UserError: when there is no such case.
    """
    settings = load_settings()
    with Register(settings.register).reading() as tx:
        events = case_events(tx, case.upper())
    state = case_state(events)
    if state is None:
        msg = f"there is no case {case!r}: roamledger disputes list names them all"
        raise UserError(msg)
    findings = Lake(settings.lake).read_months(Layer.MATCHED, "findings").filter(cdr_key=state.case_id)
    console.print(Group(_head(state), _events(events), _findings(findings)))
    return 0


def show_rules(console: Console) -> int:
    """Show the catalogue of rules; give the exit code."""
    table = _table("Rules", "id", "name", "severity", "what it finds")
    for rule in catalogue():
        severities = ", ".join(rule.severities)
        table.add_row(rule.rule_id, rule.name, severities, rule.description)
    console.print(table)
    return 0


def _cases(states: list[CaseState], width: int) -> RichTable:
    """List the cases; a reason is cut to what the other columns leave of the line."""
    room = max(30, width - _OTHER_COLUMNS)
    table = RichTable(title="Disputes", title_justify="left", header_style="bold")
    for name in ("case", "state", "rules", "claimed", "held", "answer by"):
        table.add_column(name, justify="right" if name in {"claimed", "held"} else "left", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    for state in states:
        amounts = (_amount(state.amounts.claimed, state), _amount(state.amounts.held, state))
        cells = (state.case_id, _status(state), ", ".join(state.rule_ids), *amounts, str(state.deadline_on or "-"))
        style = "" if state.is_live else "dim"
        table.add_row(*map(Text, (*cells, shorten(state.reason, room, placeholder="…"))), style=style)
    return table


def _status(state: CaseState) -> str:
    level = f" {state.level}" if state.status is CaseStatus.ESCALATED else ""
    return str(state.status).replace("_", " ") + level


def _sums(states: list[CaseState]) -> Text:
    """Sum what is in dispute, and what of all these cases is payable, by currency and never across."""
    live = [state for state in states if state.is_live]
    unknown = sum(state.amounts.held is None for state in live)
    told = f"{len(live)} in dispute: {_by_currency(live, 'held')} held"
    told += f" ({unknown} without a known amount)" if unknown else ""
    return Text(f"{told}; payable of all shown: {_by_currency(states, 'payable')} (excl. VAT)")


def _by_currency(states: list[CaseState], part: str) -> str:
    """Sum a part of the amounts; credits that are in dispute stand apart, because they are no less of the claims."""
    sums: defaultdict[tuple[str, bool], Decimal] = defaultdict(Decimal)
    for state in states:
        amount = getattr(state.amounts, part) or Decimal(0)
        sums[state.currency, amount < 0] += amount
    told = (f"{amount:,.2f} {currency}" for (currency, _), amount in sorted(sums.items()) if amount or len(sums) == 1)
    return ", ".join(told) or "nothing"


def _head(state: CaseState) -> Panel:
    amounts = state.amounts
    facts = RichTable.grid(padding=(0, 2))
    facts.add_row("state", _status(state))
    facts.add_row("rules", ", ".join(state.rule_ids))
    facts.add_row("at stake", f"{_amount(state.amount_at_stake, state)} excl. VAT")
    for name in ("claimed", "payable", "held", "conceded"):
        facts.add_row(name, f"{_amount(getattr(amounts, name), state)} excl. VAT")
    facts.add_row("answer by", str(state.deadline_on or "-"))
    if state.level:
        facts.add_row("level", f"{state.level} of {LAST_LEVEL}")
    if state.replaced_by:
        facts.add_row("replaced by", Text(state.replaced_by))
    return Panel(facts, title=Text(state.case_id), title_align="left", expand=False)


def _events(events: list[CaseEvent]) -> RichTable:
    """List the events by when they happened, which may not be the order in which they were written down."""
    table = _table("Events", "when", "what", "who", "amount", "reason")
    for event in sorted(events, key=lambda event: (event.happened_at, event.event_index)):
        when = event.happened_at.strftime("%Y-%m-%d %H:%M UTC")
        amount = "-" if event.amount is None else f"{event.amount:,.2f} {event.currency}"
        table.add_row(*map(Text, (when, str(event.kind).replace("_", " "), event.actor, amount, event.reason)))
    return table


def _findings(findings: pl.DataFrame) -> RichTable:
    table = _table("Findings of the last run", "rule", "severity", "expected", "found")
    table.add_column("at stake", justify="right")
    table.add_column("message")
    for row in findings.sort("rule_id").iter_rows(named=True):
        stake = "-" if row["amount_at_stake"] is None else f"{row['amount_at_stake']:,.2f} {row['currency']}"
        words = (f"{row['rule_id']} {row['rule_name']}", row["severity"], row["expected"] or "-", row["found"] or "-")
        table.add_row(*map(Text, (*words, stake, row["message"])))
    return table


def _amount(amount: Decimal | None, state: CaseState) -> str:
    return "unknown" if amount is None else f"{amount:,.2f} {state.currency}"


def _table(title: str, *columns: str) -> RichTable:
    table = RichTable(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    return table
