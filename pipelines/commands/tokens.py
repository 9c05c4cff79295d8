"""`roamledger tokens`: which tokens are at risk and why, blocking and unblocking them, and what peers were told.

Nothing is blocked by itself, and nothing is sent without `--send`: without it a command says what it would do.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import shorten
from typing import Final

import msgspec
import polars as pl
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from models.reconciliation.token_risk.scoring import SIGNALS
from models.reconciliation.token_risk.thresholds import risk_bounds
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import TokenAction, TokenDecisionKind
from pipelines.commands.actors import actor_or_user
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.outbox import Outbox
from pipelines.lib.register import Register
from pipelines.lib.register.outbox import Delivery, DeliveryState, deliveries
from pipelines.lib.register.token_decisions import TokenDecision, token_decisions
from pipelines.lib.settings import Settings, load_settings
from pipelines.lib.token_activity import risk_thresholds
from pipelines.lib.token_decisions import TokenDesk, TokenPlan, carry_out

_STYLES: Final = {"replace": "bold red", "block": "red", "watch": "yellow", "none": "dim"}
_STATES: Final = {"sent": "green", "failed": "yellow", "gave_up": "bold red", "superseded": "dim"}
_OTHER_COLUMNS: Final = 64
"""columns of a terminal that everything but the reasons takes"""


def show_risks(month: str, console: Console, *, everything: bool) -> int:
    """Show the tokens of a month that want attention, the riskiest first; give the exit code."""
    settings = load_settings()
    lake, wanted = Lake(settings.lake), _month(Lake(settings.lake), month)
    risks = lake.read(Layer.MATCHED, "token_risks", wanted)
    shown = risks if everything else risks.filter(pl.col("recommended_action") != str(TokenAction.NONE))
    with Register(settings.register).reading() as tx:
        decided = token_decisions(tx)
    table = _table(f"Tokens at risk in {wanted}", "token", "type", "score", "action", "decided", "why", right="score")
    room = max(40, console.width - _OTHER_COLUMNS)
    ordered = shown.sort("score", "token_uid", "token_type", descending=[True, False, False])
    for row in ordered.iter_rows(named=True):
        last = decided.get((row["token_uid"], row["token_type"]), [None])[-1]
        why = shorten("; ".join(row["reasons"]), room, placeholder="…") or "-"
        cells = (row["token_uid"], row["token_type"], row["score"], row["recommended_action"], _said(last), why)
        styles = ("", "", "", _STYLES[row["recommended_action"]], "", "")
        table.add_row(*(Text(str(cell), style) for cell, style in zip(cells, styles, strict=True)))
    console.print(table)
    console.print(f"{shown.height:,} of {risks.height:,} tokens that were used")
    return 0


def show_one(uid: str, token_type: str | None, console: Console) -> int:
    """Show one token: its score month by month, every reason, what was decided, and what peers were told."""
    settings = load_settings()
    lake = Lake(settings.lake)
    known = TokenDesk(settings, lake).find(uid, token_type)
    key = (str(known["token_uid"]).upper(), str(known["token_type"]))
    with Register(settings.register).reading() as tx:
        decided = token_decisions(tx).get(key, [])
        told = [each for each in deliveries(tx) if each.message.object_key == "|".join(key)]
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("contract", known["contract_id"]),
        ("valid", known["is_valid"]),
        ("decided", _said_last(decided)),
    ):
        facts.add_row(name, str(value))
    head = Panel(facts, title=Text(" ".join(key)), title_align="left", expand=False)
    console.print(Group(head, _months_of(lake, key), _decisions(decided), _deliveries(told, "Told to peers")))
    return 0


def decide(
    kind: TokenDecisionKind, uid: str, token_type: str | None, reason: str, actor: str, console: Console, *, send: bool
) -> int:
    """Block or unblock a token; without `send` only say what would be told to whom. Give the exit code."""
    settings = load_settings()
    register, desk = Register(settings.register), TokenDesk(settings, Lake(settings.lake))
    with register.transaction() as tx:
        plan = desk.plan(tx, uid, token_type, kind, reason, actor_or_user(actor))
        messages = carry_out(tx, plan) if send else []
    console.print(_plan(plan, settings))
    if not send:
        console.print("[bold]Nothing was decided or sent.[/] Run it again with --send to do so.")
        return 0
    console.print(f"[bold]{kind}ed[/]: written to the register, {len(messages)} messages queued.")
    return deliver(console, patience=30.0, again=False, at_once=False)


def show_outbox(console: Console, *, everything: bool) -> int:
    """Show what peers were told of tokens and what is still to be; exit 1 where something waits or was given up."""
    with Register(load_settings().register).reading() as tx:
        every = deliveries(tx)
    done = {DeliveryState.SENT, DeliveryState.SUPERSEDED}
    open_ones = [each for each in every if each.state not in done]
    console.print(_deliveries(every if everything else open_ones, "Outbox"))
    console.print(f"{len(every):,} messages, {len(open_ones):,} not delivered")
    return 1 if open_ones else 0


def deliver(console: Console, *, patience: float, again: bool, at_once: bool) -> int:
    """Deliver the outbox; exit 1 where something was not taken."""
    settings = load_settings()
    outbox = Outbox(settings, Register(settings.register), report=lambda each: console.print(_line(each)))
    if again:
        console.print(f"{outbox.again():,} messages queued again")
    tried = outbox.send(patience, at_once=at_once)
    sent = sum(each.state is DeliveryState.SENT for each in tried)
    console.print(f"{sent:,} of {len(tried):,} messages delivered")
    return 0 if sent == len(tried) else 1


def show_signals(console: Console) -> int:
    """Show the catalogue of signals with their points and the thresholds in force; give the exit code."""
    limits, bounds = risk_thresholds(load_settings()), risk_bounds()
    table = _table("Signals", "id", "name", "points", "what it finds", "thresholds", right="points")
    for each in SIGNALS:
        said = "\n".join(f"{name} = {getattr(limits, name)} {bounds[name].unit}" for name in each.thresholds)
        table.add_row(each.signal_id, each.name, str(each.points), each.description.splitlines()[0], said)
    console.print(table)
    console.print(f"watch from {limits.watch_score} points, block or replace from {limits.block_score}")
    return 0


def _month(lake: Lake, said: str) -> BillingMonth:
    if said:
        try:
            return BillingMonth.parse(said)
        except ValueError as error:
            raise UserError(str(error)) from None
    months = lake.months(Layer.MATCHED, "token_risks")
    if not months:
        msg = "no month was looked at yet: run `roamledger pull`, which works every open month through"
        raise UserError(msg)
    return months[-1]


def _months_of(lake: Lake, key: tuple[str, str]) -> Table:
    table = _table(
        "Risk by month", "month", "score", "action", "sessions", "kWh", "reasons", right="score sessions kWh"
    )
    for month in lake.months(Layer.MATCHED, "token_risks"):
        found = lake.read(Layer.MATCHED, "token_risks", month).filter(token_uid=key[0], token_type=key[1])
        for row in found.iter_rows(named=True):
            why = "\n".join([*row["reasons"], *(f"not looked at: {each}" for each in row["not_checked"])]) or "-"
            cells = (month, row["score"], row["recommended_action"], row["sessions"], f"{row['energy_kwh']:,.1f}", why)
            table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _decisions(decided: Iterable[TokenDecision]) -> Table:
    table = _table("Decisions", "when", "what", "who", "score then", "reason")
    for each in decided:
        score = "-" if each.score is None else f"{each.score} ({', '.join(each.signal_ids) or 'no signal'})"
        when = each.happened_at.strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(*map(Text, (when, str(each.kind), each.actor, score, each.reason)))
    return table


def _deliveries(told: Iterable[Delivery], title: str) -> Table:
    table = _table(title, "queued", "peer", "token", "valid", "state", "tries", "next", "last answer", right="tries")
    for each in told:
        last = each.attempts[-1] if each.attempts else None
        due = last.due_at.strftime("%H:%M:%S UTC") if last and last.due_at else "-"
        queued = each.message.created_at.strftime("%Y-%m-%d %H:%M")
        valid = str(msgspec.json.decode(each.message.content_json)["valid"]).lower()
        cells = (queued, each.message.connection_id, each.message.object_key.replace("|", " "), valid)
        state = Text(str(each.state).replace("_", " "), _STATES.get(str(each.state), ""))
        answer = last.answer if last else "-"
        table.add_row(*map(Text, cells), state, str(each.tries), due, Text(answer))
    return table


def _line(each: Delivery) -> Text:
    state = str(each.state)
    said = each.attempts[-1].answer
    return Text.assemble(f"  {each.message.connection_id}: ", (state.replace("_", " "), _STATES[state]), f": {said}")


def _plan(plan: TokenPlan, settings: Settings) -> Group:
    decision = plan.decision
    score = "never scored" if decision.score is None else f"score {decision.score} ({', '.join(decision.signal_ids)})"
    head = Text(f"{decision.kind} {decision.token_uid} ({decision.token_type}), {score}: {decision.reason}")
    table = _table("To be told", "peer", "OCPI")
    table.add_column("Token object", overflow="fold")  # nothing of it may be left out: it is what would be sent
    for connection in plan.connections:
        version, shaped = plan.shown_to(settings, connection)
        body = msgspec.json.encode(shaped).decode()
        table.add_row(*map(Text, (connection.connection_id, version, body)))
    return Group(head, table if plan.connections else Text("No peer is connected: nobody has to be told."))


def _said(last: TokenDecision | None) -> str:
    return "-" if last is None else f"{last.kind}ed by {last.actor}"


def _said_last(decided: list[TokenDecision]) -> str:
    return _said(decided[-1] if decided else None)


def _table(title: str, *columns: str, right: str = "") -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right.split() else "left")
    return table
