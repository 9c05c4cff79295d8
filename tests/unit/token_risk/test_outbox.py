"""Deliveries to a running peer: idempotent, tried again with growing pauses, visible, and in the order of decisions."""

import base64
import fcntl
import sqlite3
from dataclasses import dataclass
from datetime import timedelta

import pytest
from starlette.responses import JSONResponse

from models.types.vocabularies import TokenDecisionKind
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.outbox import MOST_TRIES, Outbox
from pipelines.lib.register.outbox import DeliveryState, deliveries
from pipelines.lib.token_decisions import TokenDesk, carry_out
from tests.unit.token_risk.little_receiver import TOKEN, LittleReceiver, error, serving

BLOCK, UNBLOCK = TokenDecisionKind.BLOCK, TokenDecisionKind.UNBLOCK
SENT = base64.b64encode(TOKEN.encode()).decode()
PATH = "/DE/NST/04a1b2?type=RFID"


def decide(settings, register, kind=BLOCK, uid="04A1B2"):
    with register.transaction() as tx:
        plan = TokenDesk(settings, Lake(settings.lake)).plan(tx, uid, None, kind, "copied card", "ada")
        return carry_out(tx, plan)


def states(register):
    with register.transaction() as tx:
        return [(each.message.connection_id, str(each.state)) for each in deliveries(tx)]


def last(register):
    with register.transaction() as tx:
        return deliveries(tx)[-1]


@pytest.mark.parametrize(
    ("version", "path", "body"),
    [
        (
            "2.1.1",
            "/DE/NST/04a1b2",
            {"uid": "04a1b2", "type": "RFID", "auth_id": "DE-NST-C1", "issuer": "Nordstern"},
        ),
        (
            "2.2.1",
            PATH,
            {"country_code": "DE", "party_id": "NST", "uid": "04a1b2", "type": "RFID", "contract_id": "DE-NST-C1"}
            | {"group_id": "G1", "issuer": "Nordstern"},
        ),
        (
            "2.3.0",
            PATH,
            {"country_code": "DE", "party_id": "NST", "uid": "04a1b2", "type": "RFID", "contract_id": "DE-NST-C1"}
            | {"group_id": "G1", "issuer": "Nordstern"},
        ),
    ],
)
def test_a_block_reaches_a_peer_in_the_shape_of_its_version(home, register, version, path, body):
    with serving(LittleReceiver(version=version)) as (peer,):
        settings = home(peer)
        decide(settings, register)
        (told,) = Outbox(settings, register).send()
    assert told.state is DeliveryState.SENT
    state = {"valid": False, "whitelist": "ALLOWED", "last_updated": "2026-11-05T06:00:00Z"}
    assert peer.put == [(path, body | state)]
    assert told.attempts[-1].answer == f"HTTP 200, OCPI 1000 (version {version})"


def test_unblocking_gives_back_the_very_token_that_was(home, register):
    with serving(LittleReceiver()) as (peer,):
        settings = home(peer)
        decide(settings, register)
        Outbox(settings, register).send()
        decide(settings, register, UNBLOCK)
        Outbox(settings, register).send()
    (_, blocked), (_, unblocked) = peer.put
    assert unblocked == blocked | {"valid": True}
    assert states(register) == [("ldw", "sent"), ("ldw", "sent")]


def test_sending_again_sends_nothing_twice(home, register):
    with serving(LittleReceiver()) as (peer,):
        settings = home(peer)
        decide(settings, register)
        for _ in range(3):
            Outbox(settings, register).send()
    assert len(peer.put) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (error(500), "HTTP 500"),
        (error(429), "HTTP 429"),
        (1.0, "no answer in time"),
        (error(200, ocpi=3001), "OCPI status_code 3001"),
        (error(401), "refused our token with 401"),
    ],
    ids=["500", "429", "time-out", "ocpi-3001", "401"],
)
def test_a_fault_that_can_pass_is_visible_and_tried_again(home, register, fault, said):
    with serving(LittleReceiver(faults=[fault])) as (peer,):
        settings = home(peer)
        decide(settings, register)
        (failed,) = Outbox(settings, register).send()
        assert failed.state is DeliveryState.FAILED
        assert said in failed.attempts[-1].answer
        assert failed.attempts[-1].due_at - failed.attempts[-1].happened_at == timedelta(seconds=1)
        assert Outbox(settings, register).send() == []  # not due yet
        (sent,) = Outbox(settings, register).send(at_once=True)
    assert [str(each.state) for each in sent.attempts] == ["failed", "sent"]
    assert peer.kept[PATH]["valid"] is False


def test_patience_waits_for_what_is_due_again(home, register):
    with serving(LittleReceiver(faults=[error(503)])) as (peer,):
        settings = home(peer)
        decide(settings, register)
        (told,) = Outbox(settings, register).send(patience_seconds=10)
    assert [str(each.state) for each in told.attempts] == ["failed", "sent"]
    assert told.attempts[-1].happened_at >= told.attempts[0].due_at


def test_a_peer_that_asks_for_time_gets_it(home, register):
    with serving(LittleReceiver(faults=[error(429, {"Retry-After": "40"})])) as (peer,):
        settings = home(peer)
        decide(settings, register)
        (failed,) = Outbox(settings, register).send()
    assert failed.attempts[-1].due_at - failed.attempts[-1].happened_at == timedelta(seconds=40)


def test_pauses_double_and_an_end_comes(home, register):
    with serving(LittleReceiver(faults=[error(500) for _ in range(MOST_TRIES)])) as (peer,):
        settings = home(peer)
        decide(settings, register)
        for _ in range(MOST_TRIES + 1):
            Outbox(settings, register).send(at_once=True)
        attempts = last(register).attempts
        pauses = [(each.due_at - each.happened_at).total_seconds() for each in attempts[:-1]]
        assert pauses[:4] == [1, 2, 4, 8]
        assert max(pauses) == 6 * 3600
        assert (len(attempts), last(register).state) == (MOST_TRIES, DeliveryState.GAVE_UP)
        assert Outbox(settings, register).again() == 1
        (sent,) = Outbox(settings, register).send()
    assert (sent.state, len(peer.put)) == (DeliveryState.SENT, 1)


@pytest.mark.parametrize("fault", [error(404), error(400), error(200, ocpi=2001)], ids=["404", "400", "ocpi-2001"])
def test_a_fault_that_no_patience_mends_is_given_up_at_once_and_told(home, register, fault):
    with serving(LittleReceiver(faults=[fault])) as (peer,):
        settings = home(peer)
        decide(settings, register)
        (told,) = Outbox(settings, register).send(patience_seconds=5)
    assert (told.state, len(told.attempts)) == (DeliveryState.GAVE_UP, 1)


def test_a_peer_without_a_tokens_module_is_told_by_hand(home, register):
    with serving(LittleReceiver(modules=("cdrs",))) as (peer,):
        settings = home(peer)
        decide(settings, register)
        (told,) = Outbox(settings, register).send()
    assert told.state is DeliveryState.GAVE_UP
    assert "offers no tokens module to push to in OCPI 2.2.1: tell it by hand" in told.attempts[-1].answer


def test_one_peer_that_is_down_keeps_nobody_else_waiting(home, register):
    with serving(LittleReceiver("alive"), LittleReceiver("gone")) as (alive, gone):
        settings = home(gone, alive)
        decide(settings, register)
        gone.faults = [error(500)]
        Outbox(settings, register).send()
    assert sorted(states(register)) == [("alive", "sent"), ("gone", "failed")]
    assert alive.kept[PATH]["valid"] is False


def test_a_block_that_still_waits_never_overtakes_its_unblocking(home, register):
    with serving(LittleReceiver(faults=[error(500)])) as (peer,):
        settings = home(peer)
        decide(settings, register)
        Outbox(settings, register).send()
        decide(settings, register, UNBLOCK)
        Outbox(settings, register).send(at_once=True)
        Outbox(settings, register).send(at_once=True)
    assert [body["valid"] for _, body in peer.put] == [True]
    assert states(register) == [("ldw", "superseded"), ("ldw", "sent")]


def test_a_process_killed_after_the_answer_sends_the_same_once_more(home, register, monkeypatch):
    with serving(LittleReceiver()) as (peer,):
        settings = home(peer)
        decide(settings, register)

        def killed(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr("pipelines.lib.outbox.record_attempt", killed)
        with pytest.raises(KeyboardInterrupt):
            Outbox(settings, register).send()
        assert states(register) == [("ldw", "pending")]
        monkeypatch.undo()
        monkeypatch.setenv("ROAMLEDGER_TOKEN_RECEIVER", TOKEN)
        (sent,) = Outbox(settings, register).send()
    assert sent.state is DeliveryState.SENT
    assert peer.put[0] == peer.put[1]


def test_two_senders_do_not_work_at_once(home, register):
    with serving(LittleReceiver()) as (peer,):
        settings = home(peer)
        decide(settings, register)
        with (settings.home / "outbox.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(UserError, match="being sent by another process"):
                Outbox(settings, register).send()
    assert peer.put == []


def test_a_missing_token_is_told_and_tried_again_when_it_is_there(home, register, monkeypatch):
    with serving(LittleReceiver()) as (peer,):
        settings = home(peer)
        decide(settings, register)
        monkeypatch.delenv("ROAMLEDGER_TOKEN_RECEIVER")
        (failed,) = Outbox(settings, register).send()
        assert "environment variable ROAMLEDGER_TOKEN_RECEIVER" in failed.attempts[-1].answer
        monkeypatch.setenv("ROAMLEDGER_TOKEN_RECEIVER", TOKEN)
        (sent,) = Outbox(settings, register).send(at_once=True)
    assert (failed.state, sent.state) == (DeliveryState.FAILED, DeliveryState.SENT)


def test_no_secret_is_kept_of_what_a_peer_echoes(home, register):
    faults = [error(500), error(200, ocpi=3000)]
    with serving(LittleReceiver(faults=faults)) as (peer,):
        settings = home(peer)
        decide(settings, register)
        for _ in range(2):
            Outbox(settings, register).send(at_once=True)
    stored = (settings.home / "register" / "register.sqlite").read_bytes()
    stored += (settings.home / "register" / "register.sqlite-wal").read_bytes()
    assert b"copied card" in stored
    assert TOKEN.encode() not in stored


@dataclass
class EchoingReceiver(LittleReceiver):
    """A peer whose version list is a text of its own."""

    listed: tuple[str, str] = ("2.2.1", "")

    def _versions(self, request):
        del request
        version, url = self.listed
        return JSONResponse({"status_code": 1000, "data": [{"version": version, "url": url or self.url}]})


@pytest.mark.parametrize(
    "listed",
    [
        (TOKEN, ""),
        (SENT, ""),
        ("2.2.1", f"http://elsewhere.example/{TOKEN}/x"),
        ("2.2.1", f"http://elsewhere.example/{SENT}"),
        ("2.2.1", f"http://elsewhere.example/{''.join(f'%{ord(char):02x}' for char in TOKEN)}"),
        ("9\x1b[31m\r\nFORGED LINE", ""),
    ],
    ids=["version", "base64", "path", "base64 in the path", "percent in the path", "control characters"],
)
def test_what_a_peer_echoes_is_scrubbed_before_it_is_kept(home, register, listed):
    with serving(EchoingReceiver(listed=listed)) as (peer,):
        settings = home(peer)
        decide(settings, register)
        Outbox(settings, register).send()
    answer = last(register).attempts[-1].answer
    kept = "\n".join(sqlite3.connect(settings.home / "register" / "register.sqlite").iterdump())
    for secret in (TOKEN, SENT, SENT.rstrip("="), "%73%33"):
        assert secret not in answer + kept
    assert answer.isprintable()
    assert "***" in answer or "FORGED" in answer
