"""Disputes in a real register: opened once, withdrawn once, and nothing more however often a month is judged."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from models.reconciliation.cases import CaseStatus
from models.schemas.registry import Layer, table
from pipelines.commands import disputes
from pipelines.lib.errors import UserError
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import (
    DisputeChanges,
    case_events,
    case_states,
    export_dispute_events,
    record_verdicts,
)
from pipelines.lib.settings import load_settings

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
CASE = "DE*LDW*HELD"


@pytest.fixture
def register(tmp_path):
    return Register(f"sqlite:///{tmp_path}/register.sqlite")


@pytest.fixture
def faulty(world):
    world.cdr("HELD", total_cost_excl_vat=Decimal("4.25"), price=Decimal(3))
    world.cdr("CLEAN", started_at=NOW - timedelta(days=20))
    return world


def record(register, world, now=NOW):
    with register.transaction() as tx:
        return record_verdicts(tx, world.verdicts(), world.findings(), {"DE*LDW": 60}, now, now.date())


def mend(world):
    world.prices[0]["total_excl_vat"] = Decimal("4.25")


def test_a_held_cdr_opens_a_case_with_amount_reason_and_deadline(register, faulty):
    assert record(register, faulty) == DisputeChanges(opened=1, withdrawn=0)
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
    assert record(register, faulty, NOW + timedelta(days=1)) == DisputeChanges(opened=0, withdrawn=0)
    mend(faulty)
    record(register, faulty)
    assert record(register, faulty) == DisputeChanges(opened=0, withdrawn=0)


def test_a_case_is_withdrawn_when_its_cdr_is_accepted_and_opened_anew_when_it_is_not(register, faulty):
    record(register, faulty)
    mend(faulty)
    assert record(register, faulty) == DisputeChanges(opened=0, withdrawn=1)
    with register.transaction() as tx:
        assert case_states(tx)[CASE].status is CaseStatus.WITHDRAWN
    faulty.prices[0]["total_excl_vat"] = Decimal(3)
    assert record(register, faulty) == DisputeChanges(opened=1, withdrawn=0)
    with register.transaction() as tx:
        assert [event.kind for event in case_events(tx, CASE)] == ["opened", "withdrawn", "opened"]


def test_other_months_cases_are_left_alone(register, faulty, world):
    record(register, faulty)
    world.cdrs = [row for row in world.cdrs if row["cdr_id"] == "CLEAN"]
    assert record(register, world) == DisputeChanges(opened=0, withdrawn=0)
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


def test_the_commands_show_the_case_and_what_is_at_stake(tmp_path, monkeypatch, faulty):
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    console = Console(width=200, record=True, file=StringIO())
    assert disputes.show_all(console) == 0
    assert "No CDR is in dispute." in console.export_text()
    record(Register(load_settings().register), faulty)
    assert disputes.show_all(console) == 0
    assert "1 in dispute, at stake: 1.25 EUR (excl. VAT)" in console.export_text()
    assert disputes.show_one(CASE.lower(), console) == 0
    assert "claims 4.25 EUR excl. VAT, recomputed 3.00 EUR" in console.export_text()
    with pytest.raises(UserError, match="there is no case 'X'"):
        disputes.show_one("X", console)
