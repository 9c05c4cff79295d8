"""Peers and people at their worst, through the assets: each fault is one line, the good rows go on, nothing is lost."""

import gzip
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from starlette.responses import Response

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines import cli
from pipelines.defs.intake import assets, checks
from pipelines.defs.resources import Home
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.intake.pull_report import last_pull
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.lib.ocpi_client import Transport
from pipelines.lib.register import Register
from pipelines.lib.settings import load_settings
from tests.unit.intake.little_peer import TOKEN, LittlePeer, cdr, envelope, location, serving, session, tariff
from tests.unit.intake.test_master_data import FILES, plan_tariff, write

ASSETS = [assets.ocpi_pages, assets.master, assets.typed]
CHECKS = [*checks.master_contracts, *checks.typed_contracts, checks.records_conserved, checks.every_peer_answered]
OCTOBER = BillingMonth(2026, 10)

CONNECTION = """
[[connections]]
connection_id = "ldw"
kind = "cpo"
parties = ["DE*LDW"]
versions_url = "{url}/versions"
token_env = "ROAMLEDGER_TOKEN_LDW"
attempts = 1
"""


@pytest.fixture
def peer():
    modules = {"locations": [location()], "tariffs": [tariff()], "sessions": [session()], "cdrs": [cdr(1)]}
    with serving(LittlePeer(modules)) as little:
        yield little


@pytest.fixture
def home(tmp_path, monkeypatch, peer):
    (tmp_path / "roamledger.toml").write_text(CONNECTION.format(url=peer.url))
    (tmp_path / "master").mkdir()
    for name, body in FILES.items():
        write(tmp_path / "master", name, body)
    plans = json.dumps([plan_tariff("FLEX-AC"), plan_tariff("FLEX-DC")])
    (tmp_path / "master" / "plan_tariffs.json").write_text(plans)
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", datetime(2026, 11, 5, 6, tzinfo=UTC).isoformat())
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", TOKEN)
    monkeypatch.delenv("ROAMLEDGER_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def take_in(home):
    """Take in what the peer sends, and give the lake; nothing may be lost whatever came."""

    def run():
        settings = load_settings()
        lake = Lake(settings.lake)
        for name, frame in load_master(settings.master).items():
            lake.write(Layer.MASTER, name, frame)
        pull(settings, lake, Register(settings.register))
        normalise(settings, lake)
        return conserved(lake)

    assert home.is_dir()
    return run


@pytest.fixture
def materialized(home):
    """Do the same in Dagster, where every contract is checked."""

    def run():
        with dg.DagsterInstance.ephemeral() as instance:
            assert dg.materialize([*ASSETS, *CHECKS], resources={"home": Home()}, instance=instance).success
        return conserved(Lake(str(home / "lake")))

    return run


def conserved(lake):
    assert conservation(lake).filter(pl.col("received") != pl.col("accounted")).is_empty()
    return lake


def said(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["roamledger", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def quarantined(lake):
    rows = lake.read(Layer.TYPED, "records").filter(outcome="quarantined")
    return dict(rows.select("record_id", "rule").iter_rows())


def test_bad_records_are_named_and_their_neighbours_go_on(materialized, peer):
    without_id = {name: value for name, value in cdr(2).items() if name != "id"}
    too_deep = json.loads("[" * 900 + "]" * 900)
    peer.modules["cdrs"] += [
        without_id,
        cdr(3, total_cost=None),
        cdr(4, currency="EURO"),
        cdr(5, total_energy=-3),
        cdr(6, total_energy="NaN"),
        cdr(7, start_date_time="0001-01-01T00:00:00Z"),
        cdr(8, tariffs=too_deep),
        cdr(9, id="../../../../etc/passwd" + "x" * 300),
        cdr(10, id="[/red]\x1b[31m<script>=cmd()"),
    ]
    peer.modules["sessions"].append(session(id="S2", end_date_time="9999-12-31T23:59:59Z"))
    lake = materialized()
    assert quarantined(lake) == {
        None: "missing_field",
        "C000003": "missing_field",
        "C000004": "unknown_currency",
        "C000005": "negative_energy",
        "C000006": "wrong_type",
        "C000007": "bad_time",
        "C000008": "not_json",
        "S2": "bad_time",
    }
    good = lake.read(Layer.TYPED, "cdrs", OCTOBER)["cdr_id"].to_list()
    assert sorted(good) == sorted(["C000001", peer.modules["cdrs"][8]["id"], peer.modules["cdrs"][9]["id"]])
    paths = [str(path.relative_to(lake.root)) for path in Path(lake.root).rglob("*")]
    assert not [path for path in paths if "passwd" in path or "C0000" in path]


@pytest.mark.parametrize(
    "number", ["1e9999999999999999999999", "1e-9999999999999999999999", "1e999999", "99999999999999.9999", "9" * 5000]
)
def test_a_number_beyond_all_reason_costs_nobody_else(take_in, peer, number):
    page = envelope([cdr(1), cdr(2, total_energy=-7)]).replace(
        b'"total_energy": -7', f'"total_energy": {number}'.encode()
    )
    peer.modules["cdrs"] = []
    peer.faults = [None, None, None, Response(page, headers={"X-Total-Count": "2"})]
    lake = take_in()
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER)["cdr_id"].to_list() == ["C000001"]
    (row,) = lake.read(Layer.TYPED, "records").filter(outcome="quarantined").to_dicts()
    assert number in row["record_json"]
    assert "\n" not in row["reason"]


@pytest.mark.parametrize("body", [b"<html>502</html>", b"\xff\xfe\x00", b'{"data":' * 50_000, b""])
def test_a_page_that_is_no_json_is_kept_and_the_others_go_on(take_in, peer, body):
    peer.faults = [Response(body)]
    lake = take_in()
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER).height == 1
    (failure,) = last_pull(lake).failures
    assert (failure.module, failure.failure_kind) == ("locations", "not_json")
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    "headers",
    [
        {"Link": '<http://[half>; rel="next"'},
        {"Link": '<http://127.0.0.1:99999999/cdrs>; rel="next"'},
        {"Link": '<file:///etc/passwd>; rel="next"'},
        {"Link": '<http://169.254.169.254/latest>; rel="next"'},
        {"Link": "<<<>>>;;;==="},
        {"X-Total-Count": "9" * 5000},
        {"X-Total-Count": "-1"},
    ],
)
def test_headers_that_lead_astray_lead_nowhere(take_in, peer, headers):
    peer.faults = [None, None, None, Response(envelope([cdr(1)]), headers=headers)]
    assert take_in().read(Layer.TYPED, "cdrs", OCTOBER)["cdr_id"].to_list() == ["C000001"]


def test_a_message_of_a_peer_speaks_neither_to_the_terminal_nor_in_two_lines(take_in, peer):
    body = {"status_code": 2001, "status_message": f"no\nroamledger: all is well \x1b[2J {TOKEN}", "data": []}
    peer.faults = [Response(json.dumps(body))]
    (failure,) = last_pull(take_in()).failures
    assert str(failure).isprintable()
    assert TOKEN not in str(failure)


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br", "zstd"])
def test_a_compressed_bomb_is_not_unpacked(take_in, peer, encoding, monkeypatch):
    opened = Transport.open
    monkeypatch.setattr(Transport, "open", lambda connection: replace(opened(connection), most_bytes=1_000_000))
    bomb = gzip.compress(b" " * 20_000_000)
    peer.faults = [Response(bomb, headers={"Content-Encoding": encoding})]
    lake = take_in()
    (failure,) = last_pull(lake).failures
    assert failure.failure_kind == "too_large"
    assert lake.read(Layer.TYPED, "cdrs", OCTOBER).height == 1


def test_an_endpoint_on_a_host_that_nobody_agreed_on_is_not_asked(take_in, home, peer):
    with serving(LittlePeer({"cdrs": [cdr(2)]})) as other:
        listed = {"data": [{"version": "2.2.1", "url": f"{other.url}/2.2.1/details"}], "status_code": 1000}
        peer.modules["versions"] = []
        peer.faults = [Response(json.dumps(listed))]
        (home / "roamledger.toml").write_text(CONNECTION.format(url=f"{peer.url}/2.2.1"))
        lake = take_in()
        assert other.asked == []
    assert {failure.failure_kind for failure in last_pull(lake).failures} == {"foreign_host"}
    assert "other_hosts of connection ldw" in str(last_pull(lake).failures[0])


def test_a_location_without_a_zone_leaves_its_sessions_waiting_and_says_so(take_in, peer):
    """OCPI takes a time without a zone as UTC; the local time stays unknown, which pricing then names."""
    peer.modules["locations"] = [location(time_zone=None)]
    naive = {"start_date_time": "2026-10-12T08:00:00", "end_date_time": "2026-10-12T09:00:00"}
    peer.modules["cdrs"] = [cdr(1, **naive)]
    (row,) = take_in().read(Layer.TYPED, "cdrs", OCTOBER).to_dicts()
    assert row["started_at"] == datetime(2026, 10, 12, 8, tzinfo=UTC)
    assert row["time_zone"] is None


def test_a_plan_that_names_no_tariff_stops_before_anything_is_billed(home, capsys, monkeypatch):
    write(home / "master", "plan_tariffs", "flex,AC,FLEX-AC")
    assert "plan flex names no tariff for DC: add a line flex,DC,<tariff_id>" in said(capsys, monkeypatch, "pull")


def test_a_month_that_is_not_over_is_not_closed(take_in, capsys, monkeypatch):
    take_in()
    assert "2026-11 is not over until 2026-12-01 00:00 Europe/Berlin" in said(capsys, monkeypatch, "close", "2026-11")


def test_a_missing_token_is_named_and_no_token_is_ever_kept(take_in, home, peer, monkeypatch):
    lake = take_in()
    kept = [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []
    monkeypatch.delenv("ROAMLEDGER_TOKEN_LDW")
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-06T06:00:00+00:00")
    take_in()
    assert {"ROAMLEDGER_TOKEN_LDW" in str(each) for each in last_pull(lake).failures} == {True}
