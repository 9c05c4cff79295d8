"""Pages are kept once, in their order, and no more of them wait in memory than is bounded, however fast they come."""

import time
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Event, Thread

import pytest

from models.ocpi.envelope import read_names_on
from pipelines.lib.intake import page_keeper
from pipelines.lib.intake.page_keeper import PageKeeper
from pipelines.lib.ocpi_client import Page
from pipelines.lib.ocpi_client.answers import Answer
from pipelines.lib.ocpi_client.redaction import Secrets
from pipelines.lib.raw_store import RawStore
from tests.unit.intake.little_peer import cdr, envelope

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)


def page(number):
    content = envelope([cdr(number)])
    answer = Answer(f"http://peer.example/cdrs?offset={number}", 200, {}, content, None, f"request-{number}")
    return Page(answer, read_names_on(content), None)


@pytest.fixture
def keeper(lake):
    pull = ("ldw", "cdrs", "2.2.1", "20261105T060000Z")
    return PageKeeper(RawStore(lake), *pull, Secrets(), lambda: NOW, Event())


@pytest.fixture
def one_by_one(monkeypatch):
    """Every page is handed over by itself."""
    monkeypatch.setattr(page_keeper, "BATCH", 1)


def contents(lake, kept):
    return [RawStore(lake).read_page(each) for each in kept]


@pytest.fixture
def waited_for(monkeypatch):
    """Is set once somebody waits for what the other thread has not done yet."""
    begun, result = Event(), Future.result

    def watched(self, timeout=None):
        if not self.done():
            begun.set()
        return result(self, timeout)

    monkeypatch.setattr(Future, "result", watched)
    return begun


def test_a_page_beyond_the_bound_waits_until_an_earlier_one_is_packed(
    keeper, lake, one_by_one, waited_for, monkeypatch
):
    go, packed_each = Event(), page_keeper._packed_each

    def packed_late(contents):
        assert go.wait(10)
        return packed_each(contents)

    monkeypatch.setattr(page_keeper, "_packed_each", packed_late)
    monkeypatch.setattr(page_keeper, "_MOST_WAITING", 3)
    pages, taken = [page(number) for number in range(20)], []

    def keep_all():
        for each in pages:
            keeper.keep(each, set())
            taken.append(each)

    with keeper:
        keeping = Thread(target=keep_all, daemon=True)
        keeping.start()
        until = time.monotonic() + 5
        while keeping.is_alive() and not waited_for.is_set() and time.monotonic() < until:
            time.sleep(0.002)
        before = len(taken)
        go.set()
        keeping.join(10)
        kept = keeper.kept()
    assert (before, len(taken)) == (3, 20)
    assert [each.sequence for each in kept] == list(range(20))
    assert contents(lake, kept) == [each.answer.content for each in pages]


@pytest.mark.parametrize("batch", [1, page_keeper.BATCH], ids=["one by one", "together"])
def test_the_same_bytes_that_come_again_in_one_pull_are_kept_once(keeper, lake, monkeypatch, batch):
    monkeypatch.setattr(page_keeper, "BATCH", batch)
    found = set()
    with keeper:
        for number in (1, 2, 1, 3, 2):
            keeper.keep(page(number), found)
        kept = keeper.kept()
    assert [(each.sequence, each.url[-1]) for each in kept] == [(0, "1"), (1, "2"), (2, "3")]
    assert contents(lake, kept) == [page(number).answer.content for number in (1, 2, 3)]
    assert len(found) == 3


def test_what_still_waits_when_a_pull_fails_is_not_packed_any_more(keeper, one_by_one, monkeypatch):
    begun, packed_each = [], page_keeper._packed_each

    def is_last_given_up():
        return len(keeper._handed) == 3 and keeper._handed[-1][1].cancelled()

    def packed_late(contents):
        begun.extend(contents)
        until = time.monotonic() + 2
        while not is_last_given_up() and time.monotonic() < until:
            time.sleep(0.002)
        return packed_each(contents)

    def fail_after_three_pages():
        with keeper:
            for number in range(3):
                keeper.keep(page(number), set())
            raise KeyboardInterrupt

    monkeypatch.setattr(page_keeper, "_packed_each", packed_late)
    with pytest.raises(KeyboardInterrupt):
        fail_after_three_pages()
    assert begun == [page(0).answer.content]
