"""One small world, pulled, pushed and dropped as files: three homes, the same typed tables."""

import json

import httpx
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.schemas.registry import TABLES, Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.files.loading import FileSource, load_file
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings
from pipelines.receiver.application import Bounds
from pipelines.receiver.server import ReceiverServer
from pipelines.sandbox.files import write_master
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.wire import wire_modules
from pipelines.sandbox.world import build_world

TOO_FEW = 20
"""a table with fewer rows would make an equality that says little"""
HOW_IT_CAME = ("page_sha256", "page_position", "pull_id", "received_at", "known_from")
OWNED = {"sessions": "id", "tariffs": "id", "locations": "id"}


@pytest.fixture(scope="module")
def world():
    return build_world(5, 60, BillingMonth(2026, 10))


@pytest.fixture(scope="module")
def files(world, tmp_path_factory):
    """What every peer says, as files: of each object its newest version, which is all that a list would show."""
    folder = tmp_path_factory.mktemp("peers")
    for (connection_id, module), objects in wire_modules(world).items():
        newest = {each.key: each.body for each in objects}
        path = folder / connection_id / f"{module}.ndjson"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\n".join(newest.values()))
    return folder


@pytest.fixture
def home(world, tmp_path, monkeypatch):
    """Give a way to make a home with the world's books, and its stores."""
    monkeypatch.setenv("ROAMLEDGER_CONFIG", str(tmp_path / "none.toml"))

    def home(name, connections):
        settings = Settings(home=tmp_path / name, now="2026-12-31T06:00:00Z", connections=connections)
        write_master(world, settings.master)
        lake = Lake(settings.lake)
        lake.write(Layer.MASTER, "legal_entities", load_master(settings.master)["legal_entities"])
        return settings, lake

    return home


def typed(settings, lake):
    """Give the typed tables without what tells how a record came."""
    normalise(settings, lake)
    counted = conservation(lake)
    assert counted["received"].equals(counted["accounted"])
    found = {}
    for table in TABLES:
        if table.layer == Layer.TYPED and table.name != "records":
            frame = lake.read_months(Layer.TYPED, table.name) if table.by_month else lake.read(Layer.TYPED, table.name)
            found[table.name] = frame.select(pl.exclude(HOW_IT_CAME)).sort(table.key)
    return found


def records_of(files):
    """Every object of every peer, oldest first."""
    for path in sorted(files.glob("*/*.ndjson")):
        for line in path.read_bytes().splitlines():
            yield path.parent.name, path.stem, line


def push(client, module, line):
    if module == "cdrs":
        return client.post("2.2.1/cdrs", content=line)
    record = json.loads(line)
    place = "/".join((record["country_code"], record["party_id"], record[OWNED[module]]))
    return client.put(f"2.2.1/{module}/{place}", content=line)


def test_pushed_pulled_and_dropped_records_give_the_same_tables(world, files, home, monkeypatch):
    with SandboxServer(world) as network:
        for name, token in network.tokens().items():
            monkeypatch.setenv(name, token)
        settings, lake = home("pulled", network.connections())
        assert pull(settings, lake, Register(settings.register)).failures == ()
        pulled = typed(settings, lake)
    assert pulled["cdrs"].height > TOO_FEW

    declared = tuple(each.model_copy(update={"inbound_token_env": each.token_env}) for each in settings.connections)
    settings, lake = home("dropped", declared)
    for path in sorted(files.glob("*/*.ndjson")):
        report = load_file(settings, lake, path, FileSource(settings.connection(path.parent.name), path.stem))
        assert report.outcome == "loaded"
    dropped = typed(settings, lake)

    settings, lake = home("pushed", declared)
    bounds = Bounds(requests_per_second=1e6, burst=10**6)
    with ReceiverServer(settings, bounds=bounds) as server:
        base = server.versions_url.removesuffix("/versions")
        with httpx.Client(base_url=base, headers={"Content-Type": "application/json"}) as client:
            for connection_id, module, line in records_of(files):
                if connection_id == "emsp":
                    continue
                client.headers["Authorization"] = (
                    f"Token {network.tokens()[settings.connection(connection_id).token_env]}"
                )
                assert push(client, module, line).status_code == httpx.codes.OK
    for path in sorted((files / "emsp").glob("*.ndjson")):  # our own platform pushes nothing to us
        load_file(settings, lake, path, FileSource(settings.connection("emsp"), path.stem))
    pushed = typed(settings, lake)

    for name, frame in pulled.items():
        assert_frame_equal(dropped[name], frame)
        assert_frame_equal(pushed[name], frame)
