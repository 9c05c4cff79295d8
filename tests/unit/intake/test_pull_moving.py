"""A pull gets every record of lists that move and miscount, or says that it could not; no peer stops another."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from starlette.responses import Response

from models.ocpi.envelope import read_records
from pipelines.lib.errors import UserError
from pipelines.lib.intake import page_keeper, page_pack
from pipelines.lib.intake.capabilities import exists_in, wanted_modules
from pipelines.lib.intake.pull import pull
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register.pulls import watermark
from tests.unit.intake.little_peer import cdr, envelope, serving, session
from tests.unit.intake.moving_peer import MovingPeer

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


def stamped(number, **changes):
    """A CDR that was updated in a minute of its own."""
    return cdr(number, last_updated=f"2026-10-12T09:{number:02d}:00Z", **changes)


@pytest.fixture
def moving():
    with serving(MovingPeer({"cdrs": [stamped(number) for number in range(1, 8)]})) as peer:
        yield peer


@pytest.fixture
def pulling(settings, lake, register):
    def pulling(*connections, at=NOW, **window):
        return pull(settings.model_copy(update={"now": at, "connections": connections}), lake, register, **window)

    return pulling


def of_cdrs(report):
    (found,) = [each for each in report.modules if each.module == "cdrs"]
    return found


def kept_ids(lake):
    store = RawStore(lake)
    contents = [store.read_page(page) for each in store.manifests("ldw", "cdrs") for page in each.pages]
    return {json.loads(record)["id"] for content in contents for record in read_records(content)}


ALL = {f"C{number:06d}" for number in range(1, 8)}


def test_a_list_that_was_shuffled_once_is_listed_again(pulling, moving, lake):
    moving.shuffles = 1
    done = of_cdrs(pulling(moving.connection()))
    assert (done.failure, done.crawls) == (None, 2)
    assert kept_ids(lake) == ALL


def test_a_list_that_is_never_in_order_is_cut_in_time_until_it_agrees(pulling, moving, lake, register):
    moving.shuffles = -1
    done = of_cdrs(pulling(moving.connection()))
    assert done.failure is None
    assert kept_ids(lake) == ALL
    with register.transaction() as tx:
        assert watermark(tx, "ldw", "cdrs") == NOW


def test_records_of_one_instant_in_no_order_are_asked_for_on_one_page(pulling, moving, lake):
    moving.shuffles = -1
    moving.modules = {"cdrs": [cdr(number) for number in range(1, 8)]}
    assert of_cdrs(pulling(moving.connection())).failure is None
    assert kept_ids(lake) == ALL


def test_records_of_one_instant_in_no_order_that_fit_on_no_page_are_reported(pulling, moving, register):
    moving.shuffles, moving.most = -1, 2
    moving.modules = {"cdrs": [cdr(number) for number in range(1, 8)]}
    done = of_cdrs(pulling(moving.connection()))
    assert done.failure_kind == "short_count"
    assert "X-Total-Count says 7" in done.failure
    with register.transaction() as tx:
        assert watermark(tx, "ldw", "cdrs") is None


@pytest.mark.parametrize("copies", [[stamped(3)], [stamped(3), stamped(3), stamped(7)], [stamped(2, remark="again")]])
def test_what_the_peer_has_twice_is_not_missed(pulling, moving, lake, copies):
    moving.modules["cdrs"] = sorted([*moving.modules["cdrs"], *copies], key=lambda each: each["last_updated"])
    assert of_cdrs(pulling(moving.connection())).failure is None
    assert kept_ids(lake) == ALL


def test_a_long_list_in_no_order_costs_a_few_times_its_pages(pulling, moving, lake):
    moving.shuffles = -1
    moving.modules["cdrs"] = [
        cdr(number, last_updated=f"2026-10-{1 + number // 60:02d}T09:{number % 60:02d}:00Z") for number in range(1, 401)
    ]
    done = of_cdrs(pulling(moving.connection(page_limit=20)))
    assert done.failure is None
    assert len(kept_ids(lake)) == 400
    assert len(moving.asked) < 6 * 20


def test_a_peer_known_to_count_wrongly_is_believed_by_its_pages(pulling, moving):
    moving.total = 9
    assert "set trust_total_count = false" in of_cdrs(pulling(moving.connection())).failure
    done = of_cdrs(pulling(moving.connection(trust_total_count=False)))
    assert (done.failure, done.records, done.crawls) == (None, 7, 1)


def test_a_liar_is_not_asked_for_ever(pulling, moving):
    moving.total = 1000
    pulling(moving.connection())
    assert len(moving.asked) < 100


def test_any_window_of_any_module_can_be_pulled_again(pulling, moving, lake):
    moving.modules["sessions"] = [session()]
    window = {"since": datetime(2026, 10, 12, 9, 3, tzinfo=UTC), "until": datetime(2026, 10, 12, 9, 5, tzinfo=UTC)}
    report = pulling(moving.connection(), modules=["cdrs"], **window)
    (done,) = report.modules
    assert (done.module, done.records, done.since, done.until) == ("cdrs", 2, window["since"], window["until"])
    assert kept_ids(lake) == {"C000003", "C000004"}


def test_an_unknown_module_is_refused(pulling, moving):
    with pytest.raises(UserError, match="module 'cdr' is not pulled from anybody"):
        pulling(moving.connection(), modules=["cdr"])


def test_connections_are_pulled_side_by_side_and_reported_in_their_order(pulling, moving):
    both = threading.Barrier(2, timeout=5)

    def meet():
        both.wait()  # neither goes on before the other has come
        return Response(envelope([]), headers={"X-Total-Count": "0"})

    with serving(MovingPeer({"cdrs": []}, faults=[meet])) as other:
        moving.faults = [meet]
        told = []
        wanted = (moving.connection(), other.connection(connection_id="other"))
        report = pulling(*wanted, modules=["cdrs"], progress=told.append)
    assert [each.connection_id for each in report.modules] == ["ldw", "other"]
    assert not report.failures
    assert sorted(told, key=str) == sorted(report.modules, key=str)


def test_no_more_connections_at_a_time_than_the_setting_allows(settings, lake, register, moving):
    busy, most = [], []

    def slow():
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.03)
        busy.pop()
        return Response(envelope([]), headers={"X-Total-Count": "0"})

    moving.faults = [slow] * 3
    names = tuple(moving.connection(connection_id=name) for name in ("a", "b", "c"))
    pull(settings.model_copy(update={"connections": names, "pull_workers": 1}), lake, register, modules=["cdrs"])
    assert most == [1, 1, 1]


def test_a_defect_of_our_own_in_one_connection_is_raised_when_the_others_are_done(
    pulling, moving, register, monkeypatch
):
    write = RawStore.write_file

    def full(self, path, content):
        if path.startswith("other/"):
            raise OSError(28, "No space left on device")
        write(self, path, content)

    monkeypatch.setattr(RawStore, "write_file", full)
    with pytest.raises(OSError, match="No space left"):
        pulling(moving.connection(connection_id="other"), moving.connection(), modules=["cdrs"])
    with register.transaction() as tx:
        assert watermark(tx, "ldw", "cdrs") == NOW
        assert watermark(tx, "other", "cdrs") is None


@pytest.mark.parametrize("page", range(1, 5))
def test_a_pull_interrupted_at_any_page_is_made_again_to_the_same_end(pulling, moving, lake, register, page):
    def interrupted():
        raise KeyboardInterrupt

    def killed_at(self, path, content, write=RawStore.write_file):
        if path.endswith(f"/{page - 1:05d}.pages.zst"):
            interrupted()
        write(self, path, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_keeper, "BATCH", 1)  # so that every page is handed over, and written, by itself
        patch.setattr(page_pack, "FULL", 1)
        patch.setattr(RawStore, "write_file", killed_at)
        with pytest.raises(KeyboardInterrupt):
            pulling(moving.connection(), modules=["cdrs"])
    assert RawStore(lake).manifests() == []
    assert of_cdrs(pulling(moving.connection(), modules=["cdrs"])).records == 7
    assert kept_ids(lake) == ALL
    assert pulling(moving.connection(), at=NOW, modules=["cdrs"]).modules[0].skipped == "up to date"


def test_the_overlap_is_the_connections(pulling, moving):
    pulling(moving.connection(), modules=["cdrs"])
    moving.asked.clear()
    pulling(moving.connection(overlap_seconds=60), at=NOW + timedelta(hours=1), modules=["cdrs"])
    assert "date_from=2026-11-05T05%3A59%3A00Z" in moving.asked[0]


def test_a_module_younger_than_the_version_is_not_asked_for():
    assert not exists_in("invoicereconciliation", "2.2.1")
    assert exists_in("invoicereconciliation", "2.3.0")
    assert not exists_in("hubclientinfo", "2.1.1")
    assert exists_in("cdrs", "2.1.1")
    assert wanted_modules("platform") == ("tokens", "authorizations")
    assert wanted_modules("cpo", ("cdrs",)) == ("cdrs",)
