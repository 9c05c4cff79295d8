"""A pull killed at random points and resumed ends in the same state as one that was never disturbed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.lib.register.tables import PULLS
from pipelines.sandbox.files import settings_toml
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.world import build_world
from tests.assets.intake.pulling import NOW, TYPED, new_home, rows_of

pytestmark = pytest.mark.slow

KILLS = 20
CONNECTIONS = ("swm", "str")
"""two are enough for a kill between them, and each pull more costs as much as a kill"""
SIGKILL = -9
FLEETING = ("page_sha256",)
"""an answer's envelope tells its second, so a page asked for again has other bytes; its records have not"""
PULLING = Path(__file__).with_name("killed_pull.py")


@pytest.fixture(scope="module")
def network():
    with SandboxServer(build_world(5, 160, BillingMonth(2026, 10))) as server:
        yield server


@pytest.fixture(scope="module")
def empty(network, tmp_path_factory):
    """A home that has received nothing: its books and its settings."""
    home = new_home(build_world(5, 160, BillingMonth(2026, 10)), tmp_path_factory.mktemp("empty"))
    chosen = [each for each in network.connections() if each.connection_id in CONNECTIONS]
    settings = settings_toml(chosen).replace("token_env", "page_limit = 25\ntoken_env")
    (home / "roamledger.toml").write_text(f"pull_workers = 1\n\n{settings}")
    return home


@pytest.fixture(scope="module")
def pull(network):
    """Pull into a home, in a process that dies after so many things done; gives its exit status."""
    environment = os.environ | network.tokens() | {"ROAMLEDGER_NOW": NOW.isoformat()}
    with subprocess.Popen(
        [sys.executable, PULLING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:

        def ask(home, most=0):
            process.stdin.write(f"{home} {most}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield ask
        process.stdin.close()


def state(home):
    """Everything that a pull promises: typed tables, what became of every record, and how far each module is."""
    lake = Lake(str(home / "lake"))
    counts = conservation(lake)
    assert counts.filter(pl.col("received") != pl.col("accounted")).is_empty()
    store = RawStore(lake)
    for manifest in store.manifests():
        assert all(store.read_page(page) for page in manifest.pages), "a page that counts is not as it was received"
    with Register(f"sqlite:///{home}/register/register.sqlite").transaction() as tx:
        pulls = sorted(map(str, tx.execute(sa.select(PULLS)).all()))
    return {table.name: rows_of(lake, table).drop(FLEETING, strict=False) for table in TYPED}, pulls


def assert_same_state(home, undisturbed):
    (tables, pulls), (known, known_pulls) = state(home), state(undisturbed)
    assert pulls == known_pulls
    for name, table in known.items():
        assert_frame_equal(tables[name], table)


def test_killed_twenty_times_at_random_points_it_ends_as_if_it_had_never_been(empty, pull, tmp_path):
    undisturbed = shutil.copytree(empty, tmp_path / "undisturbed")
    assert pull(undisturbed) == 0
    things = int((undisturbed / "things_done").read_text())
    assert Lake(str(undisturbed / "lake")).read_months(Layer.TYPED, "cdrs").height > 50
    assert things > 100, "too few points to be killed at"

    random, kills, homes = Random(20), 0, 0  # noqa: S311 - points to be killed at are no secret
    while kills < KILLS:
        homes += 1
        home = shutil.copytree(empty, tmp_path / f"home-{homes}")
        while kills < KILLS and (status := pull(home, random.randrange(1, things // 3))) != 0:
            assert status == SIGKILL
            kills += 1
        assert pull(home) == 0
        assert_same_state(home, undisturbed)
    assert homes > 1, "no home came to its end between kills"
