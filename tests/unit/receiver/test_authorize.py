"""Drivers' tokens are answered from our own tables, and every answer is an authorization in the typed tables."""

import io
from datetime import date

import polars as pl
import pytest

from models.schemas.registry import Layer, table
from models.types.vocabularies import TokenDecisionKind
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.lib.register.token_decisions import TokenDecision, record_token_decision
from tests.unit.intake.little_peer import envelope, keep_pages, location
from tests.unit.receiver.conftest import HUB_TOKEN, NOW


def token(uid, contract="DENSTC1", *, valid=True):
    facts = {"country_code": "DE", "party_id": "NST", "uid": uid, "type": "RFID", "contract_id": contract}
    return facts | {
        "issuer": "Nordstern",
        "valid": valid,
        "whitelist": "ALLOWED",
        "last_updated": "2026-10-01T00:00:00Z",
    }


TOKENS = [
    token("04A1"),
    token("04B1", valid=False),
    token("04C1", "DENSTC-ENDED"),
    token("04D1", "DENSTC-BROKE"),
    token("04E1", "DENSTC-NOBODY"),
]


@pytest.fixture
def books(lake, settings):
    """Five tokens, and the books that say what becomes of each."""
    keep_pages(
        RawStore(lake),
        "tokens",
        [envelope(TOKENS)],
        pull_id="20261101T000000Z",
        received_at=NOW,
        connection_id="emsp",
    )
    normalise(settings, lake)
    _write(
        lake,
        "contracts",
        [
            {"contract_id": "DENSTC1", "account_id": "A1", "valid_to": None},
            {"contract_id": "DENSTC-ENDED", "account_id": "A1", "valid_to": date(2026, 11, 5)},
            {"contract_id": "DENSTC-BROKE", "account_id": "A2", "valid_to": None},
        ],
    )
    _write(
        lake, "accounts", [{"account_id": "A1", "valid_to": None}, {"account_id": "A2", "valid_to": date(2026, 11, 1)}]
    )


def _write(lake, name, rows):
    """Write some rows of a master table; what a test does not care about has any value that fits."""
    schema = table(Layer.MASTER, name).schema
    any_value = ((pl.String, "x"), (pl.Boolean, False), (pl.Int64, 14), (pl.Date, date(2026, 1, 1)))
    row_of = {name: next(value for kind, value in any_value if dtype == kind) for name, dtype in schema.items()}
    filled = [row_of | row for row in rows]
    file = io.BytesIO()
    pl.DataFrame(filled, schema=schema).write_parquet(file)
    lake.write_bytes(lake.path(Layer.MASTER, name), file.getvalue())


@pytest.mark.usefixtures("books")
def test_a_block_counts_from_the_moment_it_is_decided(receiving, settings):
    register = Register(settings.register)

    def decide(kind):
        with register.transaction() as tx:
            record_token_decision(tx, TokenDecision("04a1", "RFID", kind, "copied", None, (), "ada", NOW))

    def ask(client):
        info = client.post("2.2.1/tokens/04A1/authorize?type=RFID").json()["data"]
        return info["allowed"], info["token"]["valid"]

    with receiving() as client:
        assert ask(client) == ("ALLOWED", True)
        decide(TokenDecisionKind.BLOCK)
        assert ask(client) == ("BLOCKED", False)
        with register.transaction():  # somebody is writing, and drivers are answered all the same
            assert ask(client) == ("BLOCKED", False)
        decide(TokenDecisionKind.UNBLOCK)
        assert ask(client) == ("ALLOWED", True)


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize(
    ("uid", "allowed"),
    [("04A1", "ALLOWED"), ("04B1", "BLOCKED"), ("04C1", "EXPIRED"), ("04D1", "NO_CREDIT"), ("04E1", "NOT_ALLOWED")],
)
def test_the_books_decide(receiving, uid, allowed):
    with receiving() as client:
        answer = client.post(f"2.2.1/tokens/{uid.lower()}/authorize?type=RFID")
    info = answer.json()["data"]
    assert (answer.status_code, info["allowed"]) == (200, allowed)
    assert info["token"]["uid"] == uid
    assert ("authorization_reference" in info) == (allowed == "ALLOWED")


@pytest.mark.usefixtures("books")
def test_every_answer_is_logged_and_typed(receiving, lake, settings):
    with receiving() as client:
        where = {"location_id": "L1", "evse_uids": ["E1"]}
        first = client.post("2.2.1/tokens/04A1/authorize", json=where).json()["data"]
        second = client.post("2.2.1/tokens/04A1/authorize", json=where).json()["data"]
        assert first["location"] == where
        client.post("2.2.1/tokens/04B1/authorize")
    references = [first["authorization_reference"], second["authorization_reference"]]
    assert references[0] != references[1]
    normalise(settings, lake)
    rows = lake.read_months(Layer.TYPED, "authorizations").sort("authorized_at", "result").to_dicts()
    assert sorted(row["result"] for row in rows) == ["ALLOWED", "ALLOWED", "BLOCKED"]
    allowed = [row for row in rows if row["result"] == "ALLOWED"]
    assert {row["authorization_reference"] for row in allowed} == set(references)
    assert {(row["cpo_id"], row["location_id"], row["evse_uid"], row["contract_id"]) for row in allowed} == {
        ("DE*LDW", "L1", "E1", "DENSTC1")
    }
    assert {row["authorized_at"] for row in rows} == {NOW}


@pytest.mark.usefixtures("books")
def test_an_unknown_token_is_not_found_and_the_question_is_logged(receiving, lake, settings):
    with receiving() as client:
        answer = client.post("2.2.1/tokens/FFFF/authorize")
        assert (answer.status_code, answer.json()["status_code"]) == (404, 2004)
        other_type = client.post("2.2.1/tokens/04A1/authorize?type=APP_USER")
        assert other_type.status_code == 404
        assert client.post("2.1.1/tokens/FFFF/authorize").json()["status_code"] == 2001
    normalise(settings, lake)
    assert lake.read_months(Layer.TYPED, "authorizations")["result"].to_list() == ["NOT_ALLOWED"] * 3


@pytest.mark.usefixtures("books")
def test_too_little_information_is_2002(receiving, lake, settings):
    keep_pages(
        RawStore(lake),
        "locations",
        [envelope([location(party_id="VLT", id="L7")])],
        pull_id="20261102T000000Z",
        received_at=NOW,
        connection_id="hub",
    )
    normalise(settings, lake)
    with receiving() as client:
        assert client.post("2.2.1/tokens/04A1/authorize", json={"evse_uids": ["E1"]}).json()["status_code"] == 2002
    with receiving(token=HUB_TOKEN) as client:
        assert client.post("2.2.1/tokens/04A1/authorize").json()["status_code"] == 2002
        by_location = client.post("2.2.1/tokens/04A1/authorize", json={"location_id": "l7"})
        assert by_location.json()["data"]["allowed"] == "ALLOWED"
        sender = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "POL"}
        assert client.post("2.2.1/tokens/04A1/authorize", headers=sender).json()["status_code"] == 1000
    normalise(settings, lake)
    typed = lake.read_months(Layer.TYPED, "authorizations")
    assert sorted(typed["cpo_id"]) == ["DE*VLT", "NL*POL"]


@pytest.mark.usefixtures("books")
def test_2_1_1_knows_no_reference(receiving):
    with receiving() as client:
        info = client.post("2.1.1/tokens/04A1/authorize").json()["data"]
    assert info == {"allowed": "ALLOWED"}
