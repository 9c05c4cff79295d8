"""A peer registers with us, rotates the tokens and leaves."""

import pytest

from pipelines.lib.connections import CredentialsStore
from tests.unit.receiver.conftest import TOKEN, encoded


@pytest.fixture
def body():
    role = {"role": "CPO", "country_code": "DE", "party_id": "LDW", "business_details": {"name": "LDW"}}
    return {"token": "what-we-send-to-ldw", "url": "https://ldw.example/ocpi/versions", "roles": [role]}


def code(answer):
    return answer.status_code, answer.json()["status_code"]


def as_token(answer):
    return {"Authorization": encoded(answer.json()["data"]["token"])}


def test_a_handshake_gives_a_token_that_counts_and_keeps_theirs(receiving, settings, own_party, body):
    with receiving(own_party=own_party) as client:
        assert code(client.put("2.2.1/credentials", json=body)) == (405, 2001)
        answer = client.post("2.2.1/credentials", json=body)
        data = answer.json()["data"]
        assert (data["url"], data["roles"][0]["party_id"]) == ("https://nst.example/ocpi/versions", "NST")
        assert client.get("versions", headers=as_token(answer)).status_code == 200
        assert code(client.post("2.2.1/credentials", json=body, headers=as_token(answer))) == (405, 2001)
    kept = CredentialsStore.of(settings.home).read("ldw")
    assert (kept.their_tokens, kept.our_tokens[0], kept.version) == (("what-we-send-to-ldw",), data["token"], "2.2.1")


def test_a_rotation_gives_another_token(receiving, own_party, body):
    with receiving(own_party=own_party) as client:
        first = client.post("2.2.1/credentials", json=body)
        second = client.put("2.2.1/credentials", json=body | {"token": "newer"}, headers=as_token(first))
        assert second.json()["data"]["token"] != first.json()["data"]["token"]
        assert client.get("versions", headers=as_token(second)).status_code == 200


def test_who_leaves_is_out(receiving, own_party, body):
    with receiving(own_party=own_party) as client:
        answer = client.post("2.2.1/credentials", json=body)
        assert code(client.delete("2.2.1/credentials", headers=as_token(answer))) == (200, 1000)
        assert client.get("versions", headers=as_token(answer)).status_code == 401
        assert code(client.delete("2.2.1/credentials")) == (405, 2001)


@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "x" * 65},
        {"token": "a\nb"},
        {"token": "ab\n"},
        {"token": "a b"},
        {"token": "t\u00f6k\u00e9n-of-ldw"},
        {"url": "https://elsewhere.example/versions"},
        {"roles": []},
        {"roles": [{"role": "CPO", "country_code": "DE", "party_id": "XXX"}]},
    ],
)
def test_a_handshake_that_is_not_what_was_agreed_changes_nothing(receiving, settings, own_party, body, change):
    with receiving(own_party=own_party) as client:
        answer = client.post("2.2.1/credentials", json=body | change)
        assert code(answer) == (200, 2001)
        assert TOKEN not in answer.text
    assert not CredentialsStore.of(settings.home).read("ldw").is_registered
