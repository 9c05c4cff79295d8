"""A home with one legal entity, two connections, and a receiver on a real socket."""

import base64
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import polars as pl
import pytest

from models.schemas.registry import Layer, table
from pipelines.lib.lake import Lake
from pipelines.lib.settings import Connection, OwnParty, Settings
from pipelines.receiver.application import Bounds
from pipelines.receiver.server import ReceiverServer

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
TOKEN = "pushes-of-ldw"
HUB_TOKEN = "pushes-of-the-hub"


def encoded(token):
    return f"Token {base64.b64encode(token.encode()).decode()}"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("INBOUND_LDW", TOKEN)
    monkeypatch.setenv("INBOUND_HUB", HUB_TOKEN)
    monkeypatch.setenv("ROAMLEDGER_CONFIG", str(tmp_path / "none.toml"))
    ldw = Connection(
        connection_id="ldw",
        kind="cpo",
        parties=("DE*LDW",),
        versions_url="https://ldw.example/ocpi/versions",
        inbound_token_env="INBOUND_LDW",
    )
    hub = Connection(
        connection_id="hub",
        kind="hub",
        parties=("DE*VLT", "NL*POL"),
        versions_url="https://hub.example/ocpi/versions",
        inbound_token_env="INBOUND_HUB",
    )
    return Settings(home=tmp_path, now=NOW, connections=(ldw, hub))


@pytest.fixture
def lake(settings):
    lake = Lake(settings.lake)
    hand_over = table(Layer.MASTER, "legal_entities")
    facts = dict.fromkeys(hand_over.schema, "x")
    facts |= {"legal_entity_id": "nst", "time_zone": "Europe/Berlin", "ocpi_party_id": "DE*NST"}
    lake.write(Layer.MASTER, "legal_entities", pl.DataFrame([facts], schema=hand_over.schema))
    return lake


@pytest.fixture
def receiving(settings, lake):
    """Give a way to receive for as long as a block lasts: a client of the connection `ldw`."""

    @contextmanager
    def receiving(bounds=None, token=TOKEN, **changes):
        server = ReceiverServer(settings.model_copy(update=changes), bounds=bounds or Bounds())
        with server, httpx.Client(base_url=server.versions_url.removesuffix("/versions"), timeout=10) as client:
            client.headers["Authorization"] = encoded(token)
            yield client

    return receiving


@pytest.fixture
def own_party():
    return OwnParty(party="DE*NST", name="Nordstern", versions_url="https://nst.example/ocpi/versions")
