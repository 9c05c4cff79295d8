"""What was acknowledged reaches the lake however the receiver ends, and no close passes over it in silence."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import httpx
import pytest

from models.types.time import BillingMonth
from pipelines.lib.errors import UserError
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.receiver.server import ReceiverServer
from pipelines.receiver.spool import lock
from pipelines.receiver.waiting import Waiting, breaches, refuse_waiting, take_over
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, session
from tests.unit.receiver.conftest import TOKEN, encoded
from tests.unit.receiver.left_spool import leave
from tests.unit.receiver.test_spool import stored_ids

SEPTEMBER, OCTOBER = BillingMonth(2026, 9), BillingMonth(2026, 10)
CONFIGURATION = """
[own_party]
party = "DE*NST"
name = "Nordstern"
versions_url = "https://nst.example/ocpi/versions"

[[connections]]
connection_id = "ldw"
kind = "cpo"
parties = ["DE*LDW"]
versions_url = "https://ldw.example/ocpi/versions"
inbound_token_env = "INBOUND_LDW"
"""


@pytest.fixture
def serving(settings, tmp_path):
    """Give a way to run the real command: the process, and a client of the connection `ldw`."""
    configuration = tmp_path / "roamledger.toml"
    configuration.write_text(CONFIGURATION)
    environment = os.environ | {
        "ROAMLEDGER_HOME": str(settings.home),
        "ROAMLEDGER_CONFIG": str(configuration),
        "INBOUND_LDW": TOKEN,
    }

    @contextmanager
    def serving():
        command = [sys.executable, "-m", "pipelines.cli", "serve", "--port", "0"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                said = process.stdout.readline()
                (url,) = re.findall(r"http://\S+/ocpi", said)
                with httpx.Client(base_url=url, headers={"Authorization": encoded(TOKEN)}, timeout=10) as client:
                    yield process, client
            finally:
                with suppress(ProcessLookupError):
                    process.kill()

    return serving


def push(client, path="2.2.1/cdrs", body=None):
    answer = client.request("POST" if path.endswith("cdrs") else "PUT", path, json=body or cdr())
    assert answer.json()["status_code"] == 1000


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_to_stop_publishes_first(serving, settings, lake, stop):
    with serving() as (process, client):
        push(client)
        assert stored_ids(lake) == []
        for _ in range(2):  # whoever is impatient changes nothing
            process.send_signal(stop)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "goes into the raw store" in said
    assert "Traceback" not in said
    assert stored_ids(lake) == ["C000001"]
    assert list((settings.home / "receiver" / "spool").iterdir()) == []


def test_what_a_killed_receiver_left_is_taken_over(serving, settings, lake):
    with serving() as (process, client):
        push(client)
        process.kill()
        process.wait()
    assert stored_ids(lake) == []
    assert take_over(settings, lake) == 1
    assert stored_ids(lake) == ["C000001"]
    assert list((settings.home / "receiver" / "spool").iterdir()) == []
    assert take_over(settings, lake) == 0


@pytest.fixture
def left(settings):
    return leave(settings.home, cdr())


@pytest.mark.usefixtures("left")
def test_a_take_over_after_which_the_index_was_lost_knows_what_was_pushed_before(receiving, settings, lake):
    with receiving() as client:
        push(client, body=cdr(2))
    for path in (settings.home / "receiver").glob("objects.sqlite*"):
        path.unlink()
    take_over(settings, lake)
    with receiving() as client:
        assert client.post("2.2.1/cdrs", json=cdr(2, total_energy=99)).json()["status_code"] == 2001


def test_a_spool_that_somebody_receives_is_left_to_him(receiving, settings, lake):
    with receiving() as client:
        push(client)
        assert take_over(settings, lake) == 0
        assert Waiting.of(settings.home).is_received
        assert breaches(settings.home) == []
        assert stored_ids(lake) == []
    assert Waiting.of(settings.home) == Waiting((), is_received=False)


def test_a_home_that_never_received_has_nothing_waiting(settings, lake):
    assert Waiting.of(settings.home) == Waiting((), is_received=False)
    assert (take_over(settings, lake), breaches(settings.home)) == (0, [])
    assert not (settings.home / "receiver").exists()


@pytest.mark.usefixtures("left")
def test_what_was_left_is_a_breach_that_says_what_to_do(settings, lake):
    (breach,) = breaches(settings.home)
    assert "1 acknowledged push waits in the receiver's spool, the first is cdrs DE*LDW*C000001" in str(breach)
    assert "run roamledger pull" in str(breach)
    take_over(settings, lake)
    assert breaches(settings.home) == []


@pytest.mark.usefixtures("left")
def test_no_month_is_closed_while_something_was_left(settings, lake):
    with pytest.raises(UserError, match=r"2026-09 cannot be closed: 1 acknowledged push waits.*run roamledger pull"):
        refuse_waiting(settings, lake, SEPTEMBER)
    take_over(settings, lake)
    assert refuse_waiting(settings, lake, SEPTEMBER) is None
    with pytest.raises(UserError, match=r"cdr DE\*LDW\*C000001 was received after the last pull: run roamledger pull"):
        refuse_waiting(settings, lake, OCTOBER)
    normalise(settings, lake)
    assert refuse_waiting(settings, lake, OCTOBER) is None


def test_a_cdr_of_the_month_that_is_only_just_pushed_is_waited_for(receiving, settings, lake):
    with receiving() as client:
        push(client)
        assert "not in this close" in refuse_waiting(settings, lake, SEPTEMBER)
        with pytest.raises(UserError, match=r"2026-10 cannot be closed: cdr DE\*LDW\*C000001 waits in the receiver"):
            refuse_waiting(settings, lake, OCTOBER)


def test_other_pushes_hold_no_close_up_and_are_told_in_a_line(receiving, settings, lake):
    bad = cdr(total_energy="a lot")
    with receiving() as client:
        push(client, "2.2.1/sessions/DE/LDW/S000001", session())
        assert client.post("2.2.1/cdrs", json=bad).json()["status_code"] == 2001
        said = refuse_waiting(settings, lake, OCTOBER)
    assert said == (
        "2 acknowledged pushes wait in the receiver's spool, the first is sessions DE*LDW*S000001: not in this close"
    )


def test_records_that_were_loaded_and_not_read_hold_a_close_up_as_well(settings, lake):
    pages = [envelope([cdr(1, total_energy="a lot"), cdr(2)])]
    keep_pages(RawStore(lake), "cdrs", pages, pull_id="20261101T000000Z", received_at=settings.now)
    with pytest.raises(UserError, match=r"cdr DE\*LDW\*C000002 was received after the last pull"):
        refuse_waiting(settings, lake, OCTOBER)


@pytest.mark.usefixtures("lake")
def test_a_receiver_begins_although_somebody_just_looks(settings):
    """Looking whether somebody receives takes the lock for a moment; who wants it tries again."""
    folder = settings.home / "receiver"
    handle = lock(folder)
    threading.Timer(0.3, os.close, [handle]).start()
    with ReceiverServer(settings):
        assert Waiting.of(settings.home).is_received
