"""The sandbox's network through the real client: what it serves is what the typed tables hold, whatever its habits."""

from datetime import UTC, datetime

import polars as pl
import pytest

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings
from pipelines.sandbox.files import write_master
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.world import build_world

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def world():
    return build_world(7, 300, BillingMonth(2026, 10), rubbish=True)


def pulled(world, folder, monkeypatch):
    """Pull and normalise the world into a home of its own; give the typed tables."""
    write_master(world, folder / "master")
    with SandboxServer(world) as server:
        for name, token in server.tokens().items():
            monkeypatch.setenv(name, token)
        connections = tuple(each.model_copy(update={"page_limit": 25}) for each in server.connections())
        settings = Settings(home=folder, now=NOW, connections=connections)
        lake, register = Lake(settings.lake), Register(settings.register)
        for name, frame in load_master(settings.master).items():
            lake.write(Layer.MASTER, name, frame)
        report = pull(settings, lake, register)
        normalise(settings, lake)
    assert [str(failure) for failure in report.failures] == []
    return lake


@pytest.fixture
def clean(world, tmp_path, monkeypatch):
    return pulled(world, tmp_path / "clean", monkeypatch)


def test_every_record_served_is_typed_or_quarantined_by_the_rule_of_the_truth(world, clean):
    counts = conservation(clean)
    assert counts.filter(pl.col("received") != pl.col("accounted")).is_empty()
    records = clean.read(Layer.TYPED, "records")
    found = records.filter(outcome="quarantined").select("connection_id", "module", "record_id", "rule").rows()
    told = [(each.connection_id, each.module, each.record_id, each.expected_rule) for each in world.truth.rejects]
    assert sorted(found) == sorted(told)
    assert told
    typed = clean.read_months(Layer.TYPED, "cdrs")
    assert set(typed["cdr_key"]) == {each.cdr_key for each in world.truth.cdrs}
    assert typed["time_zone"].null_count() == 0
    assert typed["charge_country"].null_count() == 0
