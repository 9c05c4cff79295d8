"""A pull keeps every page as it came, moves the watermark only over what was pulled, and survives dead peers."""

import gzip
import hashlib
import importlib
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from starlette.responses import PlainTextResponse, Response

from pipelines.lib.connections import Credentials, CredentialsStore
from pipelines.lib.errors import UserError
from pipelines.lib.intake.pull import pull
from pipelines.lib.intake.pull_report import last_pull
from pipelines.lib.raw_store import RawStore, packed
from pipelines.lib.register.pulls import watermark
from tests.unit.intake.little_peer import TOKEN, cdr, envelope

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


@pytest.fixture
def pulling(settings, lake, register, peer):
    def pulling(at=NOW, connections=(), **window):
        wanted = connections or (peer.connection(),)
        return pull(settings.model_copy(update={"now": at, "connections": wanted}), lake, register, **window)

    return pulling


def mark(register, module="cdrs"):
    with register.transaction() as tx:
        return watermark(tx, "ldw", module)


def test_keeps_every_page_byte_for_byte_with_where_it_came_from(pulling, lake, peer):
    report = pulling()
    assert (report.pages, report.records, report.failures) == (6, 8, ())
    store = RawStore(lake)
    (manifest,) = store.manifests("ldw", "cdrs")
    assert manifest.pull_id == "20261105T060000Z"
    assert [page.records for page in manifest.pages] == [2, 2, 1]
    first = manifest.pages[0]
    content = store.read_page(first)
    assert content == envelope(peer.modules["cdrs"][:2])
    assert hashlib.sha256(content).hexdigest() == first.sha256
    assert first.headers["x-total-count"] == "5"
    assert store.record("ldw", "cdrs", first.sha256, 1).startswith(b'{"country_code": "DE"')


def test_a_page_changed_on_disk_is_noticed(pulling, lake):
    pulling()
    store = RawStore(lake)
    page = store.manifests("ldw", "cdrs")[0].pages[0]
    path = f"{lake.root}/raw/ldw/cdrs/{page.pull_id}/{page.place.file}"
    for other in (pa.compress(b"{}", "zstd", asbytes=True), b"no Zstandard at all" * 1000, b""):
        lake.write_bytes(path, other)
        with pytest.raises(ValueError, match=r"00000\.pages\.zst, page 0 was changed after it was received"):
            store.read_page(page)


def test_the_next_window_begins_before_the_watermark(pulling, register, peer):
    pulling()
    assert mark(register) == NOW
    peer.asked.clear()
    pulling(NOW + timedelta(days=1))
    assert all("date_from=2026-11-05T05%3A00%3A00Z" in url for url in peer.asked)
    assert mark(register) == NOW + timedelta(days=1)


def test_a_window_pulled_to_its_end_is_not_asked_for_again(pulling, peer):
    pulling()
    peer.asked.clear()
    report = pulling()
    assert [module.skipped for module in report.modules] == ["up to date"] * 4
    assert peer.asked == []


def test_a_backfill_leaves_the_watermark_where_it_is(pulling, register):
    pulling()
    pulling(since=datetime(2026, 10, 1, tzinfo=UTC), until=datetime(2026, 10, 20, tzinfo=UTC))
    assert mark(register) == NOW


def test_a_window_without_what_came_before_makes_no_watermark(pulling, register):
    pulling(since=datetime(2026, 10, 20, tzinfo=UTC))
    assert mark(register) is None


def test_an_empty_window_is_refused(pulling):
    with pytest.raises(UserError, match="is not before --until"):
        pulling(since=NOW)


def test_a_dead_peer_never_stops_the_others(pulling, register, peer, lake):
    dead = peer.connection(connection_id="dead", versions_url="http://127.0.0.1:9/versions", attempts=1)
    report = pulling(connections=(dead, peer.connection()))
    assert [str(failure) for failure in report.failures] == [
        f"dead/{module}: GET http://127.0.0.1:9/versions: no connection"
        for module in ("locations", "tariffs", "sessions", "cdrs")
    ]
    assert report.records == 8
    assert mark(register) == NOW
    assert last_pull(lake) == report


def test_a_missing_token_is_a_failure_of_its_connection_alone(pulling, peer):
    nameless = peer.connection(connection_id="nameless", token_env="ROAMLEDGER_TOKEN_NOBODY")
    report = pulling(connections=(nameless, peer.connection()))
    assert {failure.failure_kind for failure in report.failures} == {"no_token"}
    assert "ROAMLEDGER_TOKEN_NOBODY" in str(report.failures[0])
    assert report.records == 8


def test_a_token_that_no_header_can_carry_is_a_failure_of_its_connection_alone(pulling, peer, settings):
    agreed = Credentials(connection_id="odd", version="2.2.1", their_tokens=("t\u00f6k\u00e9n-of-odd",))
    CredentialsStore.of(settings.home).write(agreed)
    odd = peer.connection(connection_id="odd", token_env="", token_encoding="raw")
    report = pulling(connections=(odd, peer.connection()))
    assert {(failure.connection_id, failure.failure_kind) for failure in report.failures} == {("odd", "unreachable")}
    assert "no header can carry: check `roamledger connect status odd`" in str(report.failures[0])
    assert "t\u00f6k\u00e9n" not in repr(report)
    assert report.records == 8


def test_what_came_before_a_failure_is_kept_and_the_watermark_stays(pulling, register, peer, lake):
    peer.modules = {"cdrs": peer.modules["cdrs"]}
    peer.faults = [None] + [Response("", 500)] * 3
    report = pulling(connections=(peer.connection(attempts=3),))
    (failure,) = report.failures
    assert (failure.module, failure.failure_kind, failure.records) == ("cdrs", "http_status", 2)
    assert mark(register) is None
    assert RawStore(lake).manifests("ldw", "cdrs")[0].records == 2


def test_an_unreadable_page_is_kept_as_evidence_and_the_watermark_stays(pulling, register, peer, lake):
    peer.modules = {"cdrs": peer.modules["cdrs"]}
    peer.faults = [None, *[PlainTextResponse("<html>", headers={"X-Total-Count": "5"})] * 3]
    (failure,) = pulling().failures
    assert failure.failure_kind == "not_json"
    assert [page.records for page in RawStore(lake).manifests("ldw", "cdrs")[0].pages] == [2, -1, 1]
    assert mark(register) is None


def test_fewer_records_than_promised_are_asked_for_again_and_then_reported(pulling, peer, register):
    peer.total = 7
    failures = {failure.module: failure for failure in pulling().failures}
    assert failures["cdrs"].failure_kind == "short_count"
    assert "5 distinct records, X-Total-Count says 7" in str(failures["cdrs"])
    assert mark(register) is None


def test_a_pull_killed_before_its_manifest_is_made_again_with_the_same_bytes(pulling, lake, register, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RawStore, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            pulling()
    assert RawStore(lake).manifests() == []
    assert mark(register, "locations") is None
    pulling()
    assert [page.sequence for page in RawStore(lake).manifests("ldw", "cdrs")[0].pages] == [0, 1, 2]
    assert mark(register) == NOW


def test_a_pull_killed_after_its_manifest_is_recorded_and_not_made_again(pulling, register, peer, monkeypatch):
    module = importlib.import_module("pipelines.lib.intake.connection_pull")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "finished_pull", killed)
        with pytest.raises(KeyboardInterrupt):
            pulling()
    assert mark(register, "locations") is None
    peer.asked.clear()
    pulling()
    assert mark(register, "locations") == NOW
    assert not [url for url in peer.asked if "locations" in url]


def test_the_token_stands_nowhere_in_the_home(pulling, peer, settings):
    peer.faults = [Response(envelope([]), headers={"Link": f'<{peer.url}/2.2.1/x?token={TOKEN}>; rel="next"'})]
    pulling()
    kept = [path.read_bytes() for path in settings.home.rglob("*") if path.is_file() and path.suffix != ".gz"]
    assert kept
    assert not [content for content in kept if TOKEN.encode() in content]


def test_a_second_pull_within_one_second_gets_an_id_that_sorts_behind(pulling, lake, peer):
    pulling()
    peer.modules["cdrs"].append(cdr(6))
    pulling(since=datetime(2026, 10, 1, tzinfo=UTC))
    assert [m.pull_id for m in RawStore(lake).manifests("ldw", "cdrs")] == ["20261105T060000Z", "20261105T060000Z-001"]


@pytest.mark.parametrize(("suffix", "pack"), [("zst", packed), ("gz", gzip.compress)])
def test_pages_that_older_pulls_left_in_files_of_their_own_are_still_read(pulling, lake, suffix, pack):
    pulling()
    store = RawStore(lake)
    page = store.manifests("ldw", "cdrs")[0].pages[1]
    folder, content = f"{lake.root}/raw/ldw/cdrs/{page.pull_id}", store.read_page(page)
    lake.fs.rm(f"{folder}/{page.place.file}")
    manifest = json.loads(lake.read_bytes(f"{folder}/pull.json"))
    for each in manifest["pages"]:
        del each["place"]
    lake.write_bytes(f"{folder}/pull.json", json.dumps(manifest).encode())
    lake.write_bytes(f"{folder}/00001.json.{suffix}", pack(content))
    (older,) = [each for each in store.manifests("ldw", "cdrs")[0].pages if each.sequence == 1]
    assert older.place is None
    assert store.read_page(older) == content
