"""Where a dispute stands: a function of the set of its events, so that the order of their arrival does not matter.

Decisions and answers are folded by when they happened; credits and replacements are facts that count from wherever
they stand. A peer's credit that overtakes our own note of its answer therefore changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from models.reconciliation.cases.amounts import CaseAmounts, Ending, divide
from models.reconciliation.cases.event import FROM_DATA, CaseEvent
from models.reconciliation.cases.transitions import (
    FIRST_LEVEL,
    LAST_LEVEL,
    LIVE,
    PAID,
    PRICE_RULES,
    IllegalEventError,
    status_after,
)
from models.types.vocabularies import CaseStatus, DisputeEventKind

_NONE: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class CaseState:
    """What a case's events come to. Amounts are excl. VAT."""

    case_id: str
    status: CaseStatus
    rule_ids: tuple[str, ...]
    reason: str
    """why it is disputed"""
    amount_at_stake: Decimal | None
    """the largest amount that a rule puts in question, as it was opened"""
    currency: str
    deadline_on: date | None
    """day by which the CPO must answer; None while nobody has told it of the case"""
    opened_at: datetime
    """when it was opened last"""
    changed_at: datetime
    """when the newest event happened"""
    events: int
    amounts: CaseAmounts
    cpo_id: str
    billing_month: date
    disputed: Decimal | None = None
    """what of the claim is in question, credited or not"""
    given_up: Decimal = _NONE
    """what we disputed at first and no longer do"""
    credited: Decimal = _NONE
    """sum of all credits, which may be more than the claim"""
    promised: Decimal | None = None
    """what the CPO accepted to credit; None where it accepted nothing, or all"""
    level: int = 0
    """of escalation, from 1 when it is sent"""
    sent_at: datetime | None = None
    replaced_by: str | None = None
    """the CDR that came for a credited one"""
    is_decided: bool = False
    """whether a person ended it"""
    note: str = ""
    """the reason of the newest event"""

    @property
    def is_live(self) -> bool:
        """Whether the CDR is in dispute."""
        return self.status in LIVE

    @property
    def settled_rules(self) -> tuple[str, ...]:
        """The rules that no longer hold the CDR back from its driver's bill.

        All of them where a person withdrew the dispute. Those about the price where it ended otherwise and something
        stays payable: the session took place, and its driver pays by a plan of ours. A doubt about the session itself
        outlives a payment, because nobody bills a driver for what a thief charged. Rules that fell silent by themselves
        are settled by nobody, and may speak again.
        """
        if self.status is CaseStatus.WITHDRAWN:
            return self.rule_ids if self.is_decided else ()
        if self.is_live or not self.amounts.payable:
            return ()
        return tuple(rule_id for rule_id in self.rule_ids if rule_id in PRICE_RULES)

    @property
    def payable_amount(self) -> Decimal | None:
        """What may be paid now."""
        return self.amounts.payable

    @property
    def disputed_amount(self) -> Decimal | None:
        """What is held."""
        return self.amounts.held

    @property
    def owed_amount(self) -> Decimal | None:
        """What of the CDR itself is owed as the case stands: its credits are claims of their own, below zero."""
        if self.amounts.payable is None or self.amounts.claimed is None:
            return None
        return self.amounts.payable + min(self.credited, max(self.amounts.claimed, _NONE))

    def is_overdue(self, today: date) -> bool:
        """Tell whether the CPO should have answered."""
        return self.is_live and self.deadline_on is not None and self.deadline_on < today


def case_state(events: Iterable[CaseEvent]) -> CaseState | None:
    """Fold the events of one case, in any order given; None without events.

    Raises:
        IllegalEventError: where a decision or an answer cannot follow those before it, or an index is missing.
    """
    told = list(events)
    return _folded(told) if told else None


def refuse_unless_possible(events: Sequence[CaseEvent], event: CaseEvent) -> CaseState:
    """Give the state after one more event; nothing is decided about a closed case, and nothing twice.

    Raises:
        IllegalEventError: where the event is not possible; the text says where the case stands.
    """
    before = case_state(events)
    if event.kind not in FROM_DATA and before is not None:
        _refuse_closed(before, event)
        _refuse_amount(before, event)
    return _folded([*events, event])


def _folded(events: Iterable[CaseEvent]) -> CaseState:
    told = sorted(events, key=lambda event: event.event_index)
    _refuse_gaps(told)
    course = _course([event for event in told if event.kind not in FROM_DATA])
    return _with_facts(course, told)


def _refuse_closed(state: CaseState, event: CaseEvent) -> None:
    if state.is_live:
        return
    is_reopened = state.status is CaseStatus.WITHDRAWN and event.kind is DisputeEventKind.OPENED
    if not is_reopened:
        msg = f"{event.kind} cannot follow {state.status}: the case is closed"
        raise IllegalEventError(msg)


def _refuse_amount(state: CaseState, event: CaseEvent) -> None:
    """Refuse an amount that is not above zero and within what is held, where both are known."""
    held = state.amounts.held
    if event.kind is DisputeEventKind.OPENED or event.amount is None or held is None:
        return
    if not 0 < event.amount <= abs(held):
        msg = f"{event.kind} about {event.amount} {event.currency}: {abs(held)} {state.currency} are in dispute"
        raise IllegalEventError(msg)


def _refuse_gaps(told: Sequence[CaseEvent]) -> None:
    for index, event in enumerate(told):
        if event.event_index != index:
            msg = f"case {event.case_id}: event {index} is missing, and event {event.event_index} cannot stand alone"
            raise IllegalEventError(msg)


@dataclass(frozen=True, slots=True)
class _Course:
    """What decisions and answers come to, before any credit is looked at."""

    opening: CaseEvent
    status: CaseStatus
    deadline_on: date | None
    given_up: Decimal = _NONE
    """what we no longer dispute, out of the opening's amount"""
    promised: Decimal | None = None
    level: int = 0
    sent_at: datetime | None = None
    is_decided: bool = False


def _course(events: Sequence[CaseEvent]) -> _Course:
    course: _Course | None = None
    # Events of one instant keep the order in which they were written down.
    for event in sorted(events, key=lambda event: (event.happened_at, event.event_index)):
        course = _after(course, event)
    if course is None:
        msg = "a credit or a replacement alone opens no case"
        raise IllegalEventError(msg)
    return course


def _after(course: _Course | None, event: CaseEvent) -> _Course:
    try:
        status = status_after(course.status if course else None, event.kind)
    except IllegalEventError as error:
        msg = f"case {event.case_id}: {error}"
        raise IllegalEventError(msg) from None
    if event.kind is DisputeEventKind.OPENED or course is None:
        return _opened(course, event, status)
    if event.kind is DisputeEventKind.WITHDRAWN and _is_partial(course, event):
        return replace(course, given_up=course.given_up + (event.amount or _NONE))
    step = replace(course, status=status, deadline_on=event.deadline_on or course.deadline_on)
    return replace(step, **_marks(course, event))


def _opened(course: _Course | None, event: CaseEvent, status: CaseStatus) -> _Course:
    if course is not None and course.is_decided and set(event.rule_ids) <= set(course.opening.rule_ids):
        msg = f"case {event.case_id}: {event.kind} cannot follow {course.status}: a person decided on these grounds"
        raise IllegalEventError(msg)
    return _Course(opening=event, status=status, deadline_on=None)


def _is_partial(course: _Course, event: CaseEvent) -> bool:
    """Tell whether we keep disputing a rest."""
    disputed = course.opening.amount if course.opening.amount is not None else course.opening.claimed
    return event.amount is not None and disputed is not None and course.given_up + event.amount < abs(disputed)


def _marks(course: _Course, event: CaseEvent) -> dict[str, object]:
    """Give what an event changes besides the status."""
    match event.kind:
        case DisputeEventKind.SENT:
            return {"level": FIRST_LEVEL, "sent_at": event.happened_at}
        case DisputeEventKind.ESCALATED:
            return {"level": _next_level(course, event)}
        case DisputeEventKind.ACCEPTED:
            return {"promised": event.amount}
        case DisputeEventKind.REFUSED:
            return {"promised": None}
        case DisputeEventKind.WITHDRAWN | DisputeEventKind.WRITTEN_OFF | DisputeEventKind.PAID_UNDER_PROTEST:
            return {"is_decided": event.is_by_person}
        case _:
            return {}


def _next_level(course: _Course, event: CaseEvent) -> int:
    if course.level >= LAST_LEVEL:
        msg = f"case {event.case_id}: {event.kind} cannot follow level {LAST_LEVEL}, which is the last: decide it"
        raise IllegalEventError(msg)
    return course.level + 1


def _with_facts(course: _Course, told: Sequence[CaseEvent]) -> CaseState:
    """Add what CDRs told, each of them once."""
    given = {event.related_cdr_key: event.amount for event in told if event.kind is DisputeEventKind.CREDITED}
    credited = sum((amount for amount in given.values() if amount is not None), _NONE)
    replacements = [event for event in told if event.kind is DisputeEventKind.REPLACED]
    status = _covered(course, credited, is_replaced=bool(replacements))
    newest = max(told, key=lambda event: (event.happened_at, event.event_index))
    opening = course.opening
    return CaseState(
        case_id=opening.case_id,
        status=status,
        rule_ids=opening.rule_ids,
        reason=opening.reason,
        amount_at_stake=opening.amount_at_stake,
        currency=opening.currency,
        deadline_on=course.deadline_on,
        opened_at=opening.happened_at,
        events=len(told),
        amounts=divide(opening.claimed, _disputed(course), credited, _ending(status)),
        cpo_id=opening.cpo_id,
        billing_month=opening.billing_month,
        disputed=_disputed(course),
        given_up=course.given_up,
        credited=credited,
        promised=course.promised,
        level=course.level,
        sent_at=course.sent_at,
        replaced_by=_first(replacements),
        is_decided=course.is_decided,
        note=newest.reason,
        changed_at=newest.happened_at,
    )


def _first(replacements: Sequence[CaseEvent]) -> str | None:
    """Give the CDR that came first; of two at once the one with the smaller key."""
    ordered = sorted((event.happened_at, event.related_cdr_key or "") for event in replacements)
    return ordered[0][1] if ordered else None


def _covered(course: _Course, credited: Decimal, *, is_replaced: bool) -> CaseStatus:
    """Close a case whose disputed part credits cover, unless a person has ended it already."""
    is_open = course.status in LIVE or (course.status is CaseStatus.WITHDRAWN and not course.is_decided)
    disputed = _disputed(course)
    if not is_open or not credited or disputed is None or credited < disputed:
        return course.status
    return CaseStatus.REPLACED if is_replaced else CaseStatus.CREDITED


def _disputed(course: _Course) -> Decimal | None:
    """Give what is in question: the opening's amount without what we gave up; the claim where none was named."""
    opened = course.opening.amount if course.opening.amount is not None else course.opening.claimed
    return None if opened is None else abs(opened) - course.given_up


def _ending(status: CaseStatus) -> Ending:
    if status in LIVE:
        return Ending.NOT_YET
    return Ending.FOR_THE_CPO if status in PAID else Ending.FOR_US
