"""How dbt speaks to Dagster: keys and groups of its models, and what became of a build as events.

Nothing here runs anything. Keys of sources need no translation: dbt's source `typed` and table `cdrs` already are the
asset `typed/cdrs` (https://docs.dagster.io/integrations/libraries/dbt).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import build_dbt_specs

from pipelines.lib.dbt import NodeResult

GROUP = "warehouse"
_PASSED = frozenset({"pass", "success"})


class WarehouseTranslator(DagsterDbtTranslator):
    """Models are keyed by their folder: `staging/stg_typed__cdrs`, `marts/fct_cdrs`."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Give `[layer, name]`, as every asset has."""
        if dbt_resource_props["resource_type"] == "model":
            return model_key(dbt_resource_props)
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Give the one group of the area."""
        del dbt_resource_props
        return GROUP

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Give the model's own words, without its SQL: that stands in the repository."""
        return str(dbt_resource_props["description"])


def model_key(props: Mapping[str, Any]) -> dg.AssetKey:
    """Give the key of a model from its folder (`fqn` is project, layer, folders and name)."""
    return dg.AssetKey([props["fqn"][1], props["name"]])


def specs_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Give the asset and check specs of every model and test, as arguments of `dg.multi_asset`."""
    specs, check_specs = build_dbt_specs(
        translator=WarehouseTranslator(),
        manifest=manifest,
        select="fqn:*",
        exclude="",
        selector="",
        io_manager_key=None,
        project=None,
    )
    return {"specs": specs, "check_specs": check_specs}


def events(
    results: Sequence[NodeResult],
    keys: Mapping[str, dg.AssetKey],
    checks: Iterable[dg.AssetCheckKey],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Tell Dagster what became of each model and test; a test that no single model owns is told by its error alone."""
    for result in results:
        if result.unique_id in keys and result.status == "success":
            seconds = dg.MetadataValue.float(round(result.seconds, 3))
            yield dg.MaterializeResult(asset_key=keys[result.unique_id], metadata={"seconds": seconds})
    by_name = {check.name: check for check in checks}
    for result in results:
        if result.name in by_name and result.status != "skipped":
            yield _check_result(by_name[result.name], result)


def _check_result(check: dg.AssetCheckKey, result: NodeResult) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=result.status in _PASSED,
        severity=severity,
        metadata={"failing_rows": result.failures},
    )
