"""What was acknowledged is never lost and never there twice, whenever the process is killed."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.receiver.application import Bounds
from pipelines.receiver.server import ReceiverServer
from pipelines.receiver.spool import Limits
from tests.unit.intake.little_peer import cdr, tariff
from tests.unit.receiver.conftest import TOKEN, encoded

SMALL = Bounds(requests_per_second=1e6, burst=10**6, spool=Limits(segment_bytes=20_000, segment_seconds=0.2))
"""segments of a handful of CDRs, so that a kill meets the closing and publishing of segments as well"""


def stored_ids(lake):
    """The ids of all CDRs in the raw store, in order."""
    store = RawStore(lake)
    return [
        store.record("ldw", "cdrs", page.sha256, position)[:70].split(b'"id"')[1].split(b'"')[1].decode()
        for manifest in store.manifests("ldw", "cdrs")
        for page in manifest.pages
        for position in range(page.records)
    ]


def _serve(settings, port):
    os.environ["INBOUND_LDW"] = TOKEN
    with ReceiverServer(settings, bounds=SMALL) as server:
        port.send(server.port)
        server.wait()


def _push(url, numbers, acknowledged):
    headers = {"Authorization": encoded(TOKEN)}
    with httpx.Client(headers=headers, timeout=10) as client:
        for number in numbers:
            try:
                if client.post(url, json=cdr(number)).json()["status_code"] == 1000:
                    acknowledged.append(f"C{number:06d}")
            except httpx.HTTPError:
                return


@pytest.mark.parametrize("enough", [3, 40, 117])
def test_a_receiver_killed_under_load_loses_nothing_that_it_acknowledged(settings, lake, own_party, enough):
    # Forked from a server that never used Polars: its threads do not survive a fork, and a child would hang. With our
    # party declared the child reads no table either.
    settings = settings.model_copy(update={"own_party": own_party})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipelines.receiver.server"])
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(settings, theirs))
    child.start()
    assert ours.poll(60), "the receiver did not start"
    url = f"http://127.0.0.1:{ours.recv()}/ocpi/2.2.1/cdrs"
    acknowledged = []
    pushing = [
        threading.Thread(target=_push, args=(url, range(n, 4000, 4), acknowledged), daemon=True) for n in range(1, 5)
    ]
    for thread in pushing:
        thread.start()
    deadline = time.monotonic() + 30
    while len(acknowledged) < enough:
        assert time.monotonic() < deadline, "too few pushes were acknowledged"
        time.sleep(0.0005)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    for thread in pushing:
        thread.join()
    with ReceiverServer(settings, bounds=SMALL) as server:
        # Their peer never got an answer for the last ones and sends them again, the last acknowledged one as well.
        again = [int(name[1:]) for name in acknowledged[-3:]]
        repeated = []
        _push(f"http://127.0.0.1:{server.port}/ocpi/2.2.1/cdrs", [*again, 4000], repeated)
        assert repeated == [*acknowledged[-3:], "C004000"]
    stored = stored_ids(lake)
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert list((settings.home / "receiver" / "spool").iterdir()) == []


def test_a_torn_line_is_cut_off_and_the_rest_is_kept(receiving, settings, lake):
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr(1))
        (segment,) = (settings.home / "receiver" / "spool").glob("*.open")
        copy = segment.read_bytes()
    folder = RawStore(lake).manifests("ldw", "cdrs")[0]
    lake.fs.rm(f"{lake.root}/raw/ldw/cdrs/{folder.pull_id}", recursive=True)
    segment.write_bytes(copy + copy.replace(b"C000001", b"C000002")[:-40])
    with receiving():
        pass
    assert stored_ids(lake) == ["C000001"]


def test_a_damaged_segment_is_named_and_not_passed_over(receiving, settings):
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr(1))
        (segment,) = (settings.home / "receiver" / "spool").glob("*.open")
        content = segment.read_bytes()
    segment.write_bytes(b"{damaged\n" + content)
    with pytest.raises(UserError, match=r"\.open, line 1 is damaged"), receiving():
        pass


def test_a_segment_published_but_not_deleted_is_published_once(receiving, settings, lake):
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr(1))
        (segment,) = (settings.home / "receiver" / "spool").glob("*.open")
        content = segment.read_bytes()
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    closed = segment.with_name(f"{manifest.pull_id.removesuffix('-00')}.closed")
    closed.write_bytes(content)
    with receiving():
        pass
    assert stored_ids(lake) == ["C000001"]
    assert not closed.exists()


def test_an_index_that_is_lost_is_made_again_from_the_raw_store(receiving, settings, lake):
    with receiving() as client:
        for number in (1, 2):
            where = client.post("2.2.1/cdrs", json=cdr(number)).headers["Location"]
        client.post("2.2.1/cdrs", json=cdr(2, total_energy=99))
        client.put("2.2.1/tariffs/DE/LDW/T1", json=tariff())
        client.delete("2.2.1/tariffs/DE/LDW/T1")
    for path in (settings.home / "receiver").glob("objects.sqlite*"):
        path.unlink()
    with receiving() as client:
        assert client.get(where.split("/ocpi/")[1]).json()["data"] == cdr(2)
        assert client.get("2.2.1/tariffs/DE/LDW/T1").status_code == 404
        assert client.post("2.2.1/cdrs", json=cdr(1)).json()["status_code"] == 1000
    assert stored_ids(lake) == ["C000001", "C000002", "C000002"]


def test_many_pushes_in_one_second_are_one_page(receiving, lake):
    bounds = Bounds(requests_per_second=1e6, burst=10**6)
    with receiving(bounds) as client, ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(lambda n: client.post("2.2.1/cdrs", json=cdr(n)).json()["status_code"], range(1, 101)))
    assert codes == {1000}
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    assert [page.records for page in manifest.pages] == [100]


def test_a_segment_that_is_old_enough_is_published_while_the_receiver_runs(receiving, settings):
    with receiving(SMALL) as client:
        client.post("2.2.1/cdrs", json=cdr())
        deadline = time.monotonic() + 10
        while not RawStore(Lake(settings.lake)).manifests("ldw", "cdrs"):
            assert time.monotonic() < deadline, "the segment was not published"
            time.sleep(0.02)


def test_a_push_moves_no_watermark(receiving, lake):
    with receiving() as client:
        client.post("2.2.1/cdrs", json=cdr())
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    assert manifest.since == manifest.until
