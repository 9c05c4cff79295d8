"""What peers push, from the request to the tables of history and evidence: when it was known, and what broke OCPI."""

import gzip
import json
from datetime import UTC, datetime

import polars as pl
import pytest

from models.reference.bitemporal import believed_at
from models.schemas.registry import Layer
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.receiver.publishing import RECEIPTS
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, location, session, tariff

INVOICE = {"country_code": "DE", "party_id": "LDW", "id": "IR1", "invoice_id": "2026-17", "cdrs": ["C000001"]}


def priced(tariff_id, price):
    component = {"type": "ENERGY", "price": price, "step_size": 1}
    return tariff(id=tariff_id, elements=[{"price_components": [component]}])


def invoice(day, **changes):
    return INVOICE | {"last_updated": f"2026-11-{day:02d}T00:00:00Z"} | changes


@pytest.fixture
def remembered(settings, lake):
    """Bring every table up to what was pushed, and give one."""

    def remembered(name):
        normalise(settings, lake)
        remember(settings, lake)
        return lake.read(Layer.TYPED, name)

    return remembered


def breaches(remembered):
    return remembered("protocol_violations").select("code", "record_key").sort("code").rows()


def told(lake, module):
    """When each request of one segment came, in its order."""
    (path,) = lake.fs.glob(f"{lake.root}/raw/ldw/{module}/*/{RECEIPTS}")
    lines = gzip.decompress(lake.read_bytes(path)).splitlines()
    return [datetime.fromisoformat(json.loads(line)["received_at"]) for line in lines]


def test_what_is_pushed_is_known_from_its_own_request_until_the_next(receiving, lake, remembered):
    with receiving(now=None) as client:  # the machine's clock, so that every request has a time of its own
        client.put("2.2.1/tariffs/DE/LDW/T-A", json=priced("T-A", 0.45))
        client.delete("2.2.1/tariffs/DE/LDW/T-A")
        for price in (0.45, 0.55, 0.65):
            client.put("2.2.1/tariffs/DE/LDW/T-B", json=priced("T-B", price))
    put, deleted, *prices = told(lake, "tariffs")
    history = remembered("tariff_history")
    known = history.with_columns(is_deleted=history["tariff_version_id"].is_null()).sort("tariff_key", "row_index")
    assert known.select("tariff_key", "known_from", "known_to", "is_deleted").rows() == [
        ("DE*LDW*T-A", put, deleted, False),
        ("DE*LDW*T-A", deleted, None, True),
        ("DE*LDW*T-B", prices[0], prices[1], False),
        ("DE*LDW*T-B", prices[1], prices[2], False),
        ("DE*LDW*T-B", prices[2], None, False),
    ]
    at_the_end = believed_at(history, prices[2])
    assert at_the_end.filter(tariff_key="DE*LDW*T-A")["tariff_version_id"].to_list() == [None]


def test_a_tariff_deleted_and_put_again_is_believed_as_told_last_even_within_one_tick_of_the_clock(
    receiving, remembered
):
    with receiving() as client:  # the clock stands still: only the order of the requests is left
        client.put("2.2.1/tariffs/DE/LDW/T1", json=tariff())
        client.delete("2.2.1/tariffs/DE/LDW/T1")
        client.put("2.2.1/tariffs/DE/LDW/T2", json=tariff(id="T2"))
        client.delete("2.2.1/tariffs/DE/LDW/T2")
        client.put("2.2.1/tariffs/DE/LDW/T2", json=tariff(id="T2"))
    now = remembered("tariff_history").filter(pl.col("known_to").is_null()).sort("tariff_key")
    assert now.select("tariff_key", now["tariff_version_id"].is_null()).rows() == [
        ("DE*LDW*T1", True),
        ("DE*LDW*T2", False),
    ]


def test_a_deleted_invoice_record_no_longer_invoices_anything(receiving, remembered):
    path = "2.3.0/invoicereconciliation"
    with receiving() as client:
        client.post(path, json=invoice(1))
        client.put(f"{path}/IR1", json=invoice(2, cdrs=["C000001", "C000002"]))
        client.post(path, json=invoice(1, id="IR2", cdrs=["C000003"]))
        client.delete(f"{path}/IR1")
        assert client.get(f"{path}/IR1").status_code == 404
    assert remembered("invoice_reconciliations").select("record_key", "cdr_key").rows() == [
        ("DE*LDW*IR2", "DE*LDW*C000003")
    ]
    with receiving() as client:
        client.post(path, json=invoice(1, cdrs=["C000004"]))
    assert remembered("invoice_reconciliations").select("record_key", "cdr_key").rows() == [
        ("DE*LDW*IR1", "DE*LDW*C000004"),
        ("DE*LDW*IR2", "DE*LDW*C000003"),
    ]


def test_objects_that_are_told_step_by_step_within_one_segment_break_nothing(receiving, remembered):
    evse = {"uid": "E2", "evse_id": "DE*LDW*E2", "connectors": [], "last_updated": "2026-10-01T00:00:00Z"}
    begun = session(status="ACTIVE", kwh=4, last_updated="2026-10-12T08:30:00Z")
    with receiving() as client:
        client.put("2.2.1/sessions/DE/LDW/S000001", json=begun)
        client.patch("2.2.1/sessions/DE/LDW/S000001", json={"kwh": 5, "last_updated": "2026-10-12T08:31:00Z"})
        client.put("2.2.1/locations/DE/LDW/L1", json=location())
        client.put("2.2.1/locations/DE/LDW/L1/E2", json=evse)
        client.post("2.3.0/invoicereconciliation", json=invoice(1))
        client.put("2.3.0/invoicereconciliation/IR1", json=invoice(2, cdrs=["C000002"]))
    assert remembered("records")["outcome"].to_list() == ["typed"] * 6
    assert breaches(remembered) == []


def test_a_second_body_of_a_pushed_cdr_is_one_breach(receiving, remembered):
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr())
        client.post("2.2.1/cdrs", json=cdr(total_energy=11))
    assert breaches(remembered) == [("second_body", "DE*LDW*C000001")]


def test_a_cdr_that_is_corrected_as_we_asked_is_typed_and_breaks_nothing(receiving, remembered):
    unreadable = {name: value for name, value in cdr().items() if name != "currency"}
    with receiving() as client:
        answer = client.post("2.2.1/cdrs", json=unreadable)
        assert answer.json()["status_code"] == 2001
        client.post("2.2.1/cdrs", json=cdr())
    assert remembered("records")["outcome"].to_list() == ["quarantined", "typed"]
    assert breaches(remembered) == []


def test_a_landed_record_was_received_with_its_own_request_but_a_cdr_with_its_page(receiving, lake, remembered):
    with receiving(now=None) as client:
        for price in (0.45, 0.55):
            client.put("2.2.1/tariffs/DE/LDW/T1", json=priced("T1", price))
        for number in (1, 2):
            client.post("2.2.1/cdrs", json=cdr(number, tariffs=[]))
    received = dict(remembered("records").group_by("module").agg("received_at").iter_rows())
    assert received["tariffs"] == told(lake, "tariffs")
    assert received["cdrs"] == [told(lake, "cdrs")[-1]] * 2
    versions = lake.read(Layer.TYPED, "tariff_versions").sort("known_from")
    assert versions["known_from"].to_list() == told(lake, "tariffs")


@pytest.mark.parametrize("oddity", [{}, {"total_energy": "10.1234"}, {"currency": None}])
def test_a_pushed_cdr_keeps_the_time_of_its_page_however_it_is_read_and_a_session_its_own(
    receiving, lake, remembered, oddity
):
    with receiving(now=None) as client:
        for number in (1, 2, 3):
            client.post("2.2.1/cdrs", json=cdr(number, **oddity))
            client.put(f"2.2.1/sessions/DE/LDW/S{number}", json=session(id=f"S{number}"))
    records = remembered("records").sort("page_position")
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    (page,) = manifest.pages
    assert page.received_at == told(lake, "cdrs")[-1] > told(lake, "cdrs")[0]
    assert records.filter(module="cdrs")["received_at"].to_list() == [page.received_at] * 3
    assert records.filter(module="sessions")["received_at"].to_list() == told(lake, "sessions")


def test_a_pull_between_two_pushes_does_not_make_the_first_of_them_late(receiving, lake, remembered):
    begun, later = session(status="ACTIVE", kwh=1, last_updated="2026-10-12T08:00:00Z"), session()
    with receiving(now=None) as client:
        client.put("2.2.1/sessions/DE/LDW/S000001", json=begun)
        now = datetime.now(UTC)
        keep_pages(RawStore(lake), "sessions", [envelope([later])], pull_id=f"{now:%Y%m%dT%H%M%SZ}", received_at=now)
        client.put("2.2.1/sessions/DE/LDW/S000002", json=session(id="S000002"))
    assert breaches(remembered) == []
