"""Checks of intake: contracts of every table, conservation of records, and whether every peer answered.

Contracts and conservation block whatever is built on a table in the same run; a dead peer only warns, because what the
others sent must go on.
"""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from models.schemas.registry import TABLES, Layer
from models.types.intake_codes import LintSeverity
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key
from pipelines.lib.checks import contract_checks
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.freshness import failing, stale
from pipelines.lib.raw_store import RawStore

_NAMES = {layer: [table.name for table in TABLES if table.layer == layer] for layer in (Layer.MASTER, Layer.TYPED)}


def _contracts(layer: Layer) -> Sequence[dg.AssetChecksDefinition]:
    return contract_checks(layer, _NAMES[layer], partitioned=False)


master_contracts = _contracts(Layer.MASTER)
typed_contracts = _contracts(Layer.TYPED)


@dg.asset_check(asset=asset_key(Layer.TYPED, "records"), blocking=True)
def records_conserved(home: Home) -> dg.AssetCheckResult:
    """Records in pages = typed + quarantined + duplicates, per connection and module; and typed CDRs = rows of CDRs."""
    counted = conservation(home.lake)
    broken = counted.filter(pl.col("received") != pl.col("accounted"))
    return dg.AssetCheckResult(
        passed=broken.is_empty(),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "received": int(counted["received"].sum()),
            "accounted": int(counted["accounted"].sum()),
            "broken": dg.MetadataValue.json(broken.to_dicts()),
        },
    )


@dg.asset_check(asset=dg.AssetKey(["raw", "ocpi_pages"]))
def every_peer_answered(home: Home) -> dg.AssetCheckResult:
    """Every module of every connection was last pulled to the end of its window; else what failed, one line each.

    Whichever connections the newest pull was narrowed to: a failure stands until the same module is pulled.
    """
    failures = list(failing(RawStore(home.lake).manifests(), home.settings.connections))
    return dg.AssetCheckResult(
        passed=not failures,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"failures": dg.MetadataValue.md("\n".join(f"- {failure}" for failure in failures))},
    )


@dg.asset_check(asset=asset_key(Layer.TYPED, "freshness"))
def modules_are_fresh(home: Home) -> dg.AssetCheckResult:
    """Every module gave something within its connection's `stale_after_hours`; else which did not, and why.

    The freshness policy of the raw pages sees only whether pulls run. It only warns: others' records must go on.
    """
    settings = home.settings
    late = list(stale(home.lake.read(Layer.TYPED, "freshness"), settings.connections, settings.clock()))
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"stale": dg.MetadataValue.md("\n".join(f"- {line}" for line in late))},
    )


@dg.asset_check(asset=asset_key(Layer.TYPED, "protocol_violations"))
def peers_keep_to_the_protocol(home: Home) -> dg.AssetCheckResult:
    """No peer broke OCPI; else how often, per connection and rule. It only warns: the evidence is kept either way."""
    found = home.lake.read(Layer.TYPED, "protocol_violations")
    counts = found.group_by("connection_id", "code").len().sort("connection_id", "code")
    lines = (f"- {connection}: {count} {code}" for connection, code, count in counts.iter_rows())
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"violations": found.height, "per_rule": dg.MetadataValue.md("\n".join(lines))},
    )


@dg.asset_check(asset=asset_key(Layer.TYPED, "tariff_lint"))
def tariffs_are_sound(home: Home) -> dg.AssetCheckResult:
    """No tariff is odd in a way that may change a price; else which, and why. It only warns."""
    found = home.lake.read(Layer.TYPED, "tariff_lint").filter(severity=str(LintSeverity.PRICE))
    lines = (
        f"- {key}: {sentence}"
        for key, sentence in found.select("tariff_key", "sentence").unique().sort(pl.all()).iter_rows()
    )
    return dg.AssetCheckResult(
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"findings": found.height, "sentences": dg.MetadataValue.md("\n".join(lines))},
    )
