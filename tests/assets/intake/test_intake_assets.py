"""The intake group run in Dagster: a pull, the books, typed tables, and the checks that hold them."""

import io
import json
import os
from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from models.schemas.registry import TABLES, Layer
from pipelines.commands import pull
from pipelines.defs.intake import assets, checks, schedules
from pipelines.defs.resources import Home
from pipelines.lib.checks import hold_to_contract
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.settings import CHECKOUT
from tests.unit.intake.little_peer import TOKEN, LittlePeer, cdr, location, serving, session, tariff
from tests.unit.intake.test_master_data import FILES, plan_tariff, write
from tests.unit.receiver.left_spool import leave

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
ASSETS = [assets.ocpi_pages, assets.master, assets.typed]
CHECKS = [
    *(*checks.master_contracts, *checks.typed_contracts, checks.records_conserved),
    *(checks.every_peer_answered, checks.modules_are_fresh),
]

CONNECTION = """
[[connections]]
connection_id = "{name}"
kind = "cpo"
parties = ["DE*LDW"]
versions_url = "{url}/versions"
token_env = "ROAMLEDGER_TOKEN_LDW"
attempts = 1
"""


@pytest.fixture
def peer():
    modules = {"locations": [location()], "tariffs": [tariff()], "sessions": [session()]}
    with serving(LittlePeer(modules | {"cdrs": [cdr(1), cdr(2, currency="?"), cdr(3)]})) as little:
        yield little


@pytest.fixture
def home(tmp_path, monkeypatch, peer):
    dead = CONNECTION.format(name="dead", url="http://127.0.0.1:9")
    (tmp_path / "roamledger.toml").write_text(CONNECTION.format(name="ldw", url=peer.url) + dead)
    books = tmp_path / "master"
    books.mkdir()
    for name, body in FILES.items():
        write(books, name, body)
    (books / "plan_tariffs.json").write_text(json.dumps([plan_tariff("FLEX-AC"), plan_tariff("FLEX-DC")]))
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", NOW.isoformat())
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", TOKEN)
    monkeypatch.delenv("ROAMLEDGER_CONFIG", raising=False)
    return tmp_path


def materialize(selected=(*ASSETS, *CHECKS), **config):
    with dg.DagsterInstance.ephemeral() as instance:
        run_config = {"ops": {"raw__ocpi_pages": {"config": config}}}
        return dg.materialize(
            list(selected),
            instance=instance,
            resources={"home": Home()},
            run_config=run_config if config else None,
            raise_on_error=False,
        )


def test_a_dead_peer_warns_and_everything_else_is_typed_and_checked(home):
    result = materialize()
    assert result.success
    evaluated = {
        (each.asset_key.to_user_string(), each.check_name): each for each in result.get_asset_check_evaluations()
    }
    failed = {key for key, each in evaluated.items() if not each.passed}
    assert failed == {("raw/ocpi_pages", "every_peer_answered"), ("typed/freshness", "modules_are_fresh")}
    stale = evaluated["typed/freshness", "modules_are_fresh"]
    assert stale.severity == dg.AssetCheckSeverity.WARN
    assert (
        "- dead/cdrs: never answered: GET http://127.0.0.1:9/versions: no connection" in stale.metadata["stale"].value
    )
    assert "ldw/" not in stale.metadata["stale"].value
    tables = [table for table in TABLES if table.layer in (Layer.MASTER, Layer.TYPED)]
    assert {(f"{table.layer}/{table.name}", "contract") for table in tables} <= set(evaluated)
    lake = Lake(str(home / "lake"))
    assert lake.read_months(Layer.TYPED, "cdrs")["cdr_id"].to_list() == ["C000001", "C000003"]
    assert set(lake.read(Layer.TYPED, "tariff_versions")["source"]) == {"published", "plan"}


def test_a_pull_can_be_narrowed_to_a_connection_and_a_window(home, peer):
    result = materialize(connections=["ldw"], since="2026-10-01T00:00:00+00:00", until="2026-10-20T00:00:00+00:00")
    assert result.success
    assert all("date_to=2026-10-20" in url for url in peer.asked)
    (pulled,) = result.asset_materializations_for_node("raw__ocpi_pages")
    assert (pulled.metadata["records"].value, pulled.metadata["failures"].value) == (4, 0)


def test_a_pull_takes_over_what_a_receiver_that_is_gone_left(home):
    leave(home, cdr(7))
    result = materialize()
    assert result.success
    (pulled,) = result.asset_materializations_for_node("raw__ocpi_pages")
    assert pulled.metadata["taken_over_pushes"].value == 1
    assert "C000007" in Lake(str(home / "lake")).read_months(Layer.TYPED, "cdrs")["cdr_id"].to_list()


def dropped(home, folder, content, name="x.json"):
    place = home / "drop" / folder
    place.mkdir(parents=True)
    (place / name).write_bytes(content)
    os.utime(place / name, (0, 0))
    return place


@pytest.fixture
def pulled(home, monkeypatch):
    """Run the command over the assets of intake alone; give its exit code and what it said."""
    monkeypatch.setattr(pull, "run_assets", lambda *_, **__: materialize(connections=["ldw"]))
    monkeypatch.setattr(pull, "stale_months", lambda *_: [])

    def run():
        console = Console(file=io.StringIO(), width=80)
        return pull.run("", None, None, console), console.file.getvalue().splitlines()

    return run


def test_a_pull_says_which_dropped_files_were_rejected_and_exits_with_1(home, pulled):
    place = dropped(home, "ldw/cdrs", b"nope")
    books = dropped(home, "master", b"x", "nonsense.csv")
    code, said = pulled()
    assert code == 1
    (line,) = [line for line in said if line.startswith("ldw/cdrs x.json: rejected: ")]
    assert line.endswith(f"; report: {place}/rejected/x.json.report.txt")
    (line,) = [line for line in said if line.startswith("master/nonsense nonsense.csv: rejected: ")]
    assert line.endswith(f"; report: {books}/rejected/nonsense.csv.report.txt")
    code, said = pulled()
    assert (code, [line for line in said if "rejected: " in line]) == (0, [])


def test_a_pull_says_where_dropped_files_lie_that_nobody_takes(home, pulled):
    place = dropped(home, "zzz/cdrs", b"[]")
    code, said = pulled()
    assert code == 0
    (line,) = [line for line in said if "connection 'zzz' is not declared" in line]
    assert line.startswith(f"{place.parent}: ")
    assert (place / "x.json").exists()


def test_a_pull_that_fails_says_what_became_of_dropped_files_all_the_same(home, pulled, monkeypatch):
    dropped(home, "ldw/cdrs", b"nope")
    console = Console(file=io.StringIO(), width=80)

    def fail(*_):
        msg = "no"
        raise UserError(msg)

    monkeypatch.setattr(pull, "stale_months", fail)
    with pytest.raises(UserError):
        pull.run("", None, None, console)
    assert "ldw/cdrs x.json: rejected: " in console.file.getvalue()


def test_stray_folders_are_a_warning_of_the_asset(home, capfd):
    dropped(home, "ldw/nomodule", b"[]")
    (pages,) = materialize(connections=["ldw"]).asset_materializations_for_node("raw__ocpi_pages")
    assert pages.metadata["stray_folders"].value == 1
    (warning,) = [line for line in capfd.readouterr().err.splitlines() if "module 'nomodule'" in line]
    assert " - WARNING - " in warning


def test_a_dead_peer_is_named_whichever_connection_was_pulled_last(home):
    assert materialize().success
    result = materialize(connections=["ldw"])
    failed = {each.check_name for each in result.get_asset_check_evaluations() if not each.passed}
    assert failed == {"every_peer_answered", "modules_are_fresh"}


def test_lost_records_stop_what_is_built_on_them(home):
    @dg.asset(deps=[dg.AssetKey(["typed", "records"])])
    def downstream():
        pytest.fail("built on records that do not add up")

    assert materialize().success
    raw = home / "lake" / "raw" / "ldw" / "cdrs" / "20261105T060000Z" / "pull.json"
    raw.write_text(raw.read_text().replace('"records": 3', '"records": 4'))
    result = materialize((assets.typed, checks.records_conserved, downstream))
    assert not result.success
    (check,) = result.get_asset_check_evaluations()
    assert check.metadata["broken"].value[0]["received"] == 4


def test_a_contract_failure_names_columns_and_keys_and_never_a_row(home):
    assert materialize().success
    lake = Lake(str(home / "lake"))
    table = next(each for each in TABLES if each.name == "tokens")
    row = dict.fromkeys(table.schema, "secret person") | {"token_uid": "U1", "token_type": "RFID", "contract_id": ""}
    row |= {"is_valid": True, "last_updated_at": NOW, "received_at": NOW, "page_position": 0}
    frame = pl.DataFrame([row, row], schema=table.schema)
    frame.write_parquet(lake.path(Layer.TYPED, "tokens"))
    result = hold_to_contract(lake, table)
    assert result.failures == {"contract_id: str_length(1, None)": 2, "key: unique": 2}
    assert result.samples == ("U1|RFID",)


def test_the_daily_pull_selects_intake_alone():
    defs = dg.Definitions(assets=ASSETS, jobs=[schedules.daily_pull], resources={"home": Home()})
    job = defs.resolve_job_def("daily_pull")
    chosen = {key.path[0] for key in job.asset_layer.selected_asset_keys}
    assert chosen == {"raw", "master", "typed"}
    assert schedules.daily_pull_schedule.cron_schedule == "20 5 * * *"
    assert CHECKOUT.exists()
