"""Peers page through our tokens as of their sender, in the shape of the version that they ask in."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from models.schemas.registry import Layer
from models.types.vocabularies import TokenDecisionKind
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.lib.register.token_decisions import TokenDecision, record_token_decision
from pipelines.lib.settings import Connection
from tests.unit.intake.little_peer import envelope, keep_pages
from tests.unit.receiver.conftest import NOW, TOKEN
from tests.unit.receiver.test_authorize import token

STAMPS = {"04A1": "2026-10-03T00:00:00Z", "04B1": "2026-10-01T00:00:00Z", "04C1": "2026-10-02T00:00:00Z"}


@pytest.fixture
def tokens(lake, settings):
    """Three tokens that changed on three days, the last of them an app's."""
    records = [token(uid) | {"last_updated": stamp} for uid, stamp in STAMPS.items()]
    records[0] |= {"type": "APP_USER", "group_id": "G1"}
    keep_pages(
        RawStore(lake), "tokens", [envelope(records)], pull_id="20261101T000000Z", received_at=NOW, connection_id="emsp"
    )
    normalise(settings, lake)
    return records


def decide(settings, uid, kind, at=NOW):
    with Register(settings.register).transaction() as tx:
        record_token_decision(tx, TokenDecision(uid, "RFID", kind, "copied", None, (), "ada", at))


def test_the_oldest_change_comes_first_in_the_shape_of_the_version(receiving, tokens):
    with receiving() as client:
        answers = {version: client.get(f"{version}/tokens") for version in ("2.1.1", "2.2.1", "2.3.0")}
    for answer in answers.values():
        assert (answer.status_code, answer.json()["status_code"]) == (200, 1000)
        assert [each["uid"] for each in answer.json()["data"]] == ["04B1", "04C1", "04A1"]
        assert (answer.headers["X-Total-Count"], "Link" in answer.headers) == ("3", False)
    assert answers["2.2.1"].json()["data"] == [tokens[1], tokens[2], tokens[0]]
    assert answers["2.3.0"].json()["data"] == [tokens[1], tokens[2], tokens[0]]
    assert answers["2.1.1"].json()["data"][2] == {
        "uid": "04A1",
        "type": "OTHER",  # 2.1.1 knows no APP_USER
        "auth_id": "DENSTC1",
        "issuer": "Nordstern",
        "valid": True,
        "whitelist": "ALLOWED",
        "last_updated": STAMPS["04A1"],
    }


@pytest.mark.usefixtures("tokens")
def test_links_lead_through_all_pages_with_the_window_that_was_asked_for(receiving):
    with receiving() as client:
        url, seen, links = "2.2.1/tokens?limit=1&date_from=2026-10-01T00:00:00Z", [], 0
        while url:
            answer = client.get(url)
            assert (answer.headers["X-Total-Count"], answer.headers["X-Limit"]) == ("3", "1000")
            seen += [each["uid"] for each in answer.json()["data"]]
            url = answer.links["next"]["url"] if "next" in answer.links else ""
            if url:
                links += 1
                assert parse_qs(urlsplit(url).query) == {
                    "offset": [str(links)],
                    "limit": ["1"],
                    "date_from": ["2026-10-01T00:00:00Z"],
                }
    assert (seen, links) == (["04B1", "04C1", "04A1"], 2)


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize(
    ("query", "uids"),
    [
        ("date_from=2026-10-02T00:00:00Z", ["04C1", "04A1"]),
        ("date_to=2026-10-02T00:00:00", ["04B1"]),
        ("date_from=2026-10-02T00:00:00.000Z&date_to=2026-10-03T00:00:00Z", ["04C1"]),
        ("offset=2", ["04A1"]),
        ("offset=3", []),
        ("limit=1000000", ["04B1", "04C1", "04A1"]),
    ],
)
def test_from_is_inclusive_and_to_exclusive(receiving, query, uids):
    with receiving() as client:
        assert [each["uid"] for each in client.get(f"2.2.1/tokens?{query}").json()["data"]] == uids


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=ten", "offset=-1", "offset=²", "date_from=yesterday"])
def test_what_is_no_page_is_refused_with_the_parameter_that_is_wrong(receiving, query):
    with receiving() as client:
        answer = client.get(f"2.2.1/tokens?{query}").json()
    assert (answer["status_code"], "data" in answer) == (2001, False)
    assert query.partition("=")[0] in answer["status_message"]


@pytest.mark.usefixtures("tokens")
def test_a_block_is_in_the_list_at_once_and_counts_as_a_change(receiving, settings):
    since = f"2.2.1/tokens?date_from={NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    with receiving() as client:
        assert client.get(since).json()["data"] == []
        decide(settings, "04b1", TokenDecisionKind.BLOCK)
        decide(settings, "04a1", TokenDecisionKind.BLOCK)  # of another type than our token of that uid
        (blocked,) = client.get(since).json()["data"]
        assert (blocked["uid"], blocked["valid"], blocked["last_updated"]) == ("04B1", False, "2026-11-05T06:00:00Z")
        asked = client.post("2.2.1/tokens/04B1/authorize").json()["data"]["token"]
        assert asked["valid"] is False
        decide(settings, "04b1", TokenDecisionKind.UNBLOCK, NOW + timedelta(minutes=1))
        (lifted,) = client.get(since).json()["data"]
        assert (lifted["valid"], lifted["last_updated"]) == (True, "2026-11-05T06:01:00Z")


def test_a_home_without_tokens_gives_an_empty_list(receiving):
    with receiving() as client:
        answer = client.get("2.2.1/tokens")
        assert (answer.json()["data"], answer.headers["X-Total-Count"]) == ([], "0")
        assert client.get("2.2.1/tokens", headers={"Authorization": "Token wrong"}).status_code == 401
        assert client.get("2.2.1/tokens/DE/NST/04A1").status_code == 404


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_a_peer_with_our_own_client_reads_the_same_tokens(receiving, settings, lake, tmp_path, monkeypatch, version):
    monkeypatch.setenv("OUTBOUND", TOKEN)
    decide(settings, "04b1", TokenDecisionKind.BLOCK)
    with receiving() as client:
        reader = Connection(
            connection_id="nst",
            kind="platform",
            parties=("DE*NST",),
            versions_url=f"{client.base_url}versions",
            token_env="OUTBOUND",
            preferred_versions=(version,),
            page_limit=2,
        )
        theirs = settings.model_copy(update={"home": tmp_path / "theirs", "connections": (reader,)})
        their_lake = Lake(theirs.lake)
        legal = lake.read(Layer.MASTER, "legal_entities")
        their_lake.write(Layer.MASTER, "legal_entities", legal)
        # A peer's pull ends where it begins, at `now`: what changed in that very second comes with the next one.
        later = theirs.model_copy(update={"now": NOW + timedelta(minutes=1)})
        assert pull(later, their_lake, Register(theirs.register), modules=["tokens"]).failures == ()
    normalise(theirs, their_lake)
    read = their_lake.read(Layer.TYPED, "tokens").select("token_uid", "contract_id", "is_valid", "whitelist").rows()
    assert read == [
        ("04A1", "DENSTC1", True, "ALLOWED"),
        ("04B1", "DENSTC1", False, "ALLOWED"),
        ("04C1", "DENSTC1", True, "ALLOWED"),
    ]
