"""A home with one legal entity, and a little peer on a real socket."""

from datetime import UTC, datetime

import polars as pl
import pytest

from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings
from pipelines.sandbox.files import write_master
from pipelines.sandbox.world import build_world
from tests.unit.intake.little_peer import TOKEN, LittlePeer, cdr, location, serving, session, tariff

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", TOKEN)
    monkeypatch.setenv("ROAMLEDGER_CONFIG", str(tmp_path / "none.toml"))
    return Settings(home=tmp_path, now=NOW)


@pytest.fixture
def lake(settings):
    lake = Lake(settings.lake)
    hand_over = table(Layer.MASTER, "legal_entities")
    facts = dict.fromkeys(hand_over.schema, "x") | {"legal_entity_id": "nst", "time_zone": "Europe/Berlin"}
    lake.write(Layer.MASTER, "legal_entities", pl.DataFrame([facts], schema=hand_over.schema))
    return lake


@pytest.fixture
def register(settings):
    return Register(settings.register)


@pytest.fixture
def peer():
    modules = {
        "locations": [location()],
        "tariffs": [tariff()],
        "sessions": [session()],
        "cdrs": [cdr(number) for number in range(1, 6)],
    }
    with serving(LittlePeer(modules)) as little:
        yield little


@pytest.fixture(scope="session")
def books(tmp_path_factory):
    """Books of a company, to be copied and never changed."""
    folder = tmp_path_factory.mktemp("books")
    write_master(build_world(3, 50, BillingMonth(2026, 10)), folder)
    return folder
