"""Tokens, bounds and headers: what is refused, with which code, and what goes back to a hub."""

import json
import time

import httpx
import pytest

from pipelines.lib.errors import UserError
from pipelines.lib.intake.readers import READERS
from pipelines.lib.raw_store import RawStore
from pipelines.receiver.application import Bounds
from pipelines.receiver.server import ReceiverServer
from tests.unit.intake.little_peer import cdr
from tests.unit.receiver.conftest import HUB_TOKEN, TOKEN, encoded


def code(answer):
    return answer.status_code, answer.json()["status_code"]


def test_versions_and_details_name_every_module_that_is_received(receiving):
    with receiving() as client:
        versions = client.get("versions").json()["data"]
        assert [each["version"] for each in versions] == ["2.1.1", "2.2.1", "2.3.0"]
        details = [client.get(each["url"]).json()["data"]["endpoints"] for each in versions]
    modules = ["credentials", "cdrs", "sessions", "tariffs", "locations", "tokens"]
    assert [each["identifier"] for each in details[0]] == modules
    assert all("role" not in each for each in details[0])
    assert {each["identifier"]: each["role"] for each in details[2]} == {
        **dict.fromkeys([*modules, *({"invoicereconciliation"} & READERS.keys())], "RECEIVER"),
        "tokens": "SENDER",
    }
    assert details[1][1]["url"].endswith("/ocpi/2.2.1/cdrs")


@pytest.mark.parametrize("authorization", [encoded(TOKEN), f"Token {TOKEN}", encoded(f"{TOKEN}\n"), f"token {TOKEN}"])
def test_a_token_is_accepted_in_both_encodings(receiving, authorization):
    with receiving() as client:
        assert code(client.get("versions", headers={"Authorization": authorization})) == (200, 1000)


@pytest.mark.parametrize("authorization", ["", "Token", "Token wrong", f"Bearer {TOKEN}", encoded("no"), "Token %%%"])
def test_without_a_token_of_ours_nothing_is_said(receiving, lake, authorization):
    with receiving() as client:
        for path in ("versions", "2.2.1/cdrs", "nowhere"):
            answer = client.post(path, json=cdr(), headers={"Authorization": authorization})
            assert (answer.status_code, "data" in answer.json()) == (401, False)
    assert RawStore(lake).manifests() == []


def test_a_body_beyond_the_limit_is_refused_unread(receiving):
    with receiving(Bounds(body_bytes=2000)) as client:
        long = json.dumps(cdr(remark="x" * 2000)).encode()
        headers = {"Content-Type": "application/json"}
        assert client.post("2.2.1/cdrs", content=long, headers=headers).status_code == 413
        in_parts = client.post("2.2.1/cdrs", content=iter([long[:1500], long[1500:]]), headers=headers)
        assert in_parts.status_code == 413


def test_a_body_that_never_comes_is_not_waited_for(receiving):
    def slowly():
        yield b'{"a":'
        time.sleep(1)
        yield b"1}"

    with receiving(Bounds(body_seconds=0.1)) as client:
        answer = client.post("2.2.1/cdrs", content=slowly(), headers={"Content-Type": "application/json"})
        assert code(answer) == (408, 2000)


def test_a_connection_beyond_its_rate_is_told_when_to_come_back(receiving):
    with receiving(Bounds(requests_per_second=0.5, burst=3)) as client:
        answers = [client.get("versions") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].headers["Retry-After"] == "2"
        other = client.get("versions", headers={"Authorization": encoded(HUB_TOKEN)})
        assert other.status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{}", "text/plain", 415),
        (b"{not json", "application/json", 400),
        (b'["a list"]', "application/json; charset=utf-8", 400),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a": 1, "a": 2}', "application/json", 400),
        (b'{"a": [{"b" : 1, "c": 1, "b": 2}]}', "application/json", 400),
        (b'{"a": 1e9999999999999999999}', "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b'{"a": "\xff"}', "application/json", 400),
        (b'{"a": "\\ud800"}', "application/json", 400),
        (b"", "application/json", 400),
        (b"{}", "application/json", 200),
    ],
)
def test_what_is_no_object_is_refused(receiving, body, kind, expected):
    with receiving() as client:
        answer = client.post("2.2.1/cdrs", content=body, headers={"Content-Type": kind})
        assert answer.status_code == expected
        assert answer.json()["status_code"] in {2000, 2001}


def test_a_compressed_body_is_refused(receiving):
    with receiving() as client:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        assert client.post("2.2.1/cdrs", content=b"\x1f\x8b", headers=headers).status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "2.2.1/cdrs", 405),
        ("PUT", "2.2.1/cdrs", 405),
        ("DELETE", "2.2.1/sessions/DE/LDW/S1", 405),
        ("GET", "2.2.1/cdrs/no-such-cdr", 404),
        ("GET", "2.2.1/chargingprofiles", 404),
        ("GET", "2.1.1/invoicereconciliation", 404),
        ("GET", "9.9.9", 404),
        ("GET", "../../etc/passwd", 404),
    ],
)
def test_other_places_and_verbs_are_refused_in_an_envelope(receiving, method, path, expected):
    with receiving() as client:
        answer = client.request(method, path)
        assert answer.status_code == expected
        assert answer.json()["status_code"] >= 2000


def test_hub_headers_go_back_the_way_they_came(receiving):
    routing = {
        "OCPI-from-country-code": "DE",
        "OCPI-from-party-id": "VLT",
        "OCPI-to-country-code": "DE",
        "OCPI-to-party-id": "NST",
        "X-Request-ID": "r-1",
        "X-Correlation-ID": "c-1",
    }
    with receiving(token=HUB_TOKEN) as client:
        answer = client.post("2.2.1/cdrs", json=cdr(party_id="VLT"), headers=routing)
        assert code(answer) == (200, 1000)
        back = {name: answer.headers[name] for name in routing}
        assert back == routing | {"OCPI-from-party-id": "NST", "OCPI-to-party-id": "VLT"}
        versions = client.get("versions", headers=routing)
        assert "OCPI-to-party-id" not in versions.headers
        assert versions.headers["X-Request-ID"] == "r-1"


def test_what_cannot_be_written_is_not_acknowledged(receiving, settings, capfd, monkeypatch):
    spool = settings.home / "receiver" / "spool"

    def full(_handle, _content):
        raise OSError(28, "No space left on device")

    with receiving() as client:
        monkeypatch.setattr("pipelines.receiver.spool._write_all", full)
        answer = client.post("2.2.1/cdrs", json=cdr())
        assert code(answer) == (503, 3000)
        assert "No space" not in answer.text
        monkeypatch.undo()
        assert code(client.post("2.2.1/cdrs", json=cdr())) == (200, 1000)
        assert sum(len(path.read_bytes().splitlines()) for path in spool.glob("*.open")) == 1
    said = capfd.readouterr()
    assert TOKEN not in said.out + said.err
    assert "Traceback" not in said.err


def test_no_token_reaches_the_disk(receiving, settings):
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr(), headers={"Authorization": f"Token {TOKEN}"})
        client.post("2.2.1/cdrs", json=cdr(2), headers={"X-Request-ID": "r"})
    kept = [path for path in settings.home.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert TOKEN.encode() not in path.read_bytes()
        assert encoded(TOKEN).removeprefix("Token ").encode() not in path.read_bytes()


def test_a_second_receiver_of_one_home_is_refused(receiving, settings):
    with receiving() as client:
        with pytest.raises(UserError, match="another `roamledger serve` writes"):
            ReceiverServer(settings)
        assert client.get("versions").status_code == httpx.codes.OK
