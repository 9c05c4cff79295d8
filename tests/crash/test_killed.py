"""A process killed anywhere and run again ends in the same state as one that was never disturbed."""

import functools
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.schemas.registry import TABLES, Layer
from models.types.time import BillingMonth
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.tables import BILLINGS, CLOSE_EVENTS, DISPUTE_EVENTS, DOCUMENTS, RENDERINGS
from pipelines.sandbox.files import settings_toml, write_master
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.world import build_world

MONTH = BillingMonth(2026, 10)
NOW = "2026-11-05T05:00:00Z"
FLEETING = ("page_sha256",)
"""an answer's envelope tells its second, so a page asked for again has other bytes; its records have not"""
PAGE = re.compile(rb'"page_sha256": "[0-9a-f]{64}"')
"""the same in an evidence pack"""
KILLED = Path(__file__).with_name("killed.py")

PULL_PLACES = ("page:4", "after:typed/charging_periods", "after:priced/wholesale_cdrs")
CLOSE_PLACES = ("commit:", "after:ledger/document_lines", "publish:")


@functools.cache
def world():
    return build_world(5, 120, MONTH)


@pytest.fixture(scope="module")
def network():
    with SandboxServer(world()) as server:
        yield server


def new_home(folder, network):
    folder.mkdir()
    write_master(world(), folder / "master")
    (folder / "roamledger.toml").write_text(settings_toml(network.connections()))
    return folder


def command(home, network, *arguments):
    environment = os.environ | network.tokens() | {"ROAMLEDGER_HOME": str(home), "ROAMLEDGER_NOW": NOW}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


def run(home, network, *arguments):
    done = command(home, network, "-m", "pipelines.cli", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def kill(home, network, place, *arguments):
    done = command(home, network, KILLED, place, *arguments)
    assert done.returncode == 137, f"was never at {place}:\n{done.stdout}{done.stderr}"


def state(home):
    """Everything that a home promises: all tables but the records' pull ids, all decisions, all files."""
    lake, register = Lake(str(home / "lake")), Register(f"sqlite:///{home}/register/register.sqlite")
    tables = {}
    for table in TABLES:
        months = lake.months(table.layer, table.name) if table.by_month else [None]
        for month in months:
            frame = lake.read(table.layer, table.name, month).drop(FLEETING, strict=False)
            tables[f"{table.layer}/{table.name} {month}"] = frame.hash_rows().sort().to_list()
    del tables[f"{Layer.TYPED}/records None"]
    with register.transaction() as tx:
        decisions = {
            table.name: sorted(map(str, tx.execute(sa.select(*columns)).all()))
            for table, columns in {
                DOCUMENTS: (DOCUMENTS.c.document_number, DOCUMENTS.c.content_sha256),
                BILLINGS: tuple(BILLINGS.c),
                CLOSE_EVENTS: (CLOSE_EVENTS.c.billing_month, CLOSE_EVENTS.c.kind, CLOSE_EVENTS.c.outputs_sha256),
                RENDERINGS: (RENDERINGS.c.path, RENDERINGS.c.sha256),
                DISPUTE_EVENTS: (DISPUTE_EVENTS.c.case_id, DISPUTE_EVENTS.c.event_index, DISPUTE_EVENTS.c.kind),
            }.items()
        }
    files = {
        str(path.relative_to(home)): hashlib.sha256(PAGE.sub(b"", path.read_bytes())).hexdigest()
        for path in (home / "documents").rglob("*")
        if path.is_file()
    }
    return {"tables": tables, "decisions": decisions, "files": files}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, network):
    home = new_home(tmp_path_factory.mktemp("undisturbed") / "home", network)
    run(home, network, "pull")
    run(home, network, "close", str(MONTH))
    return home


@pytest.mark.slow
def test_killed_at_many_places_it_ends_as_if_it_had_never_been(undisturbed, tmp_path, network):
    home = new_home(tmp_path / "home", network)
    for place in PULL_PLACES:
        kill(home, network, place, "pull")
    run(home, network, "pull")
    for place in CLOSE_PLACES:
        kill(home, network, place, "close", str(MONTH))
    run(home, network, "close", str(MONTH))
    run(home, network, "pull")
    assert state(home) == state(undisturbed)
    assert state(home)["files"], "no document was compared"
