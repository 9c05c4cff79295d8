"""One record that nests too deep is one record in quarantine: at every depth, of every module, by every way in."""

import json
from datetime import timedelta

import pytest
from starlette.responses import Response

from models.schemas.registry import Layer
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.files.loading import FileSource, load_file
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.intake.readers import READERS, Batch, PageContext
from pipelines.lib.intake.stated import READ, Context, values_of
from pipelines.lib.raw_store import RawStore
from tests.unit.intake.conftest import NOW
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, location, session, tariff

OBJECTS = {
    "cdrs": (cdr(), ("session_id", "total_cost", "tariffs", "charging_periods", "x_unknown")),
    "tariffs": (tariff(), ("id", "elements", "x_unknown")),
    "sessions": (session(), ("id", "charging_periods", "x_unknown")),
    "locations": (location(), ("id", "evses", "x_unknown")),
    "tokens": (
        {"uid": "1", "type": "RFID", "contract_id": "C", "valid": True, "last_updated": "2026-10-01T00:00:00Z"},
        ("uid", "type", "x_unknown"),
    ),
}
DEPTHS = (33, 200, *range(978, 992), 3_000)


def deep(record, field, depth):
    return json.dumps(record | {field: "@"}).replace('"@"', "[" * depth + "1" + "]" * depth).encode()


def page_of(*records):
    return b'{"status_code":1000,"data":[' + b",".join(records) + b"]}"


def accounted(lake, module="cdrs"):
    (row,) = conservation(lake).filter(module=module).select("received", "accounted").rows()
    return row


@pytest.mark.parametrize("module", OBJECTS)
def test_a_record_too_deep_in_any_field_is_refused_alone(module):
    record, fields = OBJECTS[module]
    for field in fields:
        for depth in DEPTHS:
            batch = Batch(module, READERS[module]({"DEU": "DE"}))
            content = page_of(json.dumps(record).encode(), deep(record, field, depth))
            batch.add_page(PageContext(0, "f" * 64, NOW, "2.2.1", "DE*LDW"), content)
            batch.read()
            rules = [row[6] for row in batch.records]
            assert sum(map(len, batch.plain)) + rules.count(None) == 1
            assert [rule for rule in rules if rule] == ["not_json"]
            if module in READ:
                context = Context("2.2.1", "DE*LDW", {"DEU": "DE"})
                assert values_of(READ[module], deep(record, field, depth), context) == ()


def test_a_reader_that_runs_out_of_stack_costs_one_record(monkeypatch):
    batch = Batch("sessions", READERS["sessions"]({"DEU": "DE"}))
    take = batch.reader.take

    def recursing(record, *where):
        return recursing(record, *where) if record["id"] == "S2" else take(record, *where)

    monkeypatch.setattr(batch.reader, "take", recursing)
    records = [session(), session(id="S2")]
    batch.add_page(PageContext(0, "f" * 64, NOW, "2.2.1", "DE*LDW"), envelope(records))
    batch.read()
    assert [row[6] for row in batch.records] == [None, "not_json"]


def test_a_deep_record_stops_nobody_and_tables_agree(settings, lake):
    store = RawStore(lake)
    for number, module in enumerate(("cdrs", "tariffs", "locations", "tokens")):
        record, fields = OBJECTS[module]
        records = [deep(record, field, depth) for field in fields for depth in (985, 990)]
        at = NOW + timedelta(days=number)
        keep_pages(store, module, [page_of(json.dumps(record).encode(), *records)], pull_id=module, received_at=at)
    normalise(settings, lake)
    remember(settings, lake)
    for module in ("cdrs", "tariffs", "locations", "tokens"):
        received = 1 + 2 * len(OBJECTS[module][1])
        assert accounted(lake, module) == (received, received)
    assert len(lake.read_months(Layer.TYPED, "cdrs")) == 1
    assert len(lake.read(Layer.TYPED, "tariff_history")) == 1


@pytest.fixture
def drop(settings, lake, peer, tmp_path):
    def drop(content):
        path = tmp_path / "files" / "cdrs.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return load_file(settings, lake, path, FileSource(peer.connection(), "cdrs"))

    return drop


@pytest.mark.parametrize("depth", [33, 981, 985, 988, 990, 995, 10_000])
@pytest.mark.parametrize("layout", ["lines", "first line", "array", "envelope"])
def test_a_file_loses_its_deep_record_and_no_other(settings, lake, drop, depth, layout):
    records = [json.dumps(cdr(1)).encode(), json.dumps(cdr(2)).encode(), deep(cdr(3), "session_id", depth)]
    contents = {
        "lines": b"\n".join(records),
        "first line": b"\n".join(records[::-1]),
        "array": b"[" + b",\n".join(records) + b"]",
        "envelope": page_of(*records),
    }
    report = drop(contents[layout])
    assert (report.outcome, report.records, report.problems) == ("loaded", 3, 1)
    assert "at most 32 levels" in report.findings[0].message
    normalise(settings, lake)
    assert accounted(lake) == (3, 3)
    assert len(lake.read_months(Layer.TYPED, "cdrs")) == 2


@pytest.mark.parametrize("depth", [500, 988, 100_000])
def test_a_deep_record_on_a_pulled_page_costs_neither_page_nor_window(settings, lake, register, peer, depth):
    records = [json.dumps(cdr(1)).encode(), deep(cdr(3), "session_id", depth), json.dumps(cdr(2)).encode()]
    peer.modules = {"cdrs": []}
    peer.faults = [Response(page_of(*records), headers={"X-Total-Count": "3"}, media_type="application/json")]
    declared = settings.model_copy(update={"connections": (peer.connection(attempts=1),)})
    report = pull(declared, lake, register, modules=["cdrs"])
    assert not report.failures
    normalise(settings, lake)
    assert accounted(lake) == (3, 3)
    assert len(lake.read_months(Layer.TYPED, "cdrs")) == 2
