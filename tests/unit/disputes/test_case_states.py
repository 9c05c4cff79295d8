"""The state of a dispute is the fold of its events, and impossible histories are refused."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from models.reconciliation.cases import CaseStatus, IllegalEventError, case_state, refuse_unless_possible
from tests.unit.disputes.histories import OPENED, RULES, credit, event, history

REPLACEMENT = ("replaced", {"amount": Decimal("12.00"), "related_cdr_key": "DE*LDW*C9"})
BY_RULES = ("withdrawn", {"actor": RULES})


@pytest.mark.parametrize(
    ("kinds", "status", "is_live"),
    [
        (["opened"], CaseStatus.OPEN, True),
        (["opened", "opened"], CaseStatus.OPEN, True),
        (["opened", "sent"], CaseStatus.SENT, True),
        (["opened", "sent", "acknowledged"], CaseStatus.ACKNOWLEDGED, True),
        (["opened", "sent", "accepted"], CaseStatus.ACCEPTED, True),
        (["opened", "sent", "acknowledged", "refused"], CaseStatus.REFUSED, True),
        (["opened", "sent", "refused", "escalated"], CaseStatus.ESCALATED, True),
        (["opened", "sent", "refused", "escalated", "accepted"], CaseStatus.ACCEPTED, True),
        (["opened", "sent", credit("8.00")], CaseStatus.CREDITED, False),
        (["opened", "sent", credit("20.00"), REPLACEMENT], CaseStatus.REPLACED, False),
        (["opened", "sent", credit("7.99")], CaseStatus.SENT, True),
        (["opened", credit("3.00"), credit("5.00", "DE*LDW*C1-D")], CaseStatus.CREDITED, False),
        (["opened", "sent", REPLACEMENT], CaseStatus.SENT, True),
        (["opened", "written_off"], CaseStatus.WRITTEN_OFF, False),
        (["opened", "sent", "refused", "paid_under_protest"], CaseStatus.PAID_UNDER_PROTEST, False),
        (["opened", "sent", "expired"], CaseStatus.EXPIRED, False),
        (["opened", BY_RULES], CaseStatus.WITHDRAWN, False),
        (["opened", "sent", BY_RULES, "opened"], CaseStatus.OPEN, True),
        (["opened", "withdrawn", credit("20.00")], CaseStatus.WITHDRAWN, False),
        (["opened", BY_RULES, credit("20.00")], CaseStatus.CREDITED, False),
        (["opened", "sent", ("withdrawn", {"amount": Decimal("3.00")})], CaseStatus.SENT, True),
        (["opened", "sent", ("withdrawn", {"amount": Decimal("8.00")})], CaseStatus.WITHDRAWN, False),
    ],
)
def test_a_history_comes_to_a_state(kinds, status, is_live):
    state = case_state(history(*kinds))
    assert (state.status, state.is_live, state.events) == (status, is_live, len(kinds))


@pytest.mark.parametrize(
    ("kinds", "payable", "held", "conceded"),
    [
        (["opened"], "12.00", "8.00", "0"),
        (["opened", credit("3.00")], "12.00", "5.00", "3.00"),
        (["opened", credit("8.00")], "12.00", "0", "8.00"),
        (["opened", credit("20.00")], "0.00", "0", "20.00"),
        (["opened", credit("20.00"), credit("20.00", "DE*LDW*C1-D")], "0.00", "0", "20.00"),
        (["opened", ("withdrawn", {"amount": Decimal("3.00")})], "15.00", "5.00", "0"),
        (["opened", "withdrawn"], "20.00", "0", "0"),
        (["opened", "sent", "refused", "paid_under_protest"], "20.00", "0", "0"),
        (["opened", "sent", credit("3.00"), "written_off"], "17.00", "0", "3.00"),
        (["opened", "sent", "written_off", credit("3.00")], "17.00", "0", "3.00"),
        (["opened", "sent", "expired"], "12.00", "0", "8.00"),
        (["opened", "sent", "accepted"], "12.00", "8.00", "0"),
        ([("opened", {"amount": None})], "0.00", "20.00", "0"),
        ([("opened", {"claimed": Decimal("-20.00"), "amount": Decimal("20.00")})], "0", "-20.00", "0"),
    ],
)
def test_the_parts_of_a_claim_add_up_to_it(kinds, payable, held, conceded):
    amounts = case_state(history(*kinds)).amounts
    assert (amounts.payable, amounts.held, amounts.conceded) == tuple(map(Decimal, (payable, held, conceded)))
    assert amounts.payable + amounts.held + amounts.conceded == amounts.claimed
    assert "-0" not in (str(amounts.payable), str(amounts.held), str(amounts.conceded))


def test_amounts_of_a_claim_without_one_are_unknown_and_no_credit_closes_it():
    state = case_state(history(("opened", {"claimed": None, "amount": None}), "sent", credit("5.00")))
    assert (state.status, state.amounts.held, state.amounts.payable, state.credited) == ("sent", None, None, 5)


def test_a_double_credit_is_seen_and_concedes_no_more_than_the_claim():
    state = case_state(history("opened", credit("20.00"), credit("20.00", "DE*LDW*C1-D")))
    assert (state.credited, state.amounts.conceded) == (Decimal("40.00"), Decimal("20.00"))


def test_a_credit_told_twice_counts_once():
    state = case_state(history("opened", credit("4.00"), credit("4.00")))
    assert (state.credited, state.is_live) == (Decimal("4.00"), True)


def test_no_events_are_no_case():
    assert case_state([]) is None


def test_the_order_of_the_rows_does_not_matter():
    events = history("opened", "sent", credit("8.00"))
    assert case_state(reversed(events)) == case_state(events)


def test_what_is_written_down_late_counts_from_when_it_happened():
    late = history("opened", "sent", "refused", ("acknowledged", {"happened_at": OPENED + timedelta(days=1, hours=1)}))
    assert case_state(late).status is CaseStatus.REFUSED


def test_deadlines_levels_and_promises_follow_the_course():
    until = date(2027, 2, 1)
    state = case_state(history("opened", ("sent", {"deadline_on": until}), ("accepted", {"amount": Decimal("3.00")})))
    assert (state.deadline_on, state.level, state.promised, state.sent_at) == (
        until,
        1,
        Decimal("3.00"),
        OPENED + timedelta(days=1),
    )
    assert state.is_overdue(date(2027, 2, 2))
    assert not state.is_overdue(until)
    assert case_state(history("opened", "sent", "escalated", "escalated")).level == 3


def test_who_was_not_told_owes_no_answer():
    state = case_state(history("opened"))
    assert (state.deadline_on, state.is_overdue(date(2099, 1, 1))) == (None, False)


def test_a_new_opening_restarts_the_case():
    again = case_state(history("opened", "sent", BY_RULES, "opened"))
    assert (again.opened_at, again.level, again.sent_at) == (OPENED + timedelta(days=3), 0, None)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["sent"], "sent cannot follow nothing"),
        (["opened", "expired"], "expired cannot follow open"),
        (["opened", "sent", "sent"], r"sent cannot follow sent \(possible: acknowledged, accepted"),
        (["opened", "withdrawn", "sent"], "sent cannot follow withdrawn"),
        (["opened", "sent", "refused", "expired"], "expired cannot follow refused"),
        (["opened", "sent", "escalated", "escalated", "escalated"], "level 3, which is the last"),
        (["opened", "withdrawn", "opened"], "a person decided on these grounds"),
        (["opened", "written_off", "paid_under_protest"], "nothing: it is closed"),
        ([credit("8.00")], "opens no case"),
    ],
)
def test_impossible_histories_are_refused(kinds, words):
    with pytest.raises(IllegalEventError, match=words):
        case_state(history(*kinds))


def test_other_grounds_open_a_case_again_that_a_person_withdrew():
    other = ("opened", {"rule_ids": ("R21", "R01")})
    assert case_state(history("opened", "withdrawn", other)).status is CaseStatus.OPEN


def test_a_missing_event_is_noticed():
    with pytest.raises(IllegalEventError, match="event 1 is missing"):
        case_state([each for each in history("opened", "sent", "refused") if each.event_index != 1])


@pytest.mark.parametrize(
    ("kinds", "last", "words"),
    [
        (["opened", credit("8.00")], ("sent", {}), "sent cannot follow credited: the case is closed"),
        (["opened", "sent", "expired"], ("accepted", {}), "cannot follow expired: the case is closed"),
        (["opened", "sent"], ("accepted", {"amount": Decimal("8.01")}), "8.00 EUR are in dispute"),
        (["opened", credit("3.00")], ("withdrawn", {"amount": Decimal("6.00")}), "5.00 EUR are in dispute"),
    ],
)
def test_nothing_is_decided_about_a_closed_case_or_beyond_what_is_held(kinds, last, words):
    told = history(*kinds)
    with pytest.raises(IllegalEventError, match=words):
        refuse_unless_possible(told, event(len(told), last[0], **last[1]))


def test_a_credit_may_come_at_any_time():
    told = history("opened", "sent", "refused", "written_off")
    state = refuse_unless_possible(told, event(4, *credit("20.00")[:1], **credit("20.00")[1]))
    assert (state.status, state.amounts.payable) == (CaseStatus.WRITTEN_OFF, 0)


@pytest.mark.parametrize(
    ("kinds", "settled"),
    [
        (["opened"], ()),
        (["opened", "withdrawn"], ("R18", "R21")),
        (["opened", BY_RULES], ()),
        (["opened", "written_off"], ("R21",)),
        (["opened", "sent", "expired"], ("R21",)),
        (["opened", credit("8.00")], ("R21",)),
        (["opened", credit("20.00")], ()),
    ],
)
def test_how_a_case_ended_decides_which_rules_no_longer_hold_the_cdr_back(kinds, settled):
    told = [replace(each, rule_ids=("R18", "R21")) for each in history(*kinds)]
    assert case_state(told).settled_rules == settled


@pytest.mark.parametrize(
    ("kinds", "owed"),
    [
        (["opened"], "12.00"),
        (["opened", credit("3.00")], "15.00"),
        (["opened", credit("20.00")], "20.00"),
        (["opened", credit("20.00"), credit("20.00", "DE*LDW*C1-D")], "20.00"),
        (["opened", "sent", "expired"], "12.00"),
        (["opened", "sent", "paid_under_protest"], "20.00"),
        ([("opened", {"claimed": Decimal("-20.00"), "amount": None})], "0"),
    ],
)
def test_what_is_owed_of_the_cdr_leaves_its_credits_to_their_own_lines(kinds, owed):
    assert case_state(history(*kinds)).owed_amount == Decimal(owed)


def test_what_is_owed_of_an_unknown_claim_is_unknown():
    assert case_state(history(("opened", {"claimed": None}))).owed_amount is None
