"""A sandbox world in a lake of its own, without HTTP: landed as if pulled, normalised, priced and reconciled."""

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl

from models.rating.audit import audit
from models.reconciliation.rules.catalogue import find_all, not_checked
from models.reconciliation.verdicts import judge
from models.schemas.registry import Layer
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.lib.raw_store import Manifest, Provenance, RawStore
from pipelines.lib.reconciling import Month
from pipelines.lib.settings import load_settings
from pipelines.sandbox.files import write_master
from pipelines.sandbox.wire import wire_modules

RECEIVED = datetime(2026, 11, 5, 4, tzinfo=UTC)
PULL = "20261105T040000Z"
PAGE = 5000


def lake_of(world, folder, monkeypatch):
    """Land and normalise a world below `folder`; what the environment names is that folder while it runs."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(folder))
    write_master(world, folder / "master")
    (folder / "roamledger.toml").write_text("")
    settings = load_settings()
    lake = Lake(settings.lake)
    for (connection, module), objects in sorted(wire_modules(world).items()):
        _land(RawStore(lake), connection, module, [each.body for each in objects])
    for name, frame in load_master(folder / "master").items():
        lake.write(Layer.MASTER, name, frame)
    normalise(settings, lake)
    return lake


def _land(store, connection, module, bodies):
    pages = []
    for sequence, start in enumerate(range(0, len(bodies), PAGE)):
        part = bodies[start : start + PAGE]
        content = b'{"data":[' + b",".join(part) + b'],"status_code":1000,"timestamp":"2026-11-05T04:00:00Z"}'
        page = Provenance(
            connection_id=connection,
            module=module,
            ocpi_version="2.2.1",
            pull_id=PULL,
            sequence=sequence,
            url="",
            http_status=200,
            headers={},
            received_at=RECEIVED + timedelta(seconds=sequence),
            sha256=hashlib.sha256(content).hexdigest(),
            records=len(part),
        )
        store.write_page(page, content)
        pages.append(page)
    manifest = Manifest(
        connection_id=connection,
        module=module,
        ocpi_version="2.2.1",
        pull_id=PULL,
        owner_id=None,
        since=None,
        until=RECEIVED,
        finished_at=RECEIVED,
        failure=None,
        pages=tuple(pages),
    )
    store.finish(manifest)


def reconciled(lake):
    """Reconcile every month in order; give matches, outcomes, expected CDRs, findings, abstentions and verdicts."""
    parts = {}
    for number in lake.months(Layer.TYPED, "cdrs"):
        month = Month(lake, number)
        priced = audit(month.cdrs, month.periods, month.tariffs, month.agreements)
        lake.write(Layer.PRICED, "wholesale_cdrs", priced.cdrs, number)
        for name, work in (
            ("matches", month.matches),
            ("record_outcomes", month.outcomes),
            ("expected_cdrs", month.expected),
        ):
            frame = work()
            lake.write(Layer.MATCHED, name, frame, number)
            parts.setdefault(name, []).append(frame)
        evidence = month.evidence()
        found = find_all(evidence)
        parts.setdefault("findings", []).append(found)
        parts.setdefault("not_checked", []).append(not_checked(evidence))
        parts.setdefault("verdicts", []).append(judge(month.cdrs, found, priced.cdrs))
    return {name: pl.concat(frames) for name, frames in parts.items()}


def fired_rules(tables):
    """Give the rules found by CDR; a missing CDR stands under the key that it would have had."""
    found = {}
    for key, rule in tables["findings"].select("cdr_key", "rule_id").iter_rows():
        found.setdefault(key, set()).add(rule)
    sessions = tables["expected_cdrs"].filter(pl.col("record_kind") == "session")["record_key"]
    return found | {key.removesuffix("-S"): {"R31"} for key in sessions}


def scores_of(exhibits, fired):
    """Count hits, misses and false alarms by rule over all exhibits."""
    counts = Counter()
    for truth in exhibits.truth:
        found = fired.get(truth.cdr_key, set())
        counts.update((rule, "hit") for rule in truth.must_fire & found)
        counts.update((rule, "miss") for rule in truth.must_fire - found)
        counts.update((rule, "false") for rule in found - truth.must_fire - truth.may_fire)
    return counts
