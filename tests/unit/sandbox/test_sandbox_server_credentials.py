"""Handshakes with the sandbox's peers, step by step over real HTTP, in each version."""

import base64

import httpx
import pytest

from pipelines.sandbox.server import SandboxServer

OURS = {"token": "ours-1", "url": "https://emsp.example/versions"}
US = {"party_id": "NST", "country_code": "DE", "business_details": {"name": "Nordstern Mobility GmbH"}}
BODY = {
    "2.1.1": OURS | US,
    "2.2.1": OURS | {"roles": [US | {"role": "EMSP"}]},
    "2.3.0": OURS | {"roles": [US | {"role": "EMSP"}]},
}


@pytest.fixture
def invited(small_world):
    with SandboxServer(small_world, versions=tuple(BODY), by_hand=False) as server:
        yield server


class Client:
    """An eMSP that knows one token."""

    def __init__(self, server, connection_id, version):
        self.token = f"sandbox-{connection_id}-token"
        self.base = f"http://127.0.0.1:{server.port}/{connection_id}/ocpi/{version}"
        self.version = version

    def ask(self, method, path, token=None, **named):
        plain = token or self.token
        shown = plain if self.version == "2.1.1" else base64.b64encode(plain.encode()).decode()
        return httpx.request(method, f"{self.base}/{path}", headers={"Authorization": f"Token {shown}"}, **named)

    def shake(self, method):
        answer = self.ask(method, "credentials", json=BODY[self.version])
        assert answer.status_code == 200
        before, self.token = self.token, answer.json()["data"]["token"]
        return before, answer.json()["data"]


@pytest.mark.parametrize("version", list(BODY))
def test_tokens_are_issued_rotated_and_taken_back(invited, version):
    client = Client(invited, "ldw", version)
    assert client.ask("GET", "cdrs").status_code == 401, "a token A opens no functional module"
    assert client.ask("PUT", "credentials", json=BODY[version]).status_code == 405
    assert client.ask("DELETE", "credentials").status_code == 405

    token_a, _ = client.shake("POST")
    assert client.ask("GET", "cdrs", token=token_a).status_code == 401
    assert client.ask("GET", "credentials", token=token_a).status_code == 401
    assert client.ask("GET", "cdrs").status_code == 200
    assert client.ask("POST", "credentials", json=BODY[version]).status_code == 405

    token_c, _ = client.shake("PUT")
    assert len({token_a, token_c, client.token}) == 3
    assert client.ask("GET", "cdrs", token=token_c).status_code == 401
    assert client.ask("GET", "cdrs").status_code == 200
    assert client.ask("GET", "credentials").json()["data"]["token"] == client.token

    assert client.ask("DELETE", "credentials").json()["status_code"] == 1000
    assert client.ask("GET", "credentials").status_code == 401
    client.token = token_a
    assert client.ask("GET", "cdrs").status_code == 401
    client.shake("POST")
    assert client.ask("GET", "cdrs").status_code == 200
    assert invited.registration("ldw").told == BODY[version]


def test_each_version_introduces_itself_in_its_own_shape(invited):
    _, flat = Client(invited, "ldw", "2.1.1").shake("POST")
    assert flat == flat | {"country_code": "DE", "party_id": "LDW", "business_details": {"name": "Ladewerk Nord"}}
    assert "roles" not in flat
    _, hub = Client(invited, "hub", "2.2.1").shake("POST")
    assert [(role["role"], role["party_id"]) for role in hub["roles"]] == [
        ("HUB", "HUB"),
        ("CPO", "CHB"),
        ("CPO", "RCH"),
        ("CPO", "EIC"),
    ]
    newer = Client(invited, "hub", "2.3.0")
    newer.token = hub["token"]
    _, told = newer.shake("PUT")
    assert [role["role"] for role in told["roles"]] == ["CPO", "CPO", "CPO"]
    assert told["hub_party_id"] == "BEHUB"


@pytest.mark.parametrize("lost", ["token", "url", "roles", "party_id"])
def test_credentials_that_lack_something_change_nothing(invited, lost):
    version = "2.1.1" if lost == "party_id" else "2.2.1"
    client = Client(invited, "vlt", version)
    body = {name: value for name, value in BODY[version].items() if name != lost}
    said = client.ask("POST", "credentials", json=body).json()
    assert said["status_code"] == 2001
    assert lost in said["status_message"]
    assert client.ask("GET", "credentials").status_code == 200, "the token A is still good"


def test_what_was_agreed_by_hand_needs_no_handshake_and_allows_one(small_world):
    with SandboxServer(small_world) as server:
        client = Client(server, "swm", "2.2.1")
        assert client.token == server.tokens()["ROAMLEDGER_TOKEN_SWM"]
        assert client.ask("GET", "cdrs").status_code == 200
        assert client.ask("PUT", "credentials", json=BODY["2.2.1"]).status_code == 405
        agreed, _ = client.shake("POST")
        assert client.ask("GET", "cdrs", token=agreed).status_code == 401
        assert client.ask("GET", "cdrs").status_code == 200
