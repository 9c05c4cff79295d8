"""A dead peer shows in its error rate, its lag and its failure, whoever else is pulled, and disturbs nothing else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from models.schemas.registry import Layer
from pipelines.lib.intake.freshness import failing, stale
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register.pulls import watermark
from tests.unit.intake.little_peer import cdr, envelope, keep_pages

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
NO_CONNECTION = "GET http://127.0.0.1:9/versions: no connection"
MODULES = ("locations", "tariffs", "sessions", "cdrs")


@pytest.fixture
def connections(peer):
    dead = peer.connection(connection_id="dead", versions_url="http://127.0.0.1:9/versions", attempts=1)
    return {"dead": dead, "ldw": peer.connection()}


@pytest.fixture
def pulling(settings, lake, register, connections):
    """Pull some connections so many days after the first pull, and work it through."""

    def pulling(*names, day=0, **window):
        wanted = tuple(connections.values())
        changed = settings.model_copy(update={"now": NOW + day * DAY, "connections": wanted})
        report = pull(changed, lake, register, connections=names, **window)
        normalise(changed, lake)
        remember(changed, lake)
        return report

    return pulling


def row_of(lake, connection_id, module="cdrs"):
    (row,) = lake.read(Layer.TYPED, "freshness").filter(connection_id=connection_id, module=module).to_dicts()
    return row


def test_a_dead_peer_counts_as_such_and_its_failure_outlives_the_pull_of_another(pulling, lake, connections):
    for day in range(3):
        pulling("dead", day=day)
    pulling("ldw", day=3)
    row = row_of(lake, "dead")
    assert (row["pulls"], row["failed_pulls"], row["failed_pulls_pct"]) == (3, 3, Decimal("100.0000"))
    assert (row["last_pull_at"], row["last_failure"]) == (None, NO_CONNECTION)
    alive = row_of(lake, "ldw")
    assert (alive["pulls"], alive["failed_pulls"], alive["last_failure"]) == (1, 0, None)
    lines = list(failing(RawStore(lake).manifests(), connections.values()))
    assert lines == [f"dead/{module}: {NO_CONNECTION}" for module in sorted(MODULES)]


def test_the_lag_of_a_peer_that_died_grows_with_every_pull_of_others(pulling, lake, peer, connections):
    pulling("ldw")
    before = row_of(lake, "ldw")
    assert before["lag_seconds"] == int((NOW - before["newest_update_at"]).total_seconds())
    connections["ldw"] = peer.connection(versions_url="http://127.0.0.1:9/versions", attempts=1)
    pulling("ldw", day=1)
    pulling("dead", day=4)
    after = row_of(lake, "ldw")
    assert after["lag_seconds"] - before["lag_seconds"] == 4 * DAY.total_seconds()
    assert (after["pulls"], after["failed_pulls"], str(after["failed_pulls_pct"])) == (2, 1, "50.0000")
    assert (after["last_pull_at"], after["last_failure"]) == (NOW, NO_CONNECTION)


def test_a_failure_is_over_when_the_same_module_is_pulled(pulling, lake, peer, connections):
    connections["dead"] = peer.connection(connection_id="dead", attempts=1, token_env="ROAMLEDGER_TOKEN_NOBODY")
    pulling("dead")
    assert "ROAMLEDGER_TOKEN_NOBODY" in row_of(lake, "dead")["last_failure"]
    connections["dead"] = peer.connection(connection_id="dead")
    pulling("dead", day=1, modules=("cdrs",))
    assert row_of(lake, "dead")["last_failure"] is None
    assert "ROAMLEDGER_TOKEN_NOBODY" in row_of(lake, "dead", "tariffs")["last_failure"]


def test_a_module_that_the_peer_does_not_have_was_never_late(pulling, lake, peer, connections):
    """A peer that was dead when it was first asked turns out to have no sessions: nothing of them is missing."""
    pulling("dead")
    assert row_of(lake, "dead", "sessions")["failed_pulls"] == 1
    del peer.modules["sessions"]
    connections["dead"] = peer.connection(connection_id="dead")
    pulling("dead", day=1)
    found = lake.read(Layer.TYPED, "freshness").filter(connection_id="dead")
    assert (sorted(found["module"]), set(found["last_failure"])) == (["cdrs", "locations", "tariffs"], {None})
    assert list(failing(RawStore(lake).manifests(), connections.values())) == []


def test_an_optional_module_fails_with_its_peer_where_the_peer_is_known_to_have_it(pulling, lake, peer, connections):
    peer.versions = ("2.3.0",)
    peer.modules["invoicereconciliation"] = []
    pulling()
    connections["ldw"] = peer.connection(versions_url="http://127.0.0.1:9/versions", attempts=1)
    pulling(day=1)
    rows = lake.read(Layer.TYPED, "freshness").filter(module="invoicereconciliation")
    assert rows.select("connection_id", "pulls", "failed_pulls").rows() == [("ldw", 2, 1)]


def test_an_attempt_without_pages_moves_no_watermark_and_is_not_landed(pulling, lake, register):
    report = pulling("dead", "ldw")
    (manifest,) = RawStore(lake).manifests("dead", "cdrs")
    assert (manifest.pages, manifest.ocpi_version, manifest.since, manifest.until) == ((), "", None, NOW)
    assert {each.pull_id for each in report.failures} == {manifest.pull_id}
    pulling("ldw", day=1)
    with register.transaction() as tx:
        assert watermark(tx, "dead", "cdrs") is None
    assert not [path for path in lake.fs.find(lake.root) if "/dead/" in str(path) and "/raw/" not in str(path)]
    assert lake.fs.exists(f"{lake.root}/raw/dead/cdrs/{manifest.pull_id}/pull.json")


def test_what_only_pushes_has_a_lag_and_nobody_has_news_from_the_future(settings, lake):
    page = envelope([cdr()])
    keep_pages(RawStore(lake), "cdrs", [page], pull_id="1", received_at=NOW, connection_id="hub")
    (manifest,) = RawStore(lake).manifests()
    RawStore(lake).finish(msgspec.structs.replace(manifest, since=NOW))
    ahead = cdr(2, last_updated="2026-11-30T00:00:00Z")
    keep_pages(RawStore(lake), "cdrs", [envelope([ahead])], pull_id="2", received_at=NOW + DAY)
    normalise(settings, lake)
    remember(settings, lake)
    pushed, pulled = row_of(lake, "hub"), row_of(lake, "ldw")
    assert (pushed["pulls"], pushed["last_push_at"], pushed["last_pull_at"]) == (0, NOW, None)
    assert pushed["lag_seconds"] == int((NOW + DAY - datetime(2026, 10, 12, 9, 5, tzinfo=UTC)).total_seconds())
    assert pulled["lag_seconds"] == 0


def test_each_module_that_is_older_than_its_connection_allows_is_named(pulling, lake, connections, peer):
    pulling()
    rows = lake.read(Layer.TYPED, "freshness")
    named = [f"dead/{module}: never answered: {NO_CONNECTION}" for module in sorted(MODULES)]
    assert list(stale(rows, connections.values(), NOW + timedelta(hours=26))) == named
    late = [f"ldw/{module}: nothing since 2026-11-05T06:00:00Z" for module in sorted(MODULES)]
    assert list(stale(rows, connections.values(), NOW + timedelta(hours=27))) == named + late
    patient = [peer.connection(stale_after_hours=27)]
    assert list(stale(rows, patient, NOW + timedelta(hours=27))) == []
    assert list(stale(rows, [peer.connection(connection_id="new")], NOW)) == ["new: was never asked"]
