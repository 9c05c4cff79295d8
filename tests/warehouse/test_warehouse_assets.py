"""The warehouse in Dagster: dbt's models are assets of the lake's tables, its tests are checks, readers never wait."""

import dagster as dg
import duckdb
import pytest

from models.schemas.registry import TABLES
from pipelines.defs.resources import Home
from pipelines.defs.warehouse import assets


@pytest.fixture(scope="module")
def home(tmp_path_factory, small_lake):
    """A home of its own, with an accepted charge of the closed month that no invoice bills."""
    return small_lake(tmp_path_factory.mktemp("dagster-home"), forgotten_like="S:DE*LDW*C3")


@pytest.fixture(scope="module")
def run(home):
    """Publish while a reader keeps an older published file open."""
    file = home.warehouse / "warehouse.duckdb"
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(file)) as con:
        con.execute("create table fct_cdrs as select 1 as published_before")
    with pytest.MonkeyPatch.context() as patch, duckdb.connect(str(file), read_only=True) as reader:
        patch.setenv("ROAMLEDGER_HOME", str(home.home))
        result = dg.materialize([assets.dbt_build, assets.published], resources={"home": Home()})
        return result, reader.sql("select * from fct_cdrs").fetchall()


def test_keys_are_layer_and_name_in_one_group():
    keys = {key.to_user_string() for key in assets.dbt_build.keys}
    assert {"staging/stg_typed__cdrs", "intermediate/int_cdrs_margined", "marts/fct_cdrs"} <= keys
    assert set(assets.dbt_build.group_names_by_key.values()) == {"warehouse"}


def test_staging_hangs_on_tables_of_the_lake():
    known = {dg.AssetKey([hand_over.layer, hand_over.name]) for hand_over in TABLES}
    outside = {dep.asset_key for spec in assets.dbt_build.specs for dep in spec.deps} - assets.dbt_build.keys
    assert outside <= known
    assert dg.AssetKey(["typed", "cdrs"]) in outside


def test_publishing_waits_for_every_mart():
    (spec,) = assets.published.specs
    marts = {key for key in assets.dbt_build.keys if key.path[0] == "marts"}
    assert {dep.asset_key for dep in spec.deps} == marts


def test_every_model_is_materialised_and_every_check_told(run):
    result, _ = run
    assert result.success
    told = {event.asset_key for event in result.get_asset_materialization_events()}
    assert told == assets.dbt_build.keys | assets.published.keys
    checks = {evaluation.asset_check_key for evaluation in result.get_asset_check_evaluations()}
    assert checks == set(assets.dbt_build.check_keys)


def test_a_charge_that_the_close_forgot_is_a_warning(run):
    result, _ = run
    warned = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [(check.check_name, check.severity) for check in warned] == [
        ("assert_closed_months_are_billed", dg.AssetCheckSeverity.WARN)
    ]


def test_a_reader_keeps_the_old_file_and_the_next_one_gets_the_new(run, home):
    _, seen_during_the_run = run
    assert seen_during_the_run == [(1,)]
    with duckdb.connect(str(home.warehouse / "warehouse.duckdb"), read_only=True) as con:
        assert con.sql("select count(*) from fct_cdrs").fetchall() == [(8,)]
