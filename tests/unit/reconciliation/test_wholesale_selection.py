"""A claim is priced by the tariff that was published when the session started, whatever the CDR carries."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from models.rating.selection import select_wholesale, with_selection_notes
from models.schemas.registry import Layer

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def select(world):
    return select_wholesale(
        world.frame(Layer.TYPED, "cdrs", world.cdrs),
        world.frame(Layer.TYPED, "charging_periods", world.periods),
        world.frame(Layer.TYPED, "tariff_versions", world.versions),
        world.frame(Layer.TYPED, "connectors", world.connectors),
    )


def chosen(world):
    return select(world).sessions["tariff_version_ids"].to_list()


def notes(world):
    return select(world).notes.rows()


def test_the_published_version_beats_the_carried_one(world):
    world.version("v2", price="0.79", source="cdr")
    world.cdr(tariff_version_ids=["v2"])
    assert chosen(world) == [["v1"]]
    assert notes(world) == []


@pytest.mark.parametrize(("updated", "expected"), [(-DAY, "v2"), (timedelta(), "v2"), (DAY, "v1")])
def test_of_several_versions_the_newest_that_was_there_at_the_start(world, updated, expected):
    world.version("v2", price="0.79", last_updated_at=START + updated)
    world.cdr()
    assert chosen(world) == [[expected]]


@pytest.mark.parametrize(("started", "expected"), [(START - timedelta(seconds=1), "old"), (START, "new")])
def test_validity_is_half_open(world, started, expected):
    world.versions = []
    world.version("old", valid_to=START)
    world.version("new", valid_from=START)
    world.cdr(started_at=started, tariff_version_ids=["old"])
    assert chosen(world) == [[expected]]


def test_a_cdr_without_tariffs_is_priced_by_those_its_periods_name(world):
    world.version("dc", tariff_id="T-DC", tariff_key="DE*LDW*T-DC")
    world.cdr(tariff_version_ids=[])
    world.periods[0]["tariff_id"] = "t-dc"
    assert chosen(world) == [["dc"]]


def test_else_by_those_of_its_connector_in_their_order(world):
    world.version("dc", tariff_id="T-DC", tariff_key="DE*LDW*T-DC")
    world.connectors[0]["tariff_ids"] = ["T-DC", "T-AC"]
    world.cdr(tariff_version_ids=[])
    assert chosen(world) == [["dc", "v1"]]


def test_what_was_never_published_is_priced_by_the_carried_tariff_and_noted(world):
    world.versions = []
    world.version("own", source="cdr")
    world.cdr(tariff_version_ids=["own"])
    assert chosen(world) == [["own"]]
    rated = pl.DataFrame({"cdr_key": ["DE*LDW*C1"], "notes": [["vat_unknown"]]})
    noted = with_selection_notes(rated, select(world))
    assert noted["notes"].to_list() == [["vat_unknown", "tariff_not_published"]]


def test_a_version_written_later_serves_only_where_nothing_else_is_known(world):
    world.versions = []
    world.version("later", last_updated_at=START + DAY)
    world.version("latest", price="0.9", last_updated_at=START + 2 * DAY)
    world.cdr(tariff_version_ids=[])
    assert chosen(world) == [["later"]]
    assert notes(world) == [("DE*LDW*C1", "tariff_not_published")]


def test_without_any_tariff_the_list_is_empty(world):
    world.versions, world.connectors = [], []
    world.cdr(tariff_version_ids=[])
    assert chosen(world) == [[]]


def test_every_cdr_is_there_once_in_the_order_of_keys(world):
    for name in ("B", "A"):
        world.cdr(name, tariff_version_ids=["v1", "v1"])
    sessions = select(world).sessions
    assert sessions["cdr_key"].to_list() == ["DE*LDW*A", "DE*LDW*B"]
    assert sessions["tariff_version_ids"].to_list() == [["v1"], ["v1"]]
