"""What peers push is answered as OCPI wants, kept once, and stands in the typed tables after intake."""

import gzip
import json

import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.receiver.publishing import RECEIPTS
from pipelines.sandbox.wire_v211 import Atlas
from pipelines.sandbox.wire_v211 import cdr as told_in_211
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, location, session, tariff


def code(answer):
    return answer.status_code, answer.json()["status_code"]


def pushed(lake, module, connection_id="ldw"):
    """The records of all pushed pages of a module, in order."""
    store = RawStore(lake)
    return [
        json.loads(store.record(connection_id, module, page.sha256, position))
        for manifest in store.manifests(connection_id, module)
        for page in manifest.pages
        for position in range(page.records)
    ]


def test_a_cdr_is_answered_with_a_location_that_gives_it_back(receiving):
    with receiving() as client:
        answer = client.post("2.2.1/cdrs", json=cdr())
        assert code(answer) == (200, 1000)
        again = client.get(answer.headers["Location"])
        assert (code(again), again.json()["data"]) == ((200, 1000), cdr())


def test_the_same_cdr_twice_is_one_record_under_one_location(receiving, lake):
    with receiving() as client:
        first = client.post("2.2.1/cdrs", json=cdr())
        reordered = json.dumps(dict(reversed(cdr().items())), indent=2).encode()
        second = client.post("2.2.1/cdrs", content=reordered, headers={"Content-Type": "application/json"})
        assert code(second) == (200, 1000)
        assert first.headers["Location"] == second.headers["Location"]
    assert pushed(lake, "cdrs") == [cdr()]


def test_the_same_cdr_spelled_otherwise_is_the_same(receiving, lake):
    """Zeros at the end, the id in another case, a null: nothing that a peer must be told not to do."""
    respelled = json.dumps(cdr(id="c000001", remark=None)).replace("10.1234", "10.12340").encode()
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr())
        answer = client.post("2.2.1/cdrs", content=respelled, headers={"Content-Type": "application/json"})
        assert code(answer) == (200, 1000)
    assert pushed(lake, "cdrs") == [cdr()]


def test_a_null_in_a_patch_takes_a_field_away(receiving):
    stamped = {"last_updated": "2026-10-12T09:02:00Z"}
    with receiving() as client:
        client.put("2.2.1/sessions/DE/LDW/S000001", json=session())
        for patch in (stamped, stamped | {"end_date_time": None}):
            assert code(client.patch("2.2.1/sessions/DE/LDW/S000001", json=patch)) == (200, 1000)
        assert client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"]["end_date_time"] is None


def test_another_body_under_a_cdr_id_is_refused_politely_and_kept_once_as_evidence(receiving, lake, settings):
    changed = cdr(total_energy=99)
    with receiving() as client:
        first = client.post("2.2.1/cdrs", json=cdr())
        for _ in range(2):
            answer = client.post("2.2.1/cdrs", json=changed)
            assert code(answer) == (200, 2001)
            assert "immutable" in answer.json()["status_message"]
        assert client.get(first.headers["Location"]).json()["data"] == cdr()
    assert pushed(lake, "cdrs") == [cdr(), changed]
    normalise(settings, lake)
    records = lake.read(Layer.TYPED, "records")
    assert records["outcome"].to_list() == ["typed", "quarantined"]
    assert records["rule"].to_list() == [None, "cdr_changed"]


@pytest.mark.parametrize("came_from", ["ldw", "hub"])
def test_another_body_under_the_id_of_a_cdr_that_was_pulled_is_refused_as_well(receiving, lake, settings, came_from):
    """Intake takes a CDR for the same whoever brought it, and the receiver says at once what intake will decide."""
    store, came_at = RawStore(lake), settings.now
    pages = [envelope([cdr(number) for number in (1, 2)])]
    keep_pages(store, "cdrs", pages, pull_id="20261101T000000Z", received_at=came_at, connection_id=came_from)
    normalise(settings, lake)
    changed = cdr(2, total_energy=99)
    with receiving() as client:
        for _ in range(2):
            answer = client.post("2.2.1/cdrs", json=changed)
            assert code(answer) == (200, 2001)
            assert "immutable" in answer.json()["status_message"]
            assert client.get(answer.headers["Location"]).json()["data"] == cdr(2)
        same = client.post("2.2.1/cdrs", json=cdr(1))
        assert code(same) == (200, 1000)
        assert client.get(same.headers["Location"]).json()["data"] == cdr(1)
        assert code(client.post("2.2.1/cdrs", json=cdr(3))) == (200, 1000)
    assert pushed(lake, "cdrs")[-3:] == [changed, cdr(1), cdr(3)]
    normalise(settings, lake)
    rules = lake.read(Layer.TYPED, "records").sort("pull_id", "page_position")["rule"].to_list()
    assert rules == [None, None, "cdr_changed", "same_content", None]


def in_211(record):
    return told_in_211(record, Atlas([location()]))


@pytest.mark.parametrize("came", ["pushed", "pulled"])
def test_a_cdr_told_again_in_another_version_is_taken_and_one_that_changed_is_not(receiving, lake, settings, came):
    with receiving() as client:
        if came == "pushed":
            assert code(client.post("2.1.1/cdrs", json=in_211(cdr()))) == (200, 1000)
        else:
            page = envelope([in_211(cdr())])
            facts = {"pull_id": "20261101T000000Z", "received_at": settings.now, "version": "2.1.1"}
            keep_pages(RawStore(lake), "cdrs", [page], parties=("DE*LDW",), **facts)
            normalise(settings, lake)
        for _ in range(2):
            again = client.post("2.2.1/cdrs", json=cdr())
            assert code(again) == (200, 1000)
        assert client.get(again.headers["Location"]).json()["data"] == in_211(cdr())
        assert code(client.post("2.2.1/cdrs", json=cdr(total_energy=99))) == (200, 2001)
    normalise(settings, lake)
    records = lake.read(Layer.TYPED, "records")
    assert sorted(records["rule"].to_list(), key=str) == [None, "cdr_changed", "same_claim"]


def test_a_cdr_that_a_pull_brings_while_pushes_are_received_counts_from_its_intake_on(receiving, lake, settings):
    with receiving() as client:
        assert code(client.post("2.2.1/cdrs", json=cdr(1))) == (200, 1000)
        keep_pages(RawStore(lake), "cdrs", [envelope([cdr(2)])], pull_id="20261101T000000Z", received_at=settings.now)
        normalise(settings, lake)
        assert code(client.post("2.2.1/cdrs", json=cdr(2, total_energy=99))) == (200, 2001)


def test_an_index_made_again_shows_the_cdr_that_came_first_under_its_location(receiving, lake, settings):
    keep_pages(RawStore(lake), "cdrs", [envelope([cdr()])], pull_id="20261101T000000Z", received_at=settings.now)
    normalise(settings, lake)
    with receiving() as client:
        where = client.post("2.2.1/cdrs", json=cdr(total_energy=99)).headers["Location"]
    for path in (settings.home / "receiver").glob("objects.sqlite*"):
        path.unlink()
    with receiving() as client:
        assert client.get(where.split("/ocpi/")[1]).json()["data"] == cdr()
        assert code(client.post("2.2.1/cdrs", json=cdr(total_energy=99))) == (200, 2001)


def test_a_cdr_that_intake_cannot_read_is_said_so_and_kept(receiving, lake, settings):
    bad = cdr(total_energy="a lot")
    with receiving() as client:
        answer = client.post("2.2.1/cdrs", json=bad)
        assert code(answer) == (200, 2001)
        assert "total_energy" in answer.json()["status_message"]
        assert "Location" not in answer.headers
        assert code(client.post("2.2.1/cdrs", json=bad)) == (200, 2001)
    assert pushed(lake, "cdrs") == [bad]
    assert normalise(settings, lake).quarantined == 1


def test_digits_are_kept_as_they_were_sent(receiving, lake):
    body = json.dumps(cdr(), indent=1).replace("10.1234", "10.12340000000").encode()
    with receiving() as client:
        client.post("2.2.1/cdrs", content=body, headers={"Content-Type": "application/json"})
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    record = RawStore(lake).record("ldw", "cdrs", manifest.pages[0].sha256, 0)
    assert record == body.replace(b"\n", b" ")


def test_a_patched_session_is_merged_and_its_periods_are_appended(receiving, lake, settings):
    period = {"start_date_time": "2026-10-12T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 4.0}]}
    later = {"start_date_time": "2026-10-12T08:30:00Z", "dimensions": [{"type": "ENERGY", "volume": 6.1}]}
    begun = session(status="ACTIVE", kwh=4.0, charging_periods=[period], last_updated="2026-10-12T08:30:00Z")
    patch = {"kwh": 10.1, "charging_periods": [later], "status": "COMPLETED", "last_updated": "2026-10-12T09:01:00Z"}
    with receiving() as client:
        assert code(client.put("2.2.1/sessions/DE/LDW/S000001", json=begun)) == (200, 1000)
        for _ in range(2):  # the same PATCH again, because its answer was lost, appends nothing
            assert code(client.patch("2.2.1/sessions/de/ldw/s000001", json=patch)) == (200, 1000)
        merged = begun | patch | {"charging_periods": [period, later]}
        assert client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"] == merged
    assert pushed(lake, "sessions") == [begun, merged]
    normalise(settings, lake)
    (row,) = lake.read_months(Layer.TYPED, "sessions").to_dicts()
    assert (row["status"], str(row["energy_kwh"])) == ("COMPLETED", "10.100000000")


def test_a_late_put_is_kept_but_does_not_replace_what_is_newer(receiving, lake):
    newer = session(kwh=10, last_updated="2026-10-12T09:01:00.5Z")
    older = session(kwh=4, last_updated="2026-10-12T09:01:00Z")
    with receiving() as client:
        for body in (newer, older):
            assert code(client.put("2.2.1/sessions/DE/LDW/S000001", json=body)) == (200, 1000)
        assert client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"] == newer
    assert pushed(lake, "sessions") == [newer, older]


def test_a_patch_needs_its_object_and_its_time(receiving):
    with receiving() as client:
        patch = {"kwh": 1, "last_updated": "2026-10-12T09:01:00Z"}
        assert code(client.patch("2.2.1/sessions/DE/LDW/S9", json=patch)) == (404, 2001)
        client.put("2.2.1/sessions/DE/LDW/S000001", json=session())
        assert code(client.patch("2.2.1/sessions/DE/LDW/S000001", json={"kwh": 1})) == (200, 2001)


def test_a_session_that_was_pulled_can_be_patched(receiving, lake, settings):
    keep_pages(
        RawStore(lake), "sessions", [envelope([session()])], pull_id="20261101T000000Z", received_at=settings.now
    )
    normalise(settings, lake)
    with receiving() as client:
        patch = {"kwh": 11, "last_updated": "2026-10-12T10:00:00Z"}
        assert code(client.patch("2.2.1/sessions/DE/LDW/S000001", json=patch)) == (200, 1000)
        assert client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"] == session() | patch


def test_a_tariff_is_put_and_deleted(receiving, lake):
    with receiving() as client:
        assert code(client.put("2.2.1/tariffs/DE/LDW/T1", json=tariff())) == (200, 1000)
        assert code(client.delete("2.2.1/tariffs/DE/LDW/T1")) == (200, 1000)
        assert code(client.get("2.2.1/tariffs/DE/LDW/T1")) == (404, 2001)
        assert code(client.delete("2.2.1/tariffs/DE/LDW/T1")) == (200, 1000)
        assert code(client.delete("2.2.1/tariffs/DE/LDW/T2")) == (404, 2001)
    assert pushed(lake, "tariffs") == [tariff()]
    receipts = next(iter(lake.fs.glob(f"{lake.root}/raw/ldw/tariffs/*/{RECEIPTS}")))
    methods = [json.loads(line)["method"] for line in _unzipped(lake, receipts).splitlines()]
    assert methods == ["PUT", "DELETE"]


def test_evses_and_connectors_change_their_location(receiving, lake, settings):
    evse = {"uid": "E2", "evse_id": "DE*LDW*E2", "connectors": [], "last_updated": "2026-10-01T00:00:00Z"}
    connector = {"id": "1", "power_type": "DC", "max_electric_power": 150000, "tariff_ids": ["T2"]}
    connector |= {"last_updated": "2026-10-02T00:00:00Z"}
    with receiving() as client:
        assert code(client.put("2.2.1/locations/DE/LDW/L1", json=location())) == (200, 1000)
        assert code(client.put("2.2.1/locations/DE/LDW/L1/E2", json=evse)) == (200, 1000)
        assert code(client.put("2.2.1/locations/DE/LDW/L1/E2/1", json=connector)) == (200, 1000)
        change = {"tariff_ids": ["T3"], "last_updated": "2026-10-03T00:00:00Z"}
        assert code(client.patch("2.2.1/locations/DE/LDW/L1/e2/1", json=change)) == (200, 1000)
        assert client.get("2.2.1/locations/DE/LDW/L1/E2/1").json()["data"] == connector | change
        assert code(client.put("2.2.1/locations/DE/LDW/L1/E9/1", json=connector)) == (404, 2001)
        whole = client.get("2.2.1/locations/DE/LDW/L1").json()["data"]
    assert whole["last_updated"] == "2026-10-03T00:00:00Z"
    normalise(settings, lake)
    connectors = lake.read(Layer.TYPED, "connectors").sort("evse_uid")
    assert connectors["evse_uid"].to_list() == ["E1", "E2"]
    assert connectors["tariff_ids"].to_list() == [["T1"], ["T3"]]


def evse_e2(**changes):
    """An EVSE of the location L1, beside the one that it begins with."""
    connector = {"id": "1", "power_type": "DC", "tariff_ids": ["T2"], "last_updated": "2026-10-01T00:00:00Z"}
    evse = {"uid": "E2", "evse_id": "DE*LDW*E2", "connectors": [connector], "last_updated": "2026-10-01T00:00:00Z"}
    return evse | changes


def shown(client, place):
    """What a GET of a place among the locations gives: its object, or None."""
    return client.get(f"2.2.1/locations/DE/LDW/{place}").json().get("data")


def test_an_evse_that_the_whole_location_took_away_comes_back_with_its_own_push(receiving, lake, settings):
    without = location(last_updated="2026-10-02T00:00:00Z")
    with receiving() as client:
        for place, body in (("L1", location()), ("L1/E2", evse_e2()), ("L1", without), ("L1/E2", evse_e2())):
            assert code(client.put(f"2.2.1/locations/DE/LDW/{place}", json=body)) == (200, 1000)
        assert shown(client, "L1/E2") == evse_e2()
    assert [len(each["evses"]) for each in pushed(lake, "locations")] == [1, 2, 1, 2]
    normalise(settings, lake)
    assert sorted(lake.read(Layer.TYPED, "connectors")["evse_uid"]) == ["E1", "E2"]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_evse_that_goes_back_to_what_it_was_is_so_again(receiving, method):
    free, busy = evse_e2(status="AVAILABLE"), evse_e2(status="CHARGING")
    with receiving() as client:
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        client.put("2.2.1/locations/DE/LDW/L1/E2", json=free)
        for body in (busy, free, busy):
            answer = client.request(method, "2.2.1/locations/DE/LDW/L1/E2", json=body)
            assert (code(answer), shown(client, "L1/E2")) == ((200, 1000), body)


def test_the_same_evse_again_is_kept_once(receiving, lake):
    with receiving() as client:
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        for _ in range(3):
            assert code(client.put("2.2.1/locations/DE/LDW/L1/E2", json=evse_e2())) == (200, 1000)
    assert len(pushed(lake, "locations")) == 2


def test_a_child_that_makes_its_location_unreadable_is_refused_each_time_and_kept_once(receiving, lake):
    bad = evse_e2(connectors=[{"id": "1", "tariff_ids": "T1"}])
    with receiving() as client:
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        for _ in range(2):
            assert code(client.put("2.2.1/locations/DE/LDW/L1/E2", json=bad)) == (200, 2001)
        assert shown(client, "L1") == location()
    assert len(pushed(lake, "locations")) == 2


def test_a_patch_counts_again_after_a_put_that_took_it_back(receiving):
    begun = session(status="ACTIVE", kwh=4.0)
    patch = {"status": "COMPLETED", "kwh": 10.1, "last_updated": begun["last_updated"]}
    with receiving() as client:
        for _ in range(2):
            client.put("2.2.1/sessions/DE/LDW/S000001", json=begun)
            assert code(client.patch("2.2.1/sessions/DE/LDW/S000001", json=patch)) == (200, 1000)
            assert client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"] == begun | patch


def test_periods_are_appended_again_where_a_put_took_them_away(receiving):
    first, second = ({"start_date_time": f"2026-10-12T08:{at}:00Z", "dimensions": []} for at in ("00", "30"))
    begun = session(status="ACTIVE", charging_periods=[first])
    patch = {"charging_periods": [second], "last_updated": begun["last_updated"]}
    with receiving() as client:
        for _ in range(2):
            client.put("2.2.1/sessions/DE/LDW/S000001", json=begun)
            for _ in range(2):
                assert code(client.patch("2.2.1/sessions/DE/LDW/S000001", json=patch)) == (200, 1000)
            kept = client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"]
            assert kept["charging_periods"] == [first, second]


def test_a_patch_that_is_sent_again_late_takes_nothing_back(receiving):
    """Its answer was lost, the next one was quicker: what is older than the session and was heard before is no news."""
    period = {"start_date_time": "2026-10-12T08:30:00Z", "dimensions": []}
    first = {"kwh": 11, "charging_periods": [period], "last_updated": "2026-10-12T10:00:00Z"}
    second = {"kwh": 12, "last_updated": "2026-10-12T10:01:00Z"}
    with receiving() as client:
        client.put("2.2.1/sessions/DE/LDW/S000001", json=session(charging_periods=[]))
        for patch in (first, second, first):
            assert code(client.patch("2.2.1/sessions/DE/LDW/S000001", json=patch)) == (200, 1000)
        kept = client.get("2.2.1/sessions/DE/LDW/S000001").json()["data"]
    assert (kept["kwh"], kept["charging_periods"]) == (12, [period])


def test_a_peer_of_2_1_1_owns_what_its_path_says(receiving, lake, settings):
    plain = {name: value for name, value in session().items() if name not in {"country_code", "party_id", "cdr_token"}}
    plain |= {"auth_id": "DENSTC1", "location": {"id": "L1", "evses": [{"uid": "E1", "connectors": [{"id": "1"}]}]}}
    with receiving() as client:
        assert code(client.put("2.1.1/sessions/DE/LDW/S000001", json=plain)) == (200, 1000)
    normalise(settings, lake)
    assert lake.read_months(Layer.TYPED, "sessions")["session_key"].to_list() == ["DE*LDW*S000001"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("2.2.1/sessions/DE/XXX/S000001", session(party_id="XXX"), (403, 2001)),
        ("2.2.1/sessions/DE/LDW/S000001", session(party_id="XXX"), (200, 2001)),
        ("2.2.1/sessions/DE/LDW/S000002", session(), (200, 2001)),
        ("2.2.1/sessions/DE/LDW", session(), (404, 2000)),
    ],
)
def test_nobody_pushes_what_is_anothers(receiving, lake, path, body, expected):
    with receiving() as client:
        assert code(client.put(path, json=body)) == expected
        assert code(client.post("2.2.1/cdrs", json=cdr(party_id="XXX"))) == (403, 2001)
    assert RawStore(lake).manifests() == []


OWNERLESS = {"country_code", "party_id"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("2.2.1/sessions/DE/LDW/S000001", session()),
        ("2.3.0/tariffs/DE/LDW/T1", tariff()),
        ("2.2.1/locations/DE/LDW/L1", location()),
    ],
)
def test_an_object_that_does_not_say_whose_it_is_is_kept_and_its_peer_is_told(receiving, lake, settings, path, body):
    """From 2.2 on the body has to name its owner: the path alone is not kept with the record."""
    nobodys = {name: value for name, value in body.items() if name not in OWNERLESS}
    with receiving() as client:
        for _ in range(2):
            answer = client.put(path, json=nobodys)
            assert code(answer) == (200, 2001)
            assert "country_code" in answer.json()["status_message"]
        assert code(client.get(path)) == (404, 2001)
    assert pushed(lake, path.split("/")[1]) == [nobodys]
    normalise(settings, lake)
    assert lake.read(Layer.TYPED, "records")["rule"].to_list() == ["missing_field"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        *(("sessions/DE/LDW/S000001", name) for name in ("country_code", "party_id", "id")),
        ("locations/DE/LDW/L1/E1", "uid"),
        ("locations/DE/LDW/L1/E1/1", "id"),
    ],
)
def test_a_patch_cannot_take_a_name_away(receiving, lake, place, name):
    patch = {"last_updated": "2026-10-12T10:00:00Z"}
    with receiving() as client:
        client.put("2.2.1/sessions/DE/LDW/S000001", json=session(status="ACTIVE"))
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        answer = client.patch(f"2.2.1/{place}", json=patch | {name: None})
        assert (code(answer), answer.json()["status_message"].split(":")[0]) == ((200, 2001), name)
        assert code(client.patch(f"2.2.1/{place}", json=patch)) == (200, 1000)
    module = place.split("/")[0]
    assert len(pushed(lake, module)) == 2


def _unzipped(lake, path):
    return gzip.decompress(lake.read_bytes(path))


def test_invoice_reconciliation_records_are_posted_put_and_deleted(receiving, lake):
    record = {"country_code": "DE", "party_id": "LDW", "id": "R1", "invoice_id": "I1", "cdrs": ["C000001"]}
    record |= {"last_updated": "2026-11-01T00:00:00Z"}
    newer = record | {"cdrs": ["C000001", "C000002"], "last_updated": "2026-11-02T00:00:00Z"}
    with receiving() as client:
        assert code(client.post("2.3.0/invoicereconciliation", json=record)) == (200, 1000)
        assert code(client.put("2.3.0/invoicereconciliation/R1", json=newer)) == (200, 1000)
        assert client.get("2.3.0/invoicereconciliation/DE/LDW/R1").json()["data"] == newer
        assert code(client.delete("2.3.0/invoicereconciliation/R1")) == (200, 1000)
        assert code(client.get("2.3.0/invoicereconciliation/R1")) == (404, 2001)
    assert pushed(lake, "invoicereconciliation") == [record, newer]
