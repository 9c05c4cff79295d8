"""Messages that newer ones overtook are kept, and change nothing of what the object is now."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.receiver.entries import Entry
from pipelines.receiver.objects import ObjectIndex
from pipelines.receiver.publishing import RECEIPTS
from tests.unit.intake.little_peer import envelope, keep_pages, location, session
from tests.unit.receiver.test_pushed_objects import code, pushed, shown

SESSION = "2.2.1/sessions/DE/LDW/S000001"
BEGUN = {name: value for name, value in session(status="ACTIVE", kwh=1.0).items() if name != "end_date_time"}
BEGUN |= {"last_updated": "2026-10-12T08:10:00Z"}
NEWER = {"kwh": 9.0, "authorization_reference": "A-9", "last_updated": "2026-10-12T08:30:00Z"}
LATE = {"kwh": 3.0, "last_updated": "2026-10-12T08:20:00Z"}
DONE = {"status": "COMPLETED", "end_date_time": "2026-10-12T09:00:00Z", "last_updated": "2026-10-12T09:00:00Z"}


def receipts(lake, module="sessions"):
    """What was noted beside the pushed pages of a module, in order."""
    paths = sorted(lake.fs.glob(f"{lake.root}/raw/ldw/{module}/*/{RECEIPTS}"))
    return [json.loads(line) for path in paths for line in gzip.decompress(lake.read_bytes(path)).splitlines()]


def typed_session(settings, lake):
    normalise(settings, lake)
    (row,) = lake.read_months(Layer.TYPED, "sessions").to_dicts()
    return row["status"], row["energy_kwh"]


@pytest.mark.parametrize("said_at", ["2026-10-12T08:20:00Z", "2026-10-12T10:20:00+02:00"])
def test_a_late_patch_is_kept_as_what_it_made_of_the_session_then_and_takes_nothing_back(
    receiving, lake, settings, said_at
):
    late = LATE | {"last_updated": said_at}
    with receiving() as client:
        client.put(SESSION, json=BEGUN)
        for patch in (NEWER, late, late):
            assert code(client.patch(SESSION, json=patch)) == (200, 1000)
        assert client.get(SESSION).json()["data"] == BEGUN | NEWER
        assert code(client.patch(SESSION, json=DONE)) == (200, 1000)
        assert client.get(SESSION).json()["data"] == BEGUN | NEWER | DONE
    assert pushed(lake, "sessions") == [BEGUN, BEGUN | NEWER, BEGUN | late, BEGUN | NEWER | DONE]
    assert [each.get("is_evidence", False) for each in receipts(lake)] == [False, False, True, False]
    assert receipts(lake)[2]["sent"] == late
    assert typed_session(settings, lake) == ("COMPLETED", 9.0)


def test_a_patch_of_the_same_second_counts_as_newer(receiving):
    with receiving() as client:
        client.put(SESSION, json=BEGUN)
        for kwh in (2.0, 3.0):
            client.patch(SESSION, json=NEWER | {"kwh": kwh})
        assert client.get(SESSION).json()["data"]["kwh"] == 3.0


@pytest.mark.parametrize("last_updated", [None, "lately", ""])
def test_a_patch_whose_time_cannot_be_read_is_refused(receiving, lake, last_updated):
    with receiving() as client:
        client.put(SESSION, json=BEGUN)
        assert code(client.patch(SESSION, json=LATE | {"last_updated": last_updated})) == (200, 2001)
    assert pushed(lake, "sessions") == [BEGUN]


def test_of_two_late_messages_the_second_builds_on_the_first(receiving, lake):
    later = {"status": "PENDING", "last_updated": "2026-10-12T08:25:00Z"}
    broken = BEGUN | {"kwh": "a lot", "last_updated": "2026-10-12T08:22:00Z"}
    with receiving() as client:
        client.put(SESSION, json=BEGUN)
        client.patch(SESSION, json=NEWER)
        client.put(SESSION, json=BEGUN | LATE)
        assert code(client.put(SESSION, json=broken)) == (200, 2001)  # nothing is built on what cannot be read
        client.patch(SESSION, json=later)
        assert client.get(SESSION).json()["data"] == BEGUN | NEWER
    assert pushed(lake, "sessions")[-1] == BEGUN | LATE | later


def test_a_late_patch_that_cannot_be_read_is_said_so_each_time_and_kept_once(receiving, lake):
    with receiving() as client:
        client.put(SESSION, json=BEGUN)
        client.patch(SESSION, json=NEWER)
        for _ in range(2):
            assert code(client.patch(SESSION, json=LATE | {"kwh": "a lot"})) == (200, 2001)
        assert client.get(SESSION).json()["data"] == BEGUN | NEWER
    assert len(pushed(lake, "sessions")) == 3


def test_a_late_patch_of_a_session_that_was_pulled_builds_on_what_was_pulled(receiving, lake, settings):
    keep_pages(RawStore(lake), "sessions", [envelope([BEGUN])], pull_id="20261101T000000Z", received_at=settings.now)
    normalise(settings, lake)
    with receiving() as client:
        for patch in (NEWER, LATE, DONE):
            assert code(client.patch(SESSION, json=patch)) == (200, 1000)
    assert pushed(lake, "sessions") == [BEGUN, BEGUN | NEWER, BEGUN | LATE, BEGUN | NEWER | DONE]
    assert typed_session(settings, lake) == ("COMPLETED", 9.0)


def test_a_late_patch_about_a_time_that_nobody_told_of_is_in_its_receipt_alone(receiving, lake, settings):
    with receiving() as client:
        client.put(SESSION, json=BEGUN | NEWER)
        assert code(client.patch(SESSION, json=LATE)) == (200, 1000)
        assert client.get(SESSION).json()["data"] == BEGUN | NEWER
    assert pushed(lake, "sessions") == [BEGUN | NEWER]
    assert [(each.get("position"), each.get("sent")) for each in receipts(lake)] == [(0, None), (None, LATE)]
    assert typed_session(settings, lake) == ("ACTIVE", 9.0)
    counted = conservation(lake)
    assert counted["received"].equals(counted["accounted"])


def test_an_index_made_again_holds_late_messages_for_late_as_well(receiving, lake, settings):
    with receiving() as client:
        client.put(SESSION, json=BEGUN)
        for patch in (NEWER, LATE):
            client.patch(SESSION, json=patch)
    for path in (settings.home / "receiver").glob("objects.sqlite*"):
        path.unlink()
    with receiving() as client:
        assert client.get(SESSION).json()["data"] == BEGUN | NEWER
        client.patch(SESSION, json=LATE)
        client.patch(SESSION, json={"status": "PENDING", "last_updated": "2026-10-12T08:25:00Z"})
    states = pushed(lake, "sessions")
    assert (len(states), states[-1]["kwh"], states[-1]["status"]) == (4, 3.0, "PENDING")


def tariffs_told(lake, connector_key, at):
    """The tariffs of a connector that held at an instant, by all that is known."""
    history = lake.read(Layer.TYPED, "connector_history").filter(
        pl.col("connector_key") == connector_key, pl.col("known_to").is_null(), pl.col("valid_from") <= at
    )
    return history.sort("valid_from")["tariff_ids"].to_list()[-1]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_late_message_about_a_connector_is_its_past_alone(receiving, lake, settings, method):
    def connector(at, *tariff_ids):
        return {"id": "1", "power_type": "DC", "tariff_ids": tariff_ids, "last_updated": f"2026-10-02T08:{at}:00Z"}

    with receiving() as client:
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        for place, body in (("E1/1", connector("10", "T1")), ("E1/1", connector("30", "T3"))):
            assert code(client.put(f"2.2.1/locations/DE/LDW/L1/{place}", json=body)) == (200, 1000)
        answer = client.request(method, "2.2.1/locations/DE/LDW/L1/E1/1", json=connector("20", "T2"))
        assert code(answer) == (200, 1000)
        assert shown(client, "L1/E1/1")["tariff_ids"] == ["T3"]
    normalise(settings, lake)
    assert lake.read(Layer.TYPED, "connectors")["tariff_ids"].to_list() == [["T3"]]
    remember(settings, lake)
    told = [
        tariffs_told(lake, "DE*LDW*L1*E1*1", datetime(2026, 10, 2, 8, minute, tzinfo=UTC)) for minute in (15, 25, 35)
    ]
    assert told == [["T1"], ["T2"], ["T3"]]


def test_a_part_is_held_against_itself_and_not_against_its_younger_location(receiving):
    free = {"uid": "E1", "status": "AVAILABLE", "connectors": [], "last_updated": "2026-10-02T00:00:00Z"}
    renamed = {"name": "Depot", "last_updated": "2026-10-03T00:00:00Z"}
    with receiving() as client:
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        client.patch("2.2.1/locations/DE/LDW/L1", json=renamed)
        assert code(client.put("2.2.1/locations/DE/LDW/L1/E1", json=free)) == (200, 1000)
        assert (shown(client, "L1")["name"], shown(client, "L1/E1")) == ("Depot", free)


def test_a_late_message_about_a_part_that_was_not_there_yet_is_in_its_receipt_alone(receiving, lake):
    first = {"uid": "E2", "connectors": [], "last_updated": "2026-10-05T00:00:00Z"}
    late = {"status": "BLOCKED", "last_updated": "2026-10-04T00:00:00Z"}
    with receiving() as client:
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        client.put("2.2.1/locations/DE/LDW/L1/E2", json=first)
        assert code(client.patch("2.2.1/locations/DE/LDW/L1/E2", json=late)) == (200, 1000)
        assert shown(client, "L1/E2") == first
    assert len(pushed(lake, "locations")) == 2
    assert receipts(lake, "locations")[-1]["sent"] == late


def test_the_index_forgets_after_an_hour_what_an_object_was(tmp_path):
    index, begun = ObjectIndex(tmp_path / "objects.sqlite"), datetime(2026, 10, 12, tzinfo=UTC)
    for number, (key, minutes) in enumerate((("A", 0), ("A", 5), ("B", 65), ("B", 66)), start=1):
        entry = Entry(
            sequence=number,
            received_at=begun + timedelta(minutes=minutes),
            connection_id="ldw",
            module="sessions",
            ocpi_version="2.2.1",
            owner_id=None,
            method="PUT",
            path="",
            key=key,
            sha256=f"{number}",
            record=msgspec.Raw(b"%d" % number),
        )
        index.apply([entry, entry])  # again changes nothing
        if number == 3:
            assert (index.former("ldw", "sessions", "A"), index.former("ldw", "sessions", "B")) == ([b"1"], [])
    assert (index.former("ldw", "sessions", "A"), index.former("ldw", "sessions", "B")) == ([], [b"3"])
