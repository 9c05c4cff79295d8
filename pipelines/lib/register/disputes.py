"""Events of disputes in the register, and the states that they come to.

Every function takes a connection inside the caller's transaction. What may be written is decided by
`models.reconciliation.cases`; who writes it, by `pipelines.lib.disputes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from models.reconciliation.cases import CaseEvent, CaseState, case_state
from models.reconciliation.verdicts import SETTLED
from models.schemas.registry import Layer, table
from models.types.vocabularies import DisputeEventKind
from pipelines.lib.register.tables import DISPUTE_EVENTS

_AMOUNTS: Final = ("amount_at_stake", "amount", "claimed")
_FACTS: Final = tuple(each.name for each in fields(CaseEvent))


def append_events(tx: Connection, events: Sequence[CaseEvent]) -> None:
    """Write events down; the key (case, index) refuses what another process wrote in between."""
    if events:
        tx.execute(DISPUTE_EVENTS.insert(), [_row(event) for event in events])


def events_by_case(tx: Connection) -> dict[str, list[CaseEvent]]:
    """Give the events of every case, in the order in which they were written down."""
    by_case: dict[str, list[CaseEvent]] = {}
    for event in _events(tx):
        by_case.setdefault(event.case_id, []).append(event)
    return by_case


def case_states(tx: Connection) -> dict[str, CaseState]:
    """Give the state of every case, by case id."""
    folded = {case_id: case_state(events) for case_id, events in events_by_case(tx).items()}
    return {case_id: state for case_id, state in folded.items() if state is not None}


def settled_rules(tx: Connection) -> pl.DataFrame:
    """Give the rules that no longer hold a CDR back, as `models.reconciliation.verdicts.SETTLED`."""
    rows = [(case_id, rule_id) for case_id, state in sorted(case_states(tx).items()) for rule_id in state.settled_rules]
    return pl.DataFrame(rows, schema=SETTLED, orient="row")


def case_events(tx: Connection, case_id: str) -> list[CaseEvent]:
    """Give the events of one case in their order; none where the case is unknown."""
    return list(_events(tx, case_id))


def export_dispute_events(tx: Connection) -> pl.DataFrame:
    """Give every event as the table `ledger/dispute_events`, sorted by case and index."""
    rows = [dict(row) | {name: _decimal(row[name]) for name in _AMOUNTS} for row in _rows(tx)]
    return _frame("dispute_events", rows)


def export_disputes(tx: Connection) -> pl.DataFrame:
    """Give the state of every case as the table `ledger/disputes`, sorted by case."""
    return _frame("disputes", [_state_row(state) for _, state in sorted(case_states(tx).items())])


def _frame(name: str, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    schema = table(Layer.LEDGER, name).schema
    return pl.DataFrame({column: [row[column] for row in rows] for column in schema}, schema=schema)


def _state_row(state: CaseState) -> dict[str, Any]:
    amounts = state.amounts
    named = ("case_id", "cpo_id", "currency", "reason", "amount_at_stake", "deadline_on", "replaced_by", "events")
    return {name: getattr(state, name) for name in (*named, "opened_at", "sent_at", "changed_at", "billing_month")} | {
        "cdr_key": state.case_id,
        "state": str(state.status),
        "is_live": state.is_live,
        "rule_ids": ",".join(state.rule_ids),
        "claimed_excl_vat": amounts.claimed,
        "payable_excl_vat": amounts.payable,
        "held_excl_vat": amounts.held,
        "conceded_excl_vat": amounts.conceded,
        "credited_excl_vat": state.credited,
        "owed_excl_vat": state.owed_amount,
        "promised_excl_vat": state.promised,
        "escalation_level": state.level,
    }


def _row(event: CaseEvent) -> dict[str, Any]:
    facts = {name: getattr(event, name) for name in _FACTS}
    texts = {name: None if facts[name] is None else str(facts[name]) for name in _AMOUNTS}
    return facts | texts | {"cdr_key": event.case_id, "kind": str(event.kind), "rule_ids": ",".join(event.rule_ids)}


def _events(tx: Connection, case_id: str | None = None) -> Iterator[CaseEvent]:
    for row in _rows(tx, case_id):
        facts: dict[str, Any] = {name: row[name] for name in _FACTS}
        facts |= {name: _decimal(row[name]) for name in _AMOUNTS}
        facts |= {"kind": DisputeEventKind(row["kind"]), "rule_ids": tuple(row["rule_ids"].split(","))}
        yield CaseEvent(**facts)


def _rows(tx: Connection, case_id: str | None = None) -> Iterator[sa.RowMapping]:
    query = sa.select(DISPUTE_EVENTS).order_by(DISPUTE_EVENTS.c.case_id, DISPUTE_EVENTS.c.event_index)
    if case_id is not None:
        query = query.where(DISPUTE_EVENTS.c.case_id == case_id)
    yield from tx.execute(query).mappings()


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
