"""`roamledger disputes`: which CDRs are held and why, one case with its whole story, and the rules that hold them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from textwrap import shorten
from typing import Final

import polars as pl
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table as RichTable
from rich.text import Text

from models.reconciliation.cases import CaseEvent, CaseState, case_state
from models.reconciliation.rules.catalogue import catalogue
from models.schemas.registry import Layer
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import case_events, case_states
from pipelines.lib.settings import load_settings

_OTHER_COLUMNS: Final = 82
"""columns of a terminal that everything but the reason takes"""


def show_all(console: Console) -> int:
    """Show every case, those in dispute first, and what is at stake by currency; give the exit code."""
    with Register(load_settings().register).transaction() as tx:
        states = list(case_states(tx).values())
    if not states:
        console.print("No CDR is in dispute.")
        return 0
    ordered = sorted(states, key=lambda state: (not state.is_live, state.case_id))
    console.print(_cases(ordered, console.width))
    console.print(_at_stake([state for state in states if state.is_live]))
    return 0


def show_one(case: str, console: Console) -> int:
    """Show one case: its state, its events and what every rule found; give the exit code.

    Raises:
        UserError: when there is no such case.
    """
    settings = load_settings()
    with Register(settings.register).transaction() as tx:
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
    for name in ("case", "state", "rules", "at stake", "deadline"):
        table.add_column(name, justify="right" if name == "at stake" else "left", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    for state in states:
        style = "" if state.is_live else "dim"
        cells = (state.case_id, str(state.status), ", ".join(state.rule_ids), _amount(state), str(state.deadline_on))
        table.add_row(*map(Text, (*cells, shorten(state.reason, room, placeholder="…"))), style=style)
    return table


def _at_stake(states: list[CaseState]) -> Text:
    """Sum what is in dispute by currency, never across."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for state in states:
        sums[state.currency] += state.amount_at_stake or Decimal(0)
    amounts = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(sums.items()))
    return Text(f"{len(states)} in dispute, at stake: {amounts or 'nothing'} (excl. VAT)")


def _head(state: CaseState) -> Panel:
    facts = RichTable.grid(padding=(0, 2))
    facts.add_row("state", str(state.status))
    facts.add_row("at stake", f"{_amount(state)} excl. VAT")
    facts.add_row("rules", ", ".join(state.rule_ids))
    facts.add_row("deadline", str(state.deadline_on))
    return Panel(facts, title=Text(state.case_id), title_align="left", expand=False)


def _events(events: list[CaseEvent]) -> RichTable:
    table = _table("Events", "when", "what", "who", "reason")
    for event in events:
        when = event.happened_at.strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(*map(Text, (when, str(event.kind), event.actor, event.reason)))
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


def _amount(state: CaseState) -> str:
    return "unknown" if state.amount_at_stake is None else f"{state.amount_at_stake:,.2f} {state.currency}"


def _table(title: str, *columns: str) -> RichTable:
    table = RichTable(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    return table
