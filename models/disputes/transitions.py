"""What may happen to a dispute: the states, the events and the table of legal transitions."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    SENT = "sent"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Event(StrEnum):
    """What can happen to a dispute."""

    OPENED = "opened"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    ESCALATED = "escalated"
    CREDITED = "credited"
    REPLACED = "replaced"
    ACCEPTED = "accepted"
    WRITTEN_OFF = "written_off"
    PAID_UNDER_PROTEST = "paid_under_protest"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


CLOSING: Final = frozenset(Event) - {Event.OPENED, Event.SENT, Event.ACKNOWLEDGED, Event.REFUSED, Event.ESCALATED}
"""Events that end a dispute in full; a credit of a part is not among the transitions yet."""

TRANSITIONS: Final[dict[tuple[State | None, Event], State]] = {
    (None, Event.OPENED): State.OPEN,
    (State.CLOSED, Event.OPENED): State.OPEN,
    (State.OPEN, Event.SENT): State.SENT,
    (State.SENT, Event.ACKNOWLEDGED): State.SENT,
    (State.SENT, Event.REFUSED): State.SENT,
    (State.SENT, Event.ESCALATED): State.ESCALATED,
    (State.ESCALATED, Event.ACKNOWLEDGED): State.ESCALATED,
    (State.ESCALATED, Event.REFUSED): State.ESCALATED,
    (State.ESCALATED, Event.ESCALATED): State.ESCALATED,
    **{(state, event): State.CLOSED for state in (State.OPEN, State.SENT, State.ESCALATED) for event in CLOSING},
}
"""What may follow what; every pair that is not listed is refused."""


def next_state(state: State | None, event: Event) -> State | None:
    """Give the state after an event; None where the event is illegal in that state."""
    return TRANSITIONS.get((state, event))
