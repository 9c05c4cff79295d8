"""A dispute: one case per held CDR, whose state is the fold of its events."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from models.types.vocabularies import DisputeEventKind


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    """held, and not yet sent to the CPO"""
    SENT = "sent"
    """the CPO was told and the deadline runs"""
    WITHDRAWN = "withdrawn"
    """no rule blocks the CDR any more"""


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One thing that happened to a case."""

    case_id: str
    """the key of the CDR"""
    event_index: int
    """from 0, without gaps"""
    kind: DisputeEventKind
    rule_ids: tuple[str, ...]
    reason: str
    amount_at_stake: Decimal | None
    """excl. VAT; None where no rule puts a figure on it"""
    currency: str
    deadline_on: date | None
    actor: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class CaseState:
    """What a case's events come to."""

    case_id: str
    status: CaseStatus
    rule_ids: tuple[str, ...]
    reason: str
    amount_at_stake: Decimal | None
    currency: str
    deadline_on: date | None
    opened_at: datetime
    """when it was opened last"""
    events: int

    @property
    def is_live(self) -> bool:
        """Whether the CDR is in dispute."""
        return self.status in _LIVE


class IllegalEventError(ValueError):
    """An event that cannot follow the events before it; its text names the case, the state and the event."""


def case_state(events: Iterable[CaseEvent]) -> CaseState | None:
    """Fold the events of one case, in any order given; None without events.

    Raises:
        IllegalEventError: where an event cannot follow the state that it meets, or an index is missing.
    """
    state: CaseState | None = None
    for event in sorted(events, key=lambda event: event.event_index):
        state = _after(state, event)
    return state


def _after(state: CaseState | None, event: CaseEvent) -> CaseState:
    before = state.status if state else None
    count = state.events if state else 0
    status = _TRANSITIONS.get((before, event.kind))
    if status is None or event.event_index != count:
        msg = f"case {event.case_id} ({before or 'new'}): event {event.event_index} {event.kind} cannot follow"
        raise IllegalEventError(msg)
    is_opened = event.kind is DisputeEventKind.OPENED
    return CaseState(
        case_id=event.case_id,
        status=status,
        rule_ids=event.rule_ids,
        reason=event.reason,
        amount_at_stake=event.amount_at_stake,
        currency=event.currency,
        deadline_on=event.deadline_on or (state.deadline_on if state else None),
        opened_at=event.happened_at if is_opened or state is None else state.opened_at,
        events=count + 1,
    )


_LIVE: Final = frozenset({CaseStatus.OPEN, CaseStatus.SENT})

_TRANSITIONS: Final[dict[tuple[CaseStatus | None, DisputeEventKind], CaseStatus]] = {
    (None, DisputeEventKind.OPENED): CaseStatus.OPEN,
    (CaseStatus.WITHDRAWN, DisputeEventKind.OPENED): CaseStatus.OPEN,
    (CaseStatus.OPEN, DisputeEventKind.SENT): CaseStatus.SENT,
    (CaseStatus.OPEN, DisputeEventKind.WITHDRAWN): CaseStatus.WITHDRAWN,
    (CaseStatus.SENT, DisputeEventKind.WITHDRAWN): CaseStatus.WITHDRAWN,
}
"""What may follow what; every pair that is not listed is refused."""
