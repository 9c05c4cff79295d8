"""Decisions about tokens: never without a person and a reason, never silent, always reversible."""

import hashlib
import json

import pytest
from rich.console import Console

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import TokenDecisionKind
from pipelines.commands import tokens as command
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register.outbox import deliveries
from pipelines.lib.register.token_decisions import blocked_spans, token_decisions
from pipelines.lib.token_decisions import TokenDesk, carry_out
from tests.unit.intake.little_peer import keep_pages
from tests.unit.reconciliation.roaming_world import rows_of
from tests.unit.token_risk.conftest import NOW
from tests.unit.token_risk.little_receiver import LittleReceiver, serving

BLOCK, UNBLOCK = TokenDecisionKind.BLOCK, TokenDecisionKind.UNBLOCK
RISK = {"token_uid": "04A1B2", "token_type": "RFID", "score": 80, "signal_ids": ["T02", "T09"]}
RISK |= {"reasons": ["T02 overlapping sessions: x", "T09 cloned card: y"], "recommended_action": "replace"}
RISK |= {
    "sessions": 3,
    "authorizations": 4,
    "energy_kwh": 1,
    "last_used_at": NOW,
    "billing_month": NOW.date().replace(day=1),
}


@pytest.fixture
def plan(home, register):
    """Give a way to prepare a decision about the card."""

    def plan(kind=BLOCK, uid="04A1B2", token_type=None, reason="copied card"):
        settings = home()
        with register.transaction() as tx:
            return TokenDesk(settings, Lake(settings.lake)).plan(tx, uid, token_type, kind, reason, "ada")

    return plan


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"uid": "NOBODY"}, "there is no token 'NOBODY' of ours"),
        ({"uid": "TWO"}, "in several types (APP_USER, RFID): name one with --type"),
        ({"reason": "  "}, "a decision needs a reason"),
        ({"kind": UNBLOCK}, "token 04A1B2 (RFID) is not blocked"),
    ],
)
def test_what_cannot_be_decided_is_refused_with_a_remedy(plan, asked, said):
    with pytest.raises(UserError) as refused:
        plan(**asked)
    assert said in str(refused.value)


def test_a_blocked_token_is_not_blocked_again(plan, register):
    blocking = plan()
    with register.transaction() as tx:
        carry_out(tx, blocking)
    with pytest.raises(UserError, match="was blocked already, by ada on 2026-11-05: copied card"):
        plan()
    assert plan(UNBLOCK).token["valid"] is True


def test_a_decision_keeps_who_when_why_and_the_score_of_that_time(home, plan, register):
    lake = Lake(home().lake)
    frame = rows_of(Layer.MATCHED, "token_risks", [RISK])
    lake.write(Layer.MATCHED, "token_risks", frame, BillingMonth(2026, 11))
    blocking = plan()
    with register.transaction() as tx:
        carry_out(tx, blocking)
        ((decision,),) = token_decisions(tx).values()
    assert (decision.kind, decision.actor, decision.reason) == (BLOCK, "ada", "copied card")
    assert (decision.score, decision.signal_ids, decision.happened_at) == (80, ("T02", "T09"), NOW)


def test_blocks_are_spans_that_token_risk_reads(plan, register):
    blocking = plan()
    with register.transaction() as tx:
        carry_out(tx, blocking)
        assert blocked_spans(tx).rows() == [("04A1B2", "RFID", NOW, None)]
    unblocking = plan(UNBLOCK)
    with register.transaction() as tx:
        carry_out(tx, unblocking)
        assert blocked_spans(tx).rows() == [("04A1B2", "RFID", NOW, NOW)]


def test_what_the_platform_says_beyond_our_table_is_passed_on(home, plan):
    lake = Lake(home().lake)
    token = {"uid": "04a1b2", "type": "RFID", "visual_number": "DF-01", "language": "de", "valid": True}
    token |= {"country_code": "DE", "party_id": "NST", "energy_contract": {"supplier_name": "Wind"}}
    page = json.dumps({"data": [token], "status_code": 1000, "timestamp": "2026-11-05T06:00:00Z"}).encode()
    keep_pages(RawStore(lake), "tokens", [page], pull_id="1", received_at=NOW, connection_id="platform")
    record = {"connection_id": "platform", "module": "tokens", "ocpi_version": "2.2.1", "pull_id": "1"}
    record |= {"page_sha256": hashlib.sha256(page).hexdigest(), "page_position": 0, "record_id": "04a1b2"}
    record |= {"outcome": "typed", "received_at": NOW}
    lake.write(Layer.TYPED, "records", rows_of(Layer.TYPED, "records", [record]))
    told = plan().token
    assert (told["visual_number"], told["language"], told["valid"]) == ("DF-01", "de", False)
    assert told["energy_contract"] == {"supplier_name": "Wind"}


def run(monkeypatch, settings, what, *args, **kwargs):
    """Run a command on a home; give its exit code and what it printed."""
    monkeypatch.setattr(command, "load_settings", lambda: settings)
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - closed with the test
    code = what(*args, console, **kwargs)
    return code, console.export_text()


def test_without_send_nothing_is_decided_and_everything_is_shown(home, register, monkeypatch):
    with serving(LittleReceiver()) as (peer,):
        code, text = run(
            monkeypatch, home(peer), command.decide, BLOCK, "04A1B2", None, "copied card", "ada", send=False
        )
    with register.transaction() as tx:
        assert (token_decisions(tx), deliveries(tx)) == ({}, [])
    assert (code, peer.put) == (0, [])
    assert "Nothing was decided or sent." in text
    assert '"valid":false' in text.replace("\n", "").replace(" ", "")


def test_with_send_the_peer_knows_and_the_token_can_be_shown(home, register, monkeypatch):
    with serving(LittleReceiver()) as (peer,):
        settings = home(peer)
        code, text = run(monkeypatch, settings, command.decide, BLOCK, "04A1B2", None, "copied", "ada", send=True)
        assert (code, len(peer.put)) == (0, 1)
        assert "1 of 1 messages delivered" in text
        code, text = run(monkeypatch, settings, command.show_one, "04a1b2", None)
    assert code == 0
    assert "blocked by ada" in text
    assert "HTTP 200, OCPI 1000" in text
    assert run(monkeypatch, settings, command.show_outbox, everything=False)[0] == 0


def test_what_was_not_taken_makes_the_command_fail(home, register, monkeypatch):
    with serving(LittleReceiver(modules=())) as (peer,):
        settings = home(peer)
        code, text = run(monkeypatch, settings, command.decide, BLOCK, "04A1B2", None, "copied", "ada", send=True)
        assert (code, "0 of 1 messages delivered" in text) == (1, True)
        code, text = run(monkeypatch, settings, command.show_outbox, everything=False)
    assert (code, "gave up" in text) == (1, True)


def test_the_catalogue_shows_points_and_thresholds_in_force(home, monkeypatch):
    code, text = run(monkeypatch, home(token_risk={"travel_kmh": 200}), command.show_signals)
    assert code == 0
    assert "travel_kmh = 200 km/h" in text
    with pytest.raises(UserError, match="setting token_risk: no threshold is called 'speed'"):
        run(monkeypatch, home(token_risk={"speed": 200}), command.show_signals)
