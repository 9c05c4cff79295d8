"""Rating assets: what every CPO's claim should have cost.

Belongs here: reading a month's CDRs, periods and tariffs, calling `models.rating`, writing the priced tables.
Does not: a rule of pricing (`models/rating`), the price that a customer pays (area `billing`), or what follows from a
difference (area `reconciliation`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets-with-asset-dependencies
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from models.rating.audit import TariffTables, audit
from models.schemas.registry import Layer
from models.types.vocabularies import RatingOutcome
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key, asset_keys
from pipelines.lib.checks import contract_checks
from pipelines.lib.partitions import BILLING_MONTHS, month_of

_TABLES = ("wholesale_cdrs", "wholesale_components")
_TYPED = ("cdrs", "charging_periods", "tariff_versions", "tariff_components", "connectors")


_DEPS = [*asset_keys(Layer.TYPED, *_TYPED), *asset_keys(Layer.MASTER, "agreements")]


def _spec(name: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(asset_key(Layer.PRICED, name), description=description, deps=_DEPS, group_name="rating")


@dg.multi_asset(
    name="wholesale",
    partitions_def=BILLING_MONTHS,
    specs=[
        _spec(
            "wholesale_cdrs", "One row per CDR: its price by the tariff that was published when the session started."
        ),
        _spec("wholesale_components", "One row per priced component of that price: why each cent is there."),
    ],
)
def wholesale(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Price every claim of the month again."""
    lake, month = home.lake, month_of(context)
    tariffs = TariffTables(
        *(lake.read(Layer.TYPED, name) for name in ("tariff_versions", "tariff_components", "connectors"))
    )
    cdrs, periods = (lake.read(Layer.TYPED, name, month) for name in ("cdrs", "charging_periods"))
    audited = audit(cdrs, periods, tariffs, lake.read(Layer.MASTER, "agreements"))
    lake.write(Layer.PRICED, "wholesale_cdrs", audited.cdrs, month)
    lake.write(Layer.PRICED, "wholesale_components", audited.components, month)
    yield dg.MaterializeResult(asset_key=asset_key(Layer.PRICED, "wholesale_cdrs"), metadata=_facts(audited.cdrs))
    rows = {"rows": audited.components.height}
    yield dg.MaterializeResult(asset_key=asset_key(Layer.PRICED, "wholesale_components"), metadata=rows)


def _facts(priced: pl.DataFrame) -> dict[str, int | str]:
    """Count what was priced and what was not by reason, and sum prices by currency, never across."""
    not_priced = priced.filter(pl.col("outcome") == str(RatingOutcome.NOT_PRICED))
    reasons = not_priced.group_by("reason").len().sort("reason")
    sums = priced.drop_nulls("currency").group_by("currency").agg(pl.col("total_excl_vat").sum()).sort("currency")
    return {
        "rows": priced.height,
        "priced": priced.height - not_priced.height,
        "not_priced": not_priced.height,
        **{f"not_priced: {reason}": count for reason, count in reasons.iter_rows()},
        **{f"total_excl_vat_{currency.lower()}": str(amount) for currency, amount in sums.iter_rows()},
    }


checks = contract_checks(Layer.PRICED, _TABLES, partitioned=True)
