"""Peers that misbehave in every way that the sandbox knows: the typed tables are those of a peer that does not."""

import shutil
from itertools import cycle

import pytest
from polars.testing import assert_frame_equal

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.sandbox.object_faults import OBJECT_FAULTS
from pipelines.sandbox.peers import CONNECTION_IDS
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.server_faults import STRIKES, TRANSPORT_FAULTS
from pipelines.sandbox.world import build_world
from tests.assets.intake.pulling import TYPED, new_home, pulled, rows_of, settings_for, without_pauses

PROVENANCE = ("page_sha256", "page_position", "content_sha256")
"""a page that was asked for again has other bytes, and its records other places"""

STRUCK = ("ldw", "swm", "vlt", "hub", "emsp")
"""connections with lists of several pages: each misbehaves in a way of its own, so one pull shows five faults alone"""
BATCHES = [TRANSPORT_FAULTS[begin : begin + len(STRUCK)] for begin in range(0, len(TRANSPORT_FAULTS), len(STRUCK))]
DATES = ("naive-dates", "offset-dates", "microseconds")
OTHERWISE = ("text-numbers", "unknown-fields", "nulls", "other-case")
"""what may be odd about an object beside its DateTimes, and changes no more than notes"""
HARMLESS = ("naive-dates", "microseconds", "unknown-fields", "nulls", "other-case")

ROWS = ("cdrs", "charging_periods", "tariff_versions", "tariff_components", "connectors", "tokens", "sessions")
UNLIKE = {
    "missing-tz": {"cdrs": "time_zone", "connectors": "time_zone"},
    "offset-dates": {"cdrs": "notes"},
    "text-numbers": {"cdrs": "notes"},
}
"""the column that an object fault changes, by table"""


@pytest.fixture(scope="module")
def world():
    return build_world(7, 160, BillingMonth(2026, 10))


@pytest.fixture(scope="module")
def empty(world, tmp_path_factory):
    return new_home(world, tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def clean(world, empty, tmp_path_factory):
    """The whole network, pulled on a good day."""
    return served(world, empty, tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def clean_part(world, empty, tmp_path_factory):
    """One connection of it: enough for a fault alone."""
    return served(world, empty, tmp_path_factory.mktemp("part"), connection_id="swm")


def served(world, empty, folder, faults=(), connection_id=None, most_pulls=1):
    """Pull a network, or one connection of it, that misbehaves; give the lake."""
    home = folder / "home"
    shutil.copytree(empty, home)
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        SandboxServer(world, faults=tuple(faults), slow_seconds=0.01) as server,
    ):
        without_pauses(monkeypatch)
        settings = settings_for(server, home, monkeypatch, page_limit=20)
        chosen = tuple(each for each in settings.connections if connection_id in (None, each.connection_id))
        return pulled(settings.model_copy(update={"connections": chosen}), most_pulls)


def assert_same_tables(lake, clean, names, unlike=None):
    for table in (each for each in TYPED if each.name in names):
        dropped = [*PROVENANCE, *([unlike[table.name]] if table.name in (unlike or {}) else [])]
        told, known = (rows_of(each, table).drop(dropped, strict=False) for each in (lake, clean))
        assert_frame_equal(told, known)


def quarantined(lake):
    rows = lake.read(Layer.TYPED, "records").filter(outcome="quarantined")
    return rows.sort("connection_id", "module", "record_id")


@pytest.mark.parametrize("batch", BATCHES, ids="+".join)
def test_a_transport_fault_alone_changes_no_typed_table(world, empty, clean, tmp_path, batch):
    """A status code that blames us is not asked about again before the next pull; all else needs one."""
    faults = map("=".join, zip(STRUCK, batch, strict=False))
    lake = served(world, empty, tmp_path, faults, most_pulls=1 + STRIKES if "status-2000" in batch else 1)
    assert_same_tables(lake, clean, {table.name for table in TYPED} - {"records"})


def test_all_transport_faults_together_change_no_typed_table(world, empty, clean, tmp_path):
    lake = served(world, empty, tmp_path, TRANSPORT_FAULTS, most_pulls=12)
    assert_same_tables(lake, clean, {table.name for table in TYPED} - {"records"})


def test_all_faults_that_lose_nothing_at_once_give_the_same_rows_but_for_notes(world, empty, clean, tmp_path):
    """Objects are written otherwise, each list begins with something that is none, and all of it comes over bad lines.

    A DateTime can be odd in one way at a time, so the three ways are shared out among the connections.
    """
    faults = [
        f"{connection}={fault}"
        for connection, dates in zip(CONNECTION_IDS, cycle(DATES), strict=False)
        for fault in (*TRANSPORT_FAULTS, dates, *OTHERWISE, "bad-object")
    ]
    lake = served(world, empty, tmp_path, faults, most_pulls=12)
    assert_same_tables(lake, clean, {table.name for table in TYPED} - {"records"}, {"cdrs": "notes"})
    assert all(lake.read_months(Layer.TYPED, "cdrs")["notes"].list.len()), "a number in text that was not noted"
    told, known = (each.read(Layer.TYPED, "records").filter(outcome="typed") for each in (lake, clean))
    name = ["connection_id", "module", "record_id"]
    assert_frame_equal(told.select(name).sort(name), known.select(name).sort(name))
    lists = sorted(known.select("connection_id", "module").unique().rows())
    assert quarantined(lake).select("connection_id", "module", "rule").rows() == [
        (*each, "wrong_type") for each in lists
    ]


def test_what_is_written_otherwise_is_read_as_the_same(world, empty, clean, tmp_path):
    lake = served(world, empty, tmp_path, map("=".join, zip(STRUCK, HARMLESS, strict=True)))
    assert_same_tables(lake, clean, ROWS)
    assert quarantined(lake).is_empty()


def test_one_bad_object_costs_nobody_but_itself(world, empty, clean, tmp_path):
    lake = served(world, empty, tmp_path, ["bad-object"])
    assert_same_tables(lake, clean, ROWS)
    lists = lake.read(Layer.TYPED, "records").select("connection_id", "module").unique()
    assert quarantined(lake).select("connection_id", "module", "rule").rows() == [
        (*each, "wrong_type") for each in sorted(lists.rows())
    ]
    assert lists.height > 20


@pytest.mark.parametrize("fault", sorted(UNLIKE))
def test_an_object_fault_changes_what_its_line_says(world, empty, clean_part, tmp_path, fault):
    lake = served(world, empty, tmp_path, [fault], "swm")
    assert_same_tables(lake, clean_part, ROWS, UNLIKE[fault])
    assert quarantined(lake).is_empty()
    for name, column in UNLIKE[fault].items():
        table = next(each for each in TYPED if each.name == name)
        assert not rows_of(lake, table)[column].equals(rows_of(clean_part, table)[column]), "it changed nothing"


def test_every_object_fault_is_tried():
    assert {*HARMLESS, *UNLIKE, "bad-object", "misspelt"} == set(OBJECT_FAULTS)


def test_misspelt_restrictions_are_never_priced_without(world, empty, clean_part, tmp_path):
    lake = served(world, empty, tmp_path, ("misspelt",), "swm")
    told, known = (each.read(Layer.TYPED, "tariff_versions")["tariff_id"] for each in (lake, clean_part))
    assert set(known) - set(told) == set(quarantined(lake)["record_id"]) == {"SWM-TOD"}
    assert_same_tables(lake, clean_part, set(ROWS) - {"tariff_versions", "tariff_components"})
