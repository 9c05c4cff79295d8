"""What moves cases without anybody deciding: verdicts, credit CDRs, replacements, and time.

Recording the same again appends nothing. The order within one run matters: a CDR that is held and credited by the same
pull is opened first, and a case that a credit covers is not withdrawn because rules no longer look at a credited CDR.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from sqlalchemy import Connection

from models.reconciliation.cases import CaseEvent, CaseState, CaseStatus, DisputeEventKind, case_state
from models.reconciliation.cases.event import RULES
from models.reconciliation.cases.holds import holds
from models.reconciliation.cases.movements import movements
from models.types.vocabularies import Verdict
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.register.disputes import append_events, events_by_case

_AWAITING = frozenset({CaseStatus.SENT, CaseStatus.ACKNOWLEDGED, CaseStatus.ACCEPTED, CaseStatus.ESCALATED})
"""the CPO owes an answer or a credit"""


@dataclass(frozen=True, slots=True)
class Moment:
    """When events are recorded."""

    now: datetime
    today: date
    """on the company's calendar, from which deadlines count"""


@dataclass
class _Docket:
    """Every case with its events, and those that this run adds; states follow at once."""

    events: dict[str, list[CaseEvent]]
    moment: Moment
    added: list[CaseEvent] = field(default_factory=list[CaseEvent])

    def state(self, case_id: str) -> CaseState | None:
        return case_state(self.events.get(case_id, []))

    def add(self, case_id: str, kind: DisputeEventKind, facts: Mapping[str, Any]) -> None:
        """Append an event; what it does not say of its case stands as it was."""
        told = self.events.setdefault(case_id, [])
        event = CaseEvent(case_id=case_id, event_index=len(told), kind=kind, recorded_at=self.moment.now, **facts)
        told.append(event)
        self.added.append(event)


def record_verdicts(
    tx: Connection,
    verdicts: pl.DataFrame,
    findings: pl.DataFrame,
    terms: Terms,
    moment: Moment,
    cdrs: pl.DataFrame | None = None,
) -> Counter[DisputeEventKind]:
    """Open, move and end cases by what a month's rules say and by what arrived since; give how many events of a kind.

    Args:
        tx: an open transaction.
        verdicts: `matched/verdicts` of the month.
        findings: `matched/findings` of the same CDRs.
        terms: of the agreements.
        moment: the present.
        cdrs: `models.reconciliation.cases.movements.CDR_COLUMNS` of every month; without them nothing is credited.
    """
    docket = _Docket(events_by_case(tx), moment)
    _open(docket, holds(verdicts, findings), terms)
    if cdrs is not None:
        _move(docket, cdrs)
    _withdraw(docket, verdicts)
    _expire(docket, terms)
    append_events(tx, docket.added)
    return Counter(event.kind for event in docket.added)


def _open(docket: _Docket, held: pl.DataFrame, terms: Terms) -> None:
    for row in held.iter_rows(named=True):
        state = docket.state(row["cdr_key"])
        grounds = {
            "rule_ids": tuple(row["rule_ids"].split(",")),
            "reason": row["reason"],
            "amount_at_stake": row["amount_at_stake"],
            "claimed": row["claimed"],
            "amount": row["disputed"],
            "currency": row["currency"],
        }
        if state is None or _is_opened_again(state, grounds):
            deadline = docket.moment.today + timedelta(days=terms.days_to_answer(row["cpo_id"]))
            place = {"cpo_id": row["cpo_id"], "billing_month": row["billing_month"], "deadline_on": deadline}
            who = {"actor": RULES, "happened_at": docket.moment.now}
            docket.add(row["cdr_key"], DisputeEventKind.OPENED, grounds | place | who)


def _is_opened_again(state: CaseState, grounds: Mapping[str, Any]) -> bool:
    """Tell whether a held CDR with a case is opened anew: on grounds that nobody was told of or decided about yet."""
    if state.status is CaseStatus.WITHDRAWN:
        return not (state.is_decided and set(grounds["rule_ids"]) <= set(state.rule_ids))
    if state.status is not CaseStatus.OPEN or state.given_up:
        return False
    stands = (state.rule_ids, state.reason, state.amount_at_stake, state.amounts.claimed, state.disputed)
    disputed: Decimal | None = grounds["amount"]
    found = (grounds["rule_ids"], grounds["reason"], grounds["amount_at_stake"], grounds["claimed"], disputed)
    return stands != found


def _move(docket: _Docket, cdrs: pl.DataFrame) -> None:
    known = pl.Series("case_id", sorted(docket.events), pl.String)
    for row in movements(cdrs, known).iter_rows(named=True):
        kind, related = DisputeEventKind(row["kind"]), row["related_cdr_key"]
        told = docket.events[row["case_id"]]
        if not any(event.kind is kind and event.related_cdr_key == related for event in told):
            facts = {name: row[name] for name in ("amount", "happened_at", "reason", "related_cdr_key")}
            docket.add(row["case_id"], kind, facts_of_case(told) | facts | {"actor": RULES})


def _withdraw(docket: _Docket, verdicts: pl.DataFrame) -> None:
    known = pl.Series("cdr_key", sorted(docket.events), pl.String)
    is_accepted = (pl.col("verdict") == str(Verdict.ACCEPT)) & pl.col("cdr_key").is_in(known.implode())
    for case_id in verdicts.filter(is_accepted).get_column("cdr_key").sort():
        state = docket.state(case_id)
        if state is not None and state.is_live:
            what = {"reason": "no rule blocks the CDR any more", "actor": RULES, "happened_at": docket.moment.now}
            docket.add(case_id, DisputeEventKind.WITHDRAWN, facts_of_case(docket.events[case_id]) | what)


def _expire(docket: _Docket, terms: Terms) -> None:
    for case_id, state in list(_states(docket)):
        days = terms.days_to_lapse(state.cpo_id)
        if state.sent_at is None or docket.moment.now - state.sent_at <= timedelta(days=days):
            continue
        what = {"reason": f"no answer within {days} days", "actor": RULES, "happened_at": docket.moment.now}
        docket.add(case_id, DisputeEventKind.EXPIRED, facts_of_case(docket.events[case_id]) | what)


def _states(docket: _Docket) -> Iterator[tuple[str, CaseState]]:
    """Give the cases in which the CPO owes something."""
    for case_id in sorted(docket.events):
        state = docket.state(case_id)
        if state is not None and state.status in _AWAITING:
            yield case_id, state


def facts_of_case(told: Sequence[CaseEvent]) -> dict[str, Any]:
    """Give what every event repeats of its case, from the newest opening."""
    opening = max((event for event in told if event.kind is DisputeEventKind.OPENED), key=lambda e: e.event_index)
    names = ("rule_ids", "amount_at_stake", "currency", "cpo_id", "billing_month")
    return {name: getattr(opening, name) for name in names} | {"deadline_on": None}
