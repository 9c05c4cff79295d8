"""Disputes in the register: a case is opened for a held CDR and withdrawn when a later run accepts it.

Every function takes a connection inside the caller's transaction. Recording the same verdicts again appends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from models.reconciliation.cases import CaseEvent, CaseState, case_state
from models.reconciliation.holds import holds
from models.schemas.registry import Layer, table
from models.types.vocabularies import DisputeEventKind, Verdict
from pipelines.lib.register.tables import DISPUTE_EVENTS

ACTOR: Final = "roamledger"
"""who acts when no person does"""

_NO_AGREEMENT_DAYS: Final = 30
"""deadline of a case against a CPO without an agreement: it has to be long enough for somebody to look"""


@dataclass(frozen=True, slots=True)
class DisputeChanges:
    """What recording the verdicts of a month did."""

    opened: int
    withdrawn: int


def record_verdicts(
    tx: Connection,
    verdicts: pl.DataFrame,
    findings: pl.DataFrame,
    deadline_days: Mapping[str, int],
    happened_at: datetime,
    today: date,
) -> DisputeChanges:
    """Open a case for every held CDR without one, and withdraw the cases of CDRs that are accepted now.

    Args:
        tx: an open transaction.
        verdicts: `matched/verdicts`.
        findings: `matched/findings` of the same CDRs.
        deadline_days: per CPO, from its agreement.
        happened_at: the present.
        today: the present on the company's calendar, from which deadlines count.
    """
    states = case_states(tx)
    live = {case_id: state for case_id, state in states.items() if state.is_live}
    held = holds(verdicts, findings).filter(~pl.col("cdr_key").is_in(sorted(live)))
    opened = [
        _opening(row, states.get(row["cdr_key"]), happened_at)
        | {"deadline_on": today + timedelta(days=deadline_days.get(row["cpo_id"], _NO_AGREEMENT_DAYS))}
        for row in held.iter_rows(named=True)
    ]
    accepted = verdicts.filter((pl.col("verdict") == str(Verdict.ACCEPT)) & pl.col("cdr_key").is_in(sorted(live)))
    withdrawn = [
        _withdrawal(row, live[row["cdr_key"]], happened_at) for row in accepted.sort("cdr_key").iter_rows(named=True)
    ]
    if opened or withdrawn:
        tx.execute(DISPUTE_EVENTS.insert(), [*opened, *withdrawn])
    return DisputeChanges(len(opened), len(withdrawn))


def case_states(tx: Connection) -> dict[str, CaseState]:
    """Give the state of every case, by case id."""
    by_case: dict[str, list[CaseEvent]] = {}
    for event in _events(tx):
        by_case.setdefault(event.case_id, []).append(event)
    folded = {case_id: case_state(events) for case_id, events in by_case.items()}
    return {case_id: state for case_id, state in folded.items() if state is not None}


def case_events(tx: Connection, case_id: str) -> list[CaseEvent]:
    """Give the events of one case in their order; none where the case is unknown."""
    return list(_events(tx, case_id))


def export_dispute_events(tx: Connection) -> pl.DataFrame:
    """Give every event as the table `ledger/dispute_events`, sorted by case and index."""
    schema = table(Layer.LEDGER, "dispute_events").schema
    rows = [dict(row) for row in tx.execute(sa.select(DISPUTE_EVENTS)).mappings()]
    for row in rows:
        row["amount_at_stake"] = _decimal(row["amount_at_stake"])
    columns = {name: [row[name] for row in rows] for name in schema}
    return pl.DataFrame(columns, schema=schema).sort("case_id", "event_index")


def _opening(row: Mapping[str, object], state: CaseState | None, happened_at: datetime) -> dict[str, object]:
    return {
        "case_id": row["cdr_key"],
        "event_index": 0 if state is None else state.events,
        "cdr_key": row["cdr_key"],
        "cpo_id": row["cpo_id"],
        "kind": str(DisputeEventKind.OPENED),
        "rule_ids": row["rule_ids"],
        "reason": row["reason"],
        "amount_at_stake": None if row["amount_at_stake"] is None else str(row["amount_at_stake"]),
        "currency": row["currency"],
        "actor": ACTOR,
        "happened_at": happened_at,
        "billing_month": row["billing_month"],
    }


def _withdrawal(row: Mapping[str, object], state: CaseState, happened_at: datetime) -> dict[str, object]:
    return {
        "case_id": state.case_id,
        "event_index": state.events,
        "cdr_key": state.case_id,
        "cpo_id": row["cpo_id"],
        "kind": str(DisputeEventKind.WITHDRAWN),
        "rule_ids": ",".join(state.rule_ids),
        "reason": "no rule blocks the CDR any more",
        "amount_at_stake": None if state.amount_at_stake is None else str(state.amount_at_stake),
        "currency": state.currency,
        "deadline_on": None,
        "actor": ACTOR,
        "happened_at": happened_at,
        "billing_month": row["billing_month"],
    }


def _events(tx: Connection, case_id: str | None = None) -> Iterator[CaseEvent]:
    query = sa.select(DISPUTE_EVENTS).order_by(DISPUTE_EVENTS.c.case_id, DISPUTE_EVENTS.c.event_index)
    if case_id is not None:
        query = query.where(DISPUTE_EVENTS.c.case_id == case_id)
    for row in tx.execute(query).mappings():
        yield CaseEvent(
            case_id=row["case_id"],
            event_index=row["event_index"],
            kind=DisputeEventKind(row["kind"]),
            rule_ids=tuple(row["rule_ids"].split(",")),
            reason=row["reason"],
            amount_at_stake=_decimal(row["amount_at_stake"]),
            currency=row["currency"],
            deadline_on=row["deadline_on"],
            actor=row["actor"],
            happened_at=row["happened_at"],
        )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
