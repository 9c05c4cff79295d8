"""The state of a dispute is the fold of its events, and impossible histories are refused."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.reconciliation.cases import CaseEvent, CaseStatus, IllegalEventError, case_state
from models.types.vocabularies import DisputeEventKind

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


def history(*kinds):
    return [
        CaseEvent(
            case_id="DE*LDW*C1",
            event_index=index,
            kind=DisputeEventKind(kind),
            rule_ids=("R21",),
            reason="because",
            amount_at_stake=Decimal("1.25"),
            currency="EUR",
            deadline_on=date(2027, 1, 4) if kind == "opened" else None,
            actor="roamledger",
            happened_at=NOW.replace(day=5 + index),
        )
        for index, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("kinds", "status", "is_live"),
    [
        (["opened"], CaseStatus.OPEN, True),
        (["opened", "sent"], CaseStatus.SENT, True),
        (["opened", "withdrawn"], CaseStatus.WITHDRAWN, False),
        (["opened", "sent", "withdrawn"], CaseStatus.WITHDRAWN, False),
        (["opened", "withdrawn", "opened"], CaseStatus.OPEN, True),
    ],
)
def test_a_history_comes_to_a_state(kinds, status, is_live):
    state = case_state(history(*kinds))
    assert (state.status, state.is_live, state.events) == (status, is_live, len(kinds))


def test_no_events_are_no_case():
    assert case_state([]) is None


def test_the_order_of_the_rows_does_not_matter():
    events = history("opened", "sent", "withdrawn")
    assert case_state(reversed(events)) == case_state(events)


def test_a_later_event_keeps_the_deadline_and_a_new_opening_restarts_the_case():
    assert case_state(history("opened", "sent")).deadline_on == date(2027, 1, 4)
    assert case_state(history("opened", "withdrawn", "opened")).opened_at == NOW.replace(day=7)


@pytest.mark.parametrize(
    "kinds", [["sent"], ["withdrawn"], ["opened", "opened"], ["opened", "withdrawn", "sent"]], ids=" ".join
)
def test_impossible_histories_are_refused(kinds):
    with pytest.raises(IllegalEventError, match="DE\\*LDW\\*C1"):
        case_state(history(*kinds))


def test_a_missing_event_is_noticed():
    with pytest.raises(IllegalEventError, match="event 2 withdrawn cannot follow"):
        case_state([event for event in history("opened", "sent", "withdrawn") if event.event_index != 1])
