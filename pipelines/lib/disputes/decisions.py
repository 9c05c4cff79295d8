"""What people decide about cases: each line applied or refused with its reason, all of it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from models.reconciliation.cases import (
    CaseEvent,
    CaseState,
    DisputeEventKind,
    IllegalEventError,
    case_state,
    refuse_unless_possible,
)
from models.types.money import minor_unit_scale, rounded
from pipelines.lib.disputes.recording import Moment, facts_of_case
from pipelines.lib.disputes.terms import Terms

DECISIONS: Final = tuple(
    DisputeEventKind(word)
    for word in (
        *("sent", "acknowledged", "accepted", "refused", "escalated"),
        *("written_off", "paid_under_protest", "withdrawn"),
    )
)
"""what a person may say of a case; everything else is told by rules, CDRs and time"""

_RESTARTS: Final = frozenset({DisputeEventKind.SENT, DisputeEventKind.ACCEPTED, DisputeEventKind.ESCALATED})
"""the CPO owes an answer or a credit from then on: its deadline starts again"""
_WITH_AMOUNT: Final = frozenset({DisputeEventKind.ACCEPTED, DisputeEventKind.WITHDRAWN})
_WITH_REASON: Final = frozenset(
    {DisputeEventKind.WRITTEN_OFF, DisputeEventKind.PAID_UNDER_PROTEST, DisputeEventKind.WITHDRAWN}
)
"""these cost money: somebody will ask why"""
_SAID: Final = {
    DisputeEventKind.SENT: "the CPO was told",
    DisputeEventKind.ACKNOWLEDGED: "the CPO looks into it",
    DisputeEventKind.ACCEPTED: "the CPO gives in",
    DisputeEventKind.REFUSED: "the CPO insists on its claim",
    DisputeEventKind.ESCALATED: "taken up a level",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of what somebody decided."""

    case_id: str
    kind: DisputeEventKind
    actor: str
    reason: str = ""
    amount: Decimal | None = None
    """accepted: what the CPO gives up; withdrawn: what we no longer dispute; None is all of it"""
    happened_at: datetime | None = None
    """None is now"""
    line: int | None = None
    """in the file it came from, from 1"""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a decision."""

    decision: Decision
    before: CaseState | None
    after: CaseState | None
    """None where it was refused"""
    refusal: str = ""

    @property
    def is_applied(self) -> bool:
        """Whether the decision stands."""
        return self.after is not None


@dataclass(frozen=True, slots=True)
class Rulings:
    """What became of all of them, and the events to write down."""

    lines: tuple[Ruling, ...]
    events: tuple[CaseEvent, ...]

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(not each.is_applied for each in self.lines)

    def reopened_months(self) -> list[date]:
        """Give the months in which a CDR is accepted now that was not before: they have to be judged again."""
        changed = [each.after for each in self.lines if each.after is not None and each.after.settled_rules]
        return sorted({state.billing_month for state in changed})


def rule_on(
    decisions: Iterable[Decision], cases: Mapping[str, Sequence[CaseEvent]], terms: Terms, moment: Moment
) -> Rulings:
    """Apply decisions one after the other: each meets the state that the one before left. Writes nothing.

    Args:
        decisions: in the order in which they are to be applied.
        cases: the events of every case, by its id.
        terms: of the agreements.
        moment: the present.
    """
    told = {case_id: list(events) for case_id, events in cases.items()}
    lines: list[Ruling] = []
    added: list[CaseEvent] = []
    for decision in decisions:
        events = told.get(decision.case_id, [])
        ruling, event = _rule(decision, events, terms, moment)
        lines.append(ruling)
        if event is not None:
            events.append(event)
            added.append(event)
    return Rulings(tuple(lines), tuple(added))


def _rule(
    decision: Decision, events: Sequence[CaseEvent], terms: Terms, moment: Moment
) -> tuple[Ruling, CaseEvent | None]:
    before = case_state(events)
    if before is None:
        known = "roamledger disputes list names them all"
        return Ruling(decision, None, None, f"there is no case {decision.case_id!r}: {known}"), None
    decision = _within_the_day(decision, before)
    problem = next(_problems(decision, before, moment), None)
    if problem is not None:
        return Ruling(decision, before, None, problem), None
    event = _event(decision, before, events, terms, moment)
    try:
        return Ruling(decision, before, refuse_unless_possible(events, event)), event
    except IllegalEventError as error:
        return Ruling(decision, before, None, str(error).removeprefix(f"case {decision.case_id}: ")), None


def _within_the_day(decision: Decision, state: CaseState) -> Decision:
    """Take a day without a time, which reads as its midnight, for a later moment where the case moved on that day.

    Who writes down that a letter went out on the day when the case was opened does not mean the night before.
    """
    midnight = datetime.combine(state.changed_at.astimezone(UTC).date(), time.min, UTC)
    return replace(decision, happened_at=state.changed_at) if decision.happened_at == midnight else decision


def _problems(decision: Decision, state: CaseState, moment: Moment) -> Iterator[str]:
    """Say what is wrong with a decision as it stands, before it meets the case's history."""
    kind, amount = decision.kind, decision.amount
    if kind not in DECISIONS:
        yield f"{kind} is told by rules and CDRs, not decided: use one of {', '.join(DECISIONS)}"
    if amount is not None and kind not in _WITH_AMOUNT:
        yield f"{kind} has no amount: it is about all that is in dispute"
    if amount is not None and amount != rounded(amount, minor_unit_scale(state.currency)):
        yield f"amount {amount}: {state.currency} has {minor_unit_scale(state.currency)} decimals"
    if kind in _WITH_REASON and not decision.reason.strip():
        yield f"{kind} needs a reason: say --reason, or fill the column reason"
    if decision.happened_at is not None and decision.happened_at > moment.now:
        yield f"{decision.happened_at:%Y-%m-%d %H:%M} UTC has not come yet"
    if decision.happened_at is not None and decision.happened_at < state.opened_at:
        yield f"{decision.happened_at:%Y-%m-%d %H:%M} UTC is before the case was opened ({state.opened_at:%Y-%m-%d})"


def _event(
    decision: Decision, state: CaseState, events: Sequence[CaseEvent], terms: Terms, moment: Moment
) -> CaseEvent:
    happened = decision.happened_at or moment.now
    day = happened.date() if decision.happened_at else moment.today
    until = day + timedelta(days=terms.days_to_answer(state.cpo_id)) if decision.kind in _RESTARTS else None
    facts = facts_of_case(events) | {
        "reason": decision.reason.strip() or _SAID.get(decision.kind, str(decision.kind)),
        "actor": decision.actor,
        "happened_at": happened.astimezone(UTC),
        "recorded_at": moment.now,
        "amount": decision.amount,
        "deadline_on": until,
    }
    return CaseEvent(case_id=decision.case_id, event_index=len(events), kind=decision.kind, **facts)
