"""The asset graph as Dagster sees it: complete, described, and as it was reviewed."""

import dagster as dg
import pytest

from models.schemas.registry import TABLES
from pipelines.lib.month_runs import INTAKE, MONTHLY
from pipelines.lib.runs import definitions
from pipelines.lib.verification.recompute import WRITING


@pytest.fixture(scope="module")
def graph():
    return definitions().resolve_asset_graph()


def lines_of(graph):
    """Give one line an asset; of the warehouse only what is published, for its models have tests of their own."""
    for node in sorted(graph.asset_nodes, key=lambda node: (node.group_name, node.key)):
        if node.group_name == "warehouse" and node.key.path != ["marts", "published"]:
            continue
        often = "monthly" if node.is_partitioned else "whole"
        parents = ", ".join(
            sorted({"marts/*" if key.path[0] == "marts" else key.to_user_string() for key in node.parent_keys})
        )
        checks = ", ".join(sorted(key.name for key in node.check_keys))
        yield f"{node.group_name}: {node.key.to_user_string()} ({often}) <- {parents or '-'} | {checks or '-'}"


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
    for table in TABLES:
        contract = dg.AssetCheckKey(dg.AssetKey([str(table.layer), table.name]), "contract")
        assert graph.get(contract).blocking, table.name


def test_the_graph_is_as_it_was_reviewed(graph, snapshot):
    """Keys, partitions, parents and checks; the dbt models are held by their own tests. `pytest --snapshot-update`."""
    assert "\n".join(lines_of(graph)) == snapshot


def test_a_recomputation_writes_to_nothing_but_its_scratch_lake(graph):
    worked = {node.key.to_user_string() for node in graph.asset_nodes if node.group_name in (*INTAKE, *MONTHLY)}
    outside = {name for name in worked if name.startswith("documents/")} | {"ledger/documents", "ledger/disputes"}
    assert outside <= worked
    assert outside <= set(WRITING)


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
