"""The asset graph as Dagster sees it: complete, described, and as it was reviewed."""

import dagster as dg
import pytest

from models.schemas.registry import TABLES
from pipelines.lib.runs import definitions


@pytest.fixture(scope="module")
def graph():
    return definitions().resolve_asset_graph()


def test_every_hand_over_is_an_asset_with_its_partitions(graph):
    for table in TABLES:
        node = graph.get(dg.AssetKey([str(table.layer), table.name]))
        is_monthly = table.by_month and table.layer != "typed"
        assert node.is_partitioned == (is_monthly or table.layer == "ledger"), table.name


def test_every_asset_says_what_one_row_is_and_where_it_belongs(graph):
    areas = {"intake", "rating", "reconciliation", "billing", "documents", "warehouse"}
    for node in graph.asset_nodes:
        assert node.group_name in areas, node.key
        assert (node.description or "").startswith("One "), node.key


def test_every_hand_over_has_a_blocking_check_of_its_contract(graph):
    checked = {key.asset_key for key in graph.asset_check_keys}
    for table in TABLES:
        assert dg.AssetKey([str(table.layer), table.name]) in checked, table.name


def test_working_a_month_through_never_issues():
    job = definitions().resolve_job_def("work_month")
    issued = {"documents", "document_lines", "document_vat", "closes"}
    assert not {key.path[-1] for key in job.asset_layer.selected_asset_keys} & issued


def test_jobs_and_schedules_are_these():
    loaded = definitions()
    names = {job.name for job in loaded.resolve_all_job_defs() if not job.name.startswith("__")}
    assert names == {"daily_pull", "work_month", "monthly_close"}
    assert {schedule.name for schedule in loaded.schedules or ()} == {
        "daily_pull",
        "work_open_months",
        "close_previous_month",
    }
