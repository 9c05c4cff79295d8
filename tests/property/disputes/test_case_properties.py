"""Whatever happens to a case: only legal states, amounts that add up, and the same end in any order of arrival."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.reconciliation.cases import (
    CaseStatus,
    DisputeEventKind,
    IllegalEventError,
    case_state,
    refuse_unless_possible,
)
from models.reconciliation.cases.amounts import Ending, divide
from models.reconciliation.cases.transitions import LIVE, PAID
from tests.unit.disputes.histories import OPENED, PERSON, RULES, event

ANSWERS = ("sent", "acknowledged", "accepted", "refused", "escalated")
ENDINGS = ("written_off", "paid_under_protest", "withdrawn", "expired")
cents = st.integers(1, 2500).map(lambda count: Decimal(count).scaleb(-2))
small = st.integers(1, 600).map(lambda count: Decimal(count).scaleb(-2))


class Case(RuleBasedStateMachine):
    """One case against everything that people, rules, CDRs and time may do to it, in any order."""

    def __init__(self):
        super().__init__()
        self.events, self.minutes, self.shuffles = [], 0, None

    @initialize(claimed=cents, disputed=st.none() | cents, shuffles=st.randoms(use_true_random=False))
    def open(self, claimed, disputed, shuffles):
        self.shuffles = shuffles
        self.append("opened", claimed=claimed + 10, amount=disputed)

    def append(self, kind, **facts):
        """Try an event at a later instant; a refusal changes nothing."""
        self.minutes += 1
        facts.setdefault("happened_at", OPENED + timedelta(minutes=self.minutes))
        tried = event(len(self.events), kind, **facts)
        before = case_state(self.events)
        try:
            after = refuse_unless_possible(self.events, tried)
        except IllegalEventError:
            assert before is None or kind not in {"credited", "replaced"}
            return
        assert before is None or before.is_live or kind in {"opened", "credited", "replaced"}
        self.events.append(tried)
        assert case_state(self.events) == after

    @rule(kind=st.sampled_from(ANSWERS))
    def go_on(self, kind):
        self.append(kind)

    @precondition(lambda self: len(self.events) > 5)
    @rule(kind=st.sampled_from(ENDINGS))
    def end(self, kind):
        self.append(kind)

    @rule(kind=st.sampled_from(["accepted", "withdrawn"]), amount=small)
    def decide_about_a_part(self, kind, amount):
        self.append(kind, amount=amount)

    @rule(kind=st.sampled_from(["acknowledged", "refused", "accepted"]), ago=st.integers(1, 5))
    def note_an_answer_late(self, kind, ago):
        seconds = timedelta(minutes=self.minutes - ago, seconds=len(self.events))
        self.append(kind, happened_at=OPENED + seconds)

    @rule(amount=small, number=st.integers(1, 3), ago=st.integers(0, 9))
    def credit(self, amount, number, ago):
        told = [each.related_cdr_key for each in self.events]
        if f"C1-{number}" not in told:
            at = OPENED + timedelta(minutes=self.minutes - ago, milliseconds=number)
            self.append("credited", amount=amount, related_cdr_key=f"C1-{number}", happened_at=at)

    @rule(number=st.integers(1, 2))
    def replace(self, number):
        if f"N{number}" not in [each.related_cdr_key for each in self.events]:
            self.append("replaced", amount=Decimal("1.00"), related_cdr_key=f"N{number}")

    @precondition(lambda self: len(self.events) > 3)
    @rule()
    def withdraw_by_rules(self):
        self.append("withdrawn", actor=RULES)

    @rule(rules=st.sampled_from([("R21",), ("R18", "R21")]), claimed=cents)
    def open_again(self, rules, claimed):
        self.append("opened", rule_ids=rules, claimed=claimed, amount=None)

    @invariant()
    def amounts_add_up(self):
        state = case_state(self.events)
        if state is None:
            return
        parts = state.amounts
        assert parts.payable + parts.held + parts.conceded == parts.claimed
        assert min(parts.payable, parts.held, parts.conceded) >= 0
        assert parts.held == 0 or state.is_live
        assert state.level <= 3

    @invariant()
    def a_closed_case_says_how_it_ended(self):
        state = case_state(self.events)
        if state is None or state.is_live:
            return
        kinds = {each.kind for each in self.events}
        needed = {CaseStatus.CREDITED: "credited", CaseStatus.REPLACED: "replaced"}.get(state.status, str(state.status))
        assert DisputeEventKind(needed) in kinds
        assert not state.is_decided or (state.status in PAID and PERSON in {each.actor for each in self.events})

    @precondition(lambda self: len(self.events) > 1)
    @rule()
    def arrive_in_another_order(self):
        """Tell the same events in an order in which every one of them is possible: state and amounts are the same."""
        waiting, arrived = list(self.events), []
        self.shuffles.shuffle(waiting)
        while waiting:
            following = next((each for each in waiting if _is_possible(arrived, each)), None)
            if following is None:
                return
            waiting.remove(following)
            arrived.append(_numbered(following, len(arrived)))
        assert _outcome(arrived) == _outcome(self.events)


def _numbered(told, index):
    return event(index, str(told.kind), **{name: getattr(told, name) for name in _KEPT})


_KEPT = ("rule_ids", "amount", "claimed", "actor", "happened_at", "related_cdr_key", "deadline_on")


def _is_possible(arrived, following):
    try:
        refuse_unless_possible(arrived, _numbered(following, len(arrived)))
    except IllegalEventError:
        return False
    return True


def _outcome(events):
    state = case_state(events)
    return (state.status, state.amounts, state.level, state.replaced_by, state.settled_rules, state.rule_ids)


Case.TestCase.settings = settings(derandomize=True, max_examples=150, stateful_step_count=25, deadline=None)
TestCase = Case.TestCase


@settings(derandomize=True)
@given(st.integers(-2500, 2500), st.none() | st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(list(Ending)))
def test_a_claim_divides_into_parts_of_its_own_sign(claimed, disputed, credited, ending):
    given_as = [None if each is None else Decimal(each).scaleb(-2) for each in (claimed, disputed, credited)]
    parts = divide(*given_as, ending)
    told = (parts.payable, parts.held, parts.conceded)
    assert sum(told) == given_as[0]
    assert all(part * claimed >= 0 for part in told)
    assert parts.held == 0 or ending is Ending.NOT_YET


def test_live_and_paid_are_apart():
    assert not LIVE & PAID
