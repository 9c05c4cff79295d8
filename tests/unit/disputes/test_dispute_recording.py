"""Disputes in a real register: opened once, withdrawn once, and nothing more however often a month is judged."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from models.reconciliation.cases import CaseStatus
from models.reconciliation.verdicts import judge
from models.schemas.registry import Layer, table
from pipelines.commands import disputes
from pipelines.lib.disputes.recording import Moment, record_verdicts
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.errors import UserError
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import (
    append_events,
    case_events,
    case_states,
    export_dispute_events,
    export_disputes,
    settled_rules,
)
from pipelines.lib.settings import load_settings
from tests.unit.disputes.histories import event
from tests.unit.reconciliation.roaming_world import rows_of

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
CASE = "DE*LDW*HELD"
TERMS = Terms({"DE*LDW": 60}, {"DE*LDW": 45})


@pytest.fixture
def faulty(world):
    world.cdr("HELD", total_cost_excl_vat=Decimal("4.25"), price=Decimal(3))
    world.cdr("CLEAN", started_at=NOW - timedelta(days=20))
    return world


def record(register, world, now=NOW, *, with_cdrs=False):
    """Record the verdicts of the world's rules; give how many events of each kind that made."""
    everything = rows_of(Layer.TYPED, "cdrs", [*world.cdrs, *world.neighbours]) if with_cdrs else None
    with register.transaction() as tx:
        verdicts = judge_with_decisions(world, settled_rules(tx))
        made = record_verdicts(tx, verdicts, world.findings(), TERMS, Moment(now, now.date()), everything)
    return {str(kind): count for kind, count in made.items()}


def judge_with_decisions(world, settled):
    cdrs = rows_of(Layer.TYPED, "cdrs", world.cdrs)
    return judge(cdrs, world.findings(), rows_of(Layer.PRICED, "wholesale_cdrs", world.prices), settled)


def add(register, kind, **facts):
    """Write down what somebody said of the case."""
    with register.transaction() as tx:
        told = case_events(tx, CASE)
        common = {"happened_at": NOW + timedelta(hours=1), "case_id": CASE} | facts
        append_events(tx, [event(len(told), kind, **common)])


def state(register):
    with register.transaction() as tx:
        return case_states(tx)[CASE]


def mend(world):
    world.prices[0]["total_excl_vat"] = Decimal("4.25")


def test_a_held_cdr_opens_a_case_with_amount_reason_and_deadline(register, faulty):
    assert record(register, faulty) == {"opened": 1}
    with register.transaction() as tx:
        (event,) = case_events(tx, CASE)
        assert case_events(tx, "DE*LDW*CLEAN") == []
    assert event.amount_at_stake == Decimal("1.25")
    assert event.deadline_on == date(2027, 1, 4)
    assert event.rule_ids == ("R21",)
    assert event.reason == (
        "R21 price difference: claims 4.25 EUR excl. VAT, recomputed 3.00 EUR: a difference of 1.25 EUR"
    )
    assert (event.actor, event.happened_at) == ("roamledger", NOW)


def test_judging_again_appends_nothing(register, faulty):
    record(register, faulty)
    assert record(register, faulty, NOW + timedelta(days=1)) == {}
    mend(faulty)
    record(register, faulty)
    assert record(register, faulty) == {}


def test_a_case_is_withdrawn_when_its_cdr_is_accepted_and_opened_anew_when_it_is_not(register, faulty):
    record(register, faulty)
    mend(faulty)
    assert record(register, faulty) == {"withdrawn": 1}
    with register.transaction() as tx:
        assert case_states(tx)[CASE].status is CaseStatus.WITHDRAWN
    faulty.prices[0]["total_excl_vat"] = Decimal(3)
    assert record(register, faulty) == {"opened": 1}
    with register.transaction() as tx:
        assert [event.kind for event in case_events(tx, CASE)] == ["opened", "withdrawn", "opened"]


def test_other_months_cases_are_left_alone(register, faulty, world):
    record(register, faulty)
    world.cdrs = [row for row in world.cdrs if row["cdr_id"] == "CLEAN"]
    assert record(register, world) == {}
    with register.transaction() as tx:
        assert case_states(tx)[CASE].is_live


def test_the_export_fits_the_contract_and_keeps_the_cents(register, faulty):
    with register.transaction() as tx:
        assert export_dispute_events(tx).is_empty()
    record(register, faulty)
    with register.transaction() as tx:
        events = export_dispute_events(tx)
    table(Layer.LEDGER, "dispute_events").contract.validate(events)
    row = events.row(0, named=True)
    assert (row["case_id"], row["event_index"], row["amount_at_stake"]) == (CASE, 0, Decimal("1.25"))


def test_a_case_without_an_amount_has_none(register, world):
    world.cdr("HELD", total_cost_excl_vat=Decimal(3))
    world.cdrs[0]["total_cost_excl_vat"] = None
    record(register, world)
    with register.transaction() as tx:
        (event,) = case_events(tx, CASE)
    assert (event.rule_ids, event.amount_at_stake) == (("R23",), None)


def test_the_export_of_states_fits_its_contract(register, faulty):
    record(register, faulty)
    add(register, "sent", deadline_on=date(2027, 1, 5))
    with register.transaction() as tx:
        states = export_disputes(tx)
    table(Layer.LEDGER, "disputes").contract.validate(states)
    (row,) = states.rows(named=True)
    assert (row["state"], row["is_live"], row["escalation_level"]) == ("sent", True, 1)
    assert (row["claimed_excl_vat"], row["payable_excl_vat"], row["held_excl_vat"]) == (
        Decimal("4.25"),
        Decimal("3.00"),
        Decimal("1.25"),
    )


def test_of_a_claim_below_the_right_price_nothing_is_held(register, world):
    world.cdr("HELD", total_cost_excl_vat=Decimal("3.00"), price=Decimal("4.00"))
    assert record(register, world) == {"opened": 1}
    assert (state(register).amounts.payable, state(register).amounts.held) == (Decimal("3.00"), 0)
    assert state(register).amount_at_stake == Decimal("1.00")


def test_new_grounds_are_recorded_while_nobody_was_told(register, faulty):
    record(register, faulty)
    faulty.prices[0]["total_excl_vat"] = Decimal("2.00")
    assert record(register, faulty) == {"opened": 1}
    assert (state(register).amount_at_stake, state(register).amounts.held) == (Decimal("2.25"), Decimal("2.25"))
    add(register, "sent")
    faulty.prices[0]["total_excl_vat"] = Decimal("1.00")
    assert record(register, faulty, NOW + timedelta(days=1)) == {}
    assert state(register).amount_at_stake == Decimal("2.25")


def test_a_credit_and_a_replacement_move_the_case_by_themselves_and_once(register, faulty):
    record(register, faulty)
    add(register, "sent")
    later = faulty.cdrs[0]["last_updated_at"] + timedelta(days=20)
    back = {"is_credit": True, "credit_reference_id": "held", "total_cost_excl_vat": Decimal("-4.25")}
    faulty.cdr("HELD-C", neighbour=True, last_updated_at=later, **back)
    assert record(register, faulty, with_cdrs=True) == {"credited": 1}
    assert (state(register).status, state(register).amounts.conceded) == (CaseStatus.CREDITED, Decimal("4.25"))
    faulty.cdr("NEW", neighbour=True, session_id="s-held", last_updated_at=later, total_cost_excl_vat=Decimal(3))
    assert record(register, faulty, with_cdrs=True) == {"replaced": 1}
    assert (state(register).status, state(register).replaced_by) == (CaseStatus.REPLACED, "DE*LDW*NEW")
    assert record(register, faulty, NOW + timedelta(days=400), with_cdrs=True) == {}


def test_a_cdr_that_is_held_and_credited_at_once_ends_credited(register, faulty):
    back = {"is_credit": True, "credit_reference_id": "HELD", "total_cost_excl_vat": Decimal("-1.25")}
    faulty.cdr("HELD-C", neighbour=True, **back)
    assert record(register, faulty, with_cdrs=True) == {"opened": 1, "credited": 1}
    assert (state(register).status, state(register).amounts.payable) == (CaseStatus.CREDITED, Decimal("3.00"))


def test_a_case_lapses_when_the_cpo_never_answers(register, faulty):
    record(register, faulty)
    assert record(register, faulty, NOW + timedelta(days=100)) == {}  # nobody was told
    add(register, "sent")
    told = NOW + timedelta(hours=1)
    assert record(register, faulty, told + timedelta(days=45)) == {}
    assert record(register, faulty, told + timedelta(days=45, seconds=1)) == {"expired": 1}
    assert state(register).amounts.conceded == Decimal("1.25")


def test_what_a_person_withdrew_is_accepted_and_stays_so(register, faulty):
    record(register, faulty)
    add(register, "withdrawn", reason="the CPO proved it")
    with register.transaction() as tx:
        verdicts = judge_with_decisions(faulty, settled_rules(tx))
    assert dict(verdicts.select("cdr_key", "verdict").rows())[CASE] == "accept"
    assert record(register, faulty, NOW + timedelta(days=1)) == {}


def test_a_person_settles_the_rules_of_the_case_and_no_others(register, faulty):
    record(register, faulty)
    add(register, "withdrawn")
    faulty.authorizations = [row for row in faulty.authorizations if row["authorization_id"] != "A-HELD"]
    assert record(register, faulty, NOW + timedelta(days=1)) == {"opened": 1}
    assert state(register).rule_ids == ("R18", "R21")


def test_a_settled_price_is_billed_and_a_doubted_session_is_not(register, faulty):
    faulty.cdr("THEFT", started_at=NOW - timedelta(days=10), authorized=False)
    assert record(register, faulty) == {"opened": 2}
    for case in (CASE, "DE*LDW*THEFT"):
        with register.transaction() as tx:
            said = [event(1, "paid_under_protest", case_id=case, happened_at=NOW + timedelta(hours=2))]
            append_events(tx, said)
    with register.transaction() as tx:
        verdicts = judge_with_decisions(faulty, settled_rules(tx))
    assert dict(verdicts.select("cdr_key", "verdict").rows()) == {
        CASE: "accept",
        "DE*LDW*CLEAN": "accept",
        "DE*LDW*THEFT": "hold",
    }
    assert record(register, faulty, NOW + timedelta(days=1)) == {}
    assert state(register).amounts.payable == Decimal("4.25")


def test_what_a_partial_credit_leaves_is_billed_to_the_driver(register, faulty):
    faulty.cdr(
        "HELD-C", neighbour=True, is_credit=True, credit_reference_id="HELD", total_cost_excl_vat=Decimal("-1.25")
    )
    assert record(register, faulty, with_cdrs=True) == {"opened": 1, "credited": 1}
    assert record(register, faulty, with_cdrs=True) == {}
    with register.transaction() as tx:
        verdicts = judge_with_decisions(faulty, settled_rules(tx))
    assert dict(verdicts.select("cdr_key", "verdict").rows())[CASE] == "accept"


def test_the_commands_show_the_case_and_what_is_at_stake(tmp_path, monkeypatch, faulty):
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    console = Console(width=200, record=True, file=StringIO())
    assert disputes.show_all(console) == 0
    assert "No CDR is in dispute." in console.export_text()
    record(Register(load_settings().register), faulty)
    assert disputes.show_all(console) == 0
    assert "1 in dispute: 1.25 EUR held; payable of all shown: 3.00 EUR (excl. VAT)" in console.export_text()
    assert disputes.show_one(CASE.lower(), console) == 0
    assert "claims 4.25 EUR excl. VAT, recomputed 3.00 EUR" in console.export_text()
    with pytest.raises(UserError, match="there is no case 'X'"):
        disputes.show_one("X", console)
