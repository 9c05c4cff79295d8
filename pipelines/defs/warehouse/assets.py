"""Assets of the warehouse: every dbt model, built and tested in one step, then both published files.

What belongs here: running dbt and publishing. The models themselves are in `dbt_project/models`; how they are named as
assets is in `translation.py`.
"""

import json
from collections.abc import Iterator

import dagster as dg

from pipelines.defs.resources import Home
from pipelines.defs.warehouse.translation import GROUP, events, model_key, specs_of
from pipelines.lib import warehouse
from pipelines.lib.dbt import manifest_file, raise_for_failures

_MANIFEST = json.loads(manifest_file().read_text(encoding="utf-8"))
_MODELS = {name: model_key(node) for name, node in _MANIFEST["nodes"].items() if node["resource_type"] == "model"}


@dg.multi_asset(
    name="dbt_build",
    **specs_of(_MANIFEST),
    # `@dbt_assets` can be cut into parts, and Dagster does cut it in a run that also makes its sources; each part would
    # then build the whole warehouse again.
    can_subset=False,
    allow_arbitrary_check_specs=True,
    pool="warehouse",
)
def dbt_build(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Build and test every model in a file of its own; readers notice nothing."""
    results = warehouse.build(home.settings, home.lake)
    yield from events(results, _MODELS, context.selected_asset_check_keys)
    raise_for_failures(results)


@dg.asset(
    key=["marts", "published"],
    group_name=GROUP,
    deps=[key for key in _MODELS.values() if key.path[0] == "marts"],
    pool="warehouse",
)
def published(home: Home) -> dg.MaterializeResult:
    """One row per table published: `warehouse.duckdb` for finance, `analytics.duckdb` without personal data."""
    files = warehouse.publish(home.settings)
    return dg.MaterializeResult(
        metadata={
            "finance": dg.MetadataValue.path(str(files.finance)),
            "analytics": dg.MetadataValue.path(str(files.analytics)),
            "rows": dg.MetadataValue.json(dict(files.rows)),
        }
    )
