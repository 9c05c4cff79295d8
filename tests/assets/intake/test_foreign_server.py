"""An OCPI server that nobody here wrote (`extrawest-ocpi`), in an environment of its own, pulled by our client.

Its habits: ids in lower case, absent fields as null, amounts through floats, CDRs without `evse_uid` (2.2.1) or with
`end_date_time` (2.1.1), `Link` headers to https and to a path that it does not have, 403 where OCPI says 401, raw
tokens for 2.1.1 and encoded ones for 2.2.1.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.intake.pull_report import last_pull
from pipelines.lib.ocpi_client import FailureKind, Peer, PeerApi, PeerFailure, Transport
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import CHECKOUT, Connection
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.wire_versions import modules_in
from pipelines.sandbox.world import build_world
from tests.assets.intake.pulling import new_home, pulled, settings_for, without_pauses

pytestmark = pytest.mark.slow

HERE = Path(__file__).with_name("foreign_server")
ENVIRONMENT = CHECKOUT / ".cache" / "foreign-server"
REQUIREMENTS = HERE / "requirements.txt"
INSTALL_SECONDS, START_SECONDS = 90, 60
TOKEN = "foreign-token"
VERSIONS = ("2.1.1", "2.2.1")

UNLIKE = {"2.1.1": set(), "2.2.1": {"evse_uid"}}
"""columns that the framework cannot serve"""
PROVENANCE = {"page_sha256", "page_position", "content_sha256"}


@pytest.fixture(scope="module")
def world():
    return build_world(7, 700, BillingMonth(2026, 10))


@pytest.fixture(scope="session")
def python():
    """An interpreter that has the server; made once, and only where the package can be installed."""
    interpreter, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed.txt"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return interpreter
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    try:
        for command in ([sys.executable, "-m", "venv", ENVIRONMENT], pip):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        pytest.skip(f"extrawest-ocpi cannot be installed here: {said[-1] if said else error}")
    stamp.write_text(REQUIREMENTS.read_text())
    return interpreter


@pytest.fixture(scope="module")
def foreign(python, world, tmp_path_factory):
    """The foreign server with the CDRs of one CPO in both versions; gives its base URL."""
    folder = tmp_path_factory.mktemp("storage")
    for version in VERSIONS:
        objects = modules_in(version, world)["ldw", "cdrs"]
        (folder / f"{version}.ndjson").write_bytes(b"\n".join(each.body for each in objects))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, HERE / "serve.py", str(port), folder]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": ""})
        try:
            _wait_for(f"http://127.0.0.1:{port}/ocpi/versions", process, folder / "log.txt")
            yield f"http://127.0.0.1:{port}/ocpi"
        finally:
            process.kill()
            process.wait()


def _wait_for(url, process, log):
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the foreign server did not start: {log.read_text()[-2000:]}")


def connection(foreign, version, **changes):
    facts = {
        "connection_id": "ldw",
        "kind": "cpo",
        "parties": ("DE*LDW",),
        "versions_url": f"{foreign}/versions",
        "token_env": "ROAMLEDGER_TOKEN_FOREIGN",
        "token_encoding": "auto",
        "preferred_versions": (version,),
        "page_limit": 25,
    }
    return Connection(**(facts | changes))


def cdrs(lake, dropped):
    """Give the typed CDRs with their ids in one case: OCPI compares them so."""
    rows = lake.read_months(Layer.TYPED, "cdrs").drop(dropped).sort("cdr_key")
    return rows.with_columns(pl.col(pl.String).str.to_uppercase())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_it_serves_is_what_we_stored(foreign, world, tmp_path, monkeypatch, version):
    without_pauses(monkeypatch)
    monkeypatch.setenv("ROAMLEDGER_TOKEN_FOREIGN", TOKEN)
    with SandboxServer(world, versions=(version,)) as server:
        ours = settings_for(server, new_home(world, tmp_path / "ours"), monkeypatch, page_limit=200)
        shutil.copytree(ours.home, tmp_path / "theirs")
        own = tuple(each for each in ours.connections if each.connection_id == "ldw")
        known = pulled(ours.model_copy(update={"connections": own}))
    changes = {"home": tmp_path / "theirs", "connections": (connection(foreign, version),)}
    lake = pulled(ours.model_copy(update=changes))

    dropped = PROVENANCE | UNLIKE[version] | {"time_zone"}  # of the locations, which the foreign server has not
    assert cdrs(lake, dropped).height > 200
    assert_frame_equal(cdrs(lake, dropped), cdrs(known, dropped))
    assert lake.read(Layer.TYPED, "records")["outcome"].unique().to_list() == ["typed"]
    (pull,) = [each for each in last_pull(lake).modules if each.module == "cdrs"]
    assert pull.crawls == 1
    (manifest,) = RawStore(lake).manifests("ldw", "cdrs")
    links = [page.headers.get("link-next") for page in manifest.pages]
    assert len(links) == pull.pages > 8
    assert all(link.startswith("https://") and "VersionNumber" in link for link in links[:-1])
    assert links[-1] is None


def test_its_403_is_a_refused_token(foreign, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_TOKEN_FOREIGN", "somebody-else")
    transport = Transport.open(connection(foreign, "2.2.1", attempts=1))
    api = PeerApi("2.2.1", {"cdrs": f"{foreign}/cpo/2.2.1/cdrs/"})
    with pytest.raises(PeerFailure) as refused:
        next(Peer(transport).pages(api, "cdrs", None, datetime(2026, 11, 5, tzinfo=UTC)))
    transport.close()
    assert (refused.value.kind, refused.value.status) == (FailureKind.UNAUTHORIZED, 403)
    assert "check ROAMLEDGER_TOKEN_FOREIGN" in str(refused.value)
