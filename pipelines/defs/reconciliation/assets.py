"""Reconciliation assets: every CDR held against what the eMSP authorized, and disputes for what does not stand.

Belongs here: reading a month with its neighbours, calling `models.reconciliation`, writing matches, findings, verdicts,
and recording disputes. Does not: a rule or a threshold (`models/reconciliation`), or how the register keeps a case
(`pipelines/lib/register/disputes.py`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets-with-asset-dependencies
"""

import dagster as dg
import polars as pl

from models.rating.selection import tariffs_at_start
from models.reconciliation.evidence import Evidence, cdrs_with_facts, gather
from models.reconciliation.matching import match, taken_authorizations
from models.reconciliation.rules.catalogue import find_all
from models.reconciliation.verdicts import judge
from models.reconciliation.wording import billed
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import Verdict
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key, asset_keys
from pipelines.lib.checks import contract_checks
from pipelines.lib.intake.normalise import company_zone
from pipelines.lib.lake import Lake
from pipelines.lib.partitions import BILLING_MONTHS, month_of
from pipelines.lib.register.disputes import export_dispute_events, record_verdicts

_GROUP = "reconciliation"


@dg.asset(
    key=asset_key(Layer.MATCHED, "matches"),
    deps=asset_keys(Layer.TYPED, "cdrs", "authorizations"),
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def matches(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per CDR: the authorization it belongs to, or none and why."""
    lake, month = home.lake, month_of(context)
    cdrs = lake.read(Layer.TYPED, "cdrs", month)
    around = (month.previous, month, month.next)
    earlier = lake.read_months(Layer.MATCHED, "matches", (month.previous.previous, month.previous))
    frame = match(
        cdrs,
        neighbours=lake.read(Layer.TYPED, "cdrs", month.previous),
        authorizations=lake.read_months(Layer.TYPED, "authorizations", around),
        taken=taken_authorizations(earlier, cdrs),
    )
    lake.write(Layer.MATCHED, "matches", frame, month)
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(frame, "match_kind")})


@dg.asset(
    key=asset_key(Layer.MATCHED, "findings"),
    deps=[
        *asset_keys(Layer.MATCHED, "matches"),
        *asset_keys(Layer.PRICED, "wholesale_cdrs"),
        *asset_keys(Layer.TYPED, "cdrs", "charging_periods", "connectors", "tokens", "tariff_versions"),
        *asset_keys(Layer.MASTER, "agreements"),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def findings(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per CDR and rule that it breaks, with the numbers and the amount at stake."""
    lake, month = home.lake, month_of(context)
    frame = find_all(_evidence(lake, month))
    lake.write(Layer.MATCHED, "findings", frame, month)
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(frame, "rule_id"), **_at_stake(frame)})


@dg.asset(
    key=asset_key(Layer.MATCHED, "verdicts"),
    deps=[
        *asset_keys(Layer.MATCHED, "findings"),
        *asset_keys(Layer.PRICED, "wholesale_cdrs"),
        *asset_keys(Layer.TYPED, "cdrs"),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def verdicts(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per CDR: accept or hold, with the claimed and the recomputed price side by side."""
    lake, month = home.lake, month_of(context)
    found = lake.read(Layer.MATCHED, "findings", month)
    priced = lake.read(Layer.PRICED, "wholesale_cdrs", month)
    frame = judge(lake.read(Layer.TYPED, "cdrs", month), found, priced)
    lake.write(Layer.MATCHED, "verdicts", frame, month)
    held = frame.filter(pl.col("verdict") == str(Verdict.HOLD)).group_by("currency")
    claims = held.agg(billed(pl.col("claimed_excl_vat")).sum()).sort("currency")
    sums = {f"held_{currency.lower()}": str(amount) for currency, amount in claims.iter_rows()}
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(frame, "verdict"), **sums})


@dg.asset(
    key=asset_key(Layer.LEDGER, "dispute_events"),
    deps=[
        *asset_keys(Layer.MATCHED, "findings", "verdicts"),
        *asset_keys(Layer.MASTER, "agreements", "legal_entities"),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def dispute_events(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per event of a dispute case: the month's verdicts open and withdraw cases.

    The register is exported whole. The file is written while the transaction is open, so that of two months worked at
    once the later export wins.
    """
    lake, month, now = home.lake, month_of(context), home.settings.clock()
    agreements = lake.read(Layer.MASTER, "agreements").select("cpo_id", "dispute_deadline_days")
    with home.register.transaction() as tx:
        changes = record_verdicts(
            tx,
            lake.read(Layer.MATCHED, "verdicts", month),
            lake.read(Layer.MATCHED, "findings", month),
            deadline_days=dict(agreements.iter_rows()),
            happened_at=now,
            today=now.astimezone(company_zone(lake)).date(),
        )
        events = export_dispute_events(tx)
        lake.write(Layer.LEDGER, "dispute_events", events)
    return dg.MaterializeResult(
        metadata={"rows": events.height, "opened": changes.opened, "withdrawn": changes.withdrawn}
    )


def _evidence(lake: Lake, month: BillingMonth) -> Evidence:
    """Read what the rules need; the month before is there because sessions and copies cross midnight of the first."""
    cdrs, periods = lake.read(Layer.TYPED, "cdrs", month), lake.read(Layer.TYPED, "charging_periods", month)
    connectors, versions = lake.read(Layer.TYPED, "connectors"), lake.read(Layer.TYPED, "tariff_versions")
    neighbours = lake.read(Layer.TYPED, "cdrs", month.previous)
    return gather(
        cdrs=cdrs_with_facts(cdrs, neighbours, lake.read(Layer.MASTER, "agreements"), connectors),
        periods=periods,
        matches=lake.read(Layer.MATCHED, "matches", month),
        priced=lake.read(Layer.PRICED, "wholesale_cdrs", month),
        tokens=lake.read(Layer.TYPED, "tokens"),
        versions=versions,
        tariffs_at_start=tariffs_at_start(cdrs, periods, versions, connectors),
    )


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return {str(word): count for word, count in frame.group_by(column).len().sort(column).iter_rows()}


def _at_stake(found: pl.DataFrame) -> dict[str, str]:
    """Sum by currency what is at stake, each CDR once with its largest finding."""
    per_cdr = found.group_by("cdr_key", "currency").agg(pl.col("amount_at_stake").max())
    sums = per_cdr.group_by("currency").agg(pl.col("amount_at_stake").sum()).sort("currency")
    return {f"at_stake_{currency.lower()}": str(amount) for currency, amount in sums.iter_rows()}


matched_checks = contract_checks(Layer.MATCHED, ["matches", "findings", "verdicts"], partitioned=True)
ledger_checks = contract_checks(Layer.LEDGER, ["dispute_events"], partitioned=True)
