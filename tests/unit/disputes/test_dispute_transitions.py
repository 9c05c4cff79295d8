"""The table of legal transitions of a dispute."""

import pytest

from models.disputes.transitions import CLOSING, Event, State, next_state


def test_a_refused_dispute_can_be_escalated_and_written_off() -> None:
    """The long way through a dispute ends closed."""
    state: State | None = None
    for event in ("opened", "sent", "acknowledged", "refused", "escalated", "escalated", "written_off"):
        state = next_state(state, Event(event))
    assert state is State.CLOSED


@pytest.mark.parametrize("event", sorted(set(Event) - {Event.OPENED}))
def test_a_closed_dispute_only_opens_again(event: Event) -> None:
    """Nothing but a new opening follows the end, and nothing but an opening begins."""
    assert next_state(State.CLOSED, event) is None
    assert next_state(None, event) is None


def test_seven_events_end_a_dispute() -> None:
    """The closing events are the ones that settle the amount."""
    assert {str(event) for event in CLOSING} == {
        "credited", "replaced", "accepted", "written_off", "paid_under_protest", "withdrawn", "expired",
    }  # fmt: skip
