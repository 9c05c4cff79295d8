"""Reconciliation assets: every CDR held against what the eMSP authorized, and disputes for what does not stand.

Belongs here: calling `models.reconciliation`, writing matches, outcomes, findings, verdicts, and recording disputes.
Does not: a rule or a threshold (`models/reconciliation`), what a month's work reads (`pipelines/lib/reconciling.py`),
or how the register keeps a case (`pipelines/lib/register/disputes.py`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets-with-asset-dependencies
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from models.reconciliation.cases.movements import CDR_COLUMNS
from models.reconciliation.rules.catalogue import find_all, not_checked
from models.reconciliation.verdicts import judge
from models.reconciliation.wording import billed
from models.schemas.registry import Layer
from models.types.vocabularies import DisputeEventKind, Verdict
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key, asset_keys
from pipelines.lib.checks import contract_checks
from pipelines.lib.company import company_zone
from pipelines.lib.disputes.exporting import export_cases
from pipelines.lib.disputes.recording import Moment, record_verdicts
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.partitions import BILLING_MONTHS, month_of
from pipelines.lib.reconciling import Month
from pipelines.lib.register.disputes import settled_rules

_GROUP = "reconciliation"
_TOKENS = ("tokens", "token_history")
_TARIFFS = ("connectors", "tariff_versions", "tariff_components")


@dg.asset(
    key=asset_key(Layer.MATCHED, "matches"),
    deps=[*asset_keys(Layer.TYPED, "cdrs", "authorizations", "sessions"), *asset_keys(Layer.MASTER, "agreements")],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def matches(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per CDR: the authorization and the session it belongs to, or none and why."""
    lake, month = home.lake, month_of(context)
    frame = Month(lake, month).matches()
    lake.write(Layer.MATCHED, "matches", frame, month)
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(frame, "match_kind")})


@dg.asset(
    key=asset_key(Layer.MATCHED, "record_outcomes"),
    deps=[
        *asset_keys(Layer.MATCHED, "matches"),
        *asset_keys(Layer.TYPED, "cdrs", "charging_periods", "authorizations", "sessions", *_TOKENS, *_TARIFFS[:2]),
        *asset_keys(Layer.MASTER, "agreements"),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def record_outcomes(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per authorization, session, CDR and tariff version of the month: its partner, or why it has none."""
    lake, month = home.lake, month_of(context)
    frame = Month(lake, month).outcomes()
    lake.write(Layer.MATCHED, "record_outcomes", frame, month)
    kinds = frame.select(pl.format("{}_{}", "record_kind", "outcome").alias("outcome"))
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(kinds, "outcome")})


@dg.asset(
    key=asset_key(Layer.MATCHED, "expected_cdrs"),
    deps=[
        *asset_keys(Layer.MATCHED, "record_outcomes"),
        *asset_keys(Layer.TYPED, "cdrs", "authorizations", "sessions", *_TOKENS, *_TARIFFS),
        *asset_keys(Layer.MASTER, "agreements"),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def expected(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per CDR that never came, with what is to be accrued for it until it does."""
    lake, month = home.lake, month_of(context)
    frame = Month(lake, month).expected()
    lake.write(Layer.MATCHED, "expected_cdrs", frame, month)
    known = frame.drop_nulls("estimated_excl_vat").group_by("currency").agg(pl.col("estimated_excl_vat").sum())
    sums = {f"accrued_{currency.lower()}": str(amount) for currency, amount in known.sort("currency").iter_rows()}
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(frame, "record_kind"), **sums})


_EVIDENCE = [
    *asset_keys(Layer.MATCHED, "matches"),
    *asset_keys(Layer.PRICED, "wholesale_cdrs"),
    *asset_keys(Layer.TYPED, "cdrs", "charging_periods", "records", *_TOKENS, *_TARIFFS),
    *asset_keys(Layer.MASTER, "agreements", "home_chargers"),
]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            asset_key(Layer.MATCHED, "findings"),
            deps=_EVIDENCE,
            description="One row per CDR and rule that it breaks, with the numbers and the amount at stake.",
        ),
        dg.AssetSpec(
            asset_key(Layer.MATCHED, "not_checked"),
            deps=_EVIDENCE,
            description="One row per CDR and rule that could not look at it: neither passed nor broken.",
        ),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def findings(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Hold every CDR of the month against every rule, and keep what was found and what could not be looked at."""
    lake, month = home.lake, month_of(context)
    read = Month(lake, month)
    evidence = read.evidence()
    found, abstained = find_all(evidence), not_checked(evidence)
    lake.write(Layer.MATCHED, "findings", found, month)
    lake.write(Layer.MATCHED, "not_checked", abstained, month)
    told = {"rows": found.height, **_counts(found, "rule_id"), **_at_stake(found), **_defaults(context, read)}
    yield dg.MaterializeResult(asset_key(Layer.MATCHED, "findings"), metadata=told)
    counts = {"rows": abstained.height, **_counts(abstained, "rule_id")}
    yield dg.MaterializeResult(asset_key(Layer.MATCHED, "not_checked"), metadata=counts)


def _defaults(context: dg.AssetExecutionContext, read: Month) -> dict[str, str]:
    """Say once, in the log and the metadata, which CPOs of the month have the default thresholds."""
    names = ", ".join(read.limits.on_defaults(read.cdrs["cpo_id"].unique()))
    if names:
        context.log.info("default thresholds of the rules apply, because no agreement names others: %s", names)
    return {"default_thresholds": names}


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
    """One row per CDR: accept, hold or reject, with the claimed and the recomputed price side by side.

    What a dispute has settled no longer blocks; the register keeps who decided it and why.
    """
    lake, month = home.lake, month_of(context)
    found = lake.read(Layer.MATCHED, "findings", month)
    priced = lake.read(Layer.PRICED, "wholesale_cdrs", month)
    with home.register.reading() as tx:
        settled = settled_rules(tx)
    frame = judge(lake.read(Layer.TYPED, "cdrs", month), found, priced, settled)
    lake.write(Layer.MATCHED, "verdicts", frame, month)
    held = frame.filter(pl.col("verdict") == str(Verdict.HOLD)).group_by("currency")
    claims = held.agg(billed(pl.col("claimed_excl_vat")).sum()).sort("currency")
    sums = {f"held_{currency.lower()}": str(amount) for currency, amount in claims.iter_rows()}
    return dg.MaterializeResult(metadata={"rows": frame.height, **_counts(frame, "verdict"), **sums})


_CASES = [
    *asset_keys(Layer.MATCHED, "findings", "verdicts"),
    *asset_keys(Layer.MASTER, "agreements", "legal_entities"),
    *asset_keys(Layer.TYPED, "cdrs"),
]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            asset_key(Layer.LEDGER, "dispute_events"),
            deps=_CASES,
            description="One row per event of a dispute case.",
        ),
        dg.AssetSpec(
            asset_key(Layer.LEDGER, "disputes"),
            deps=_CASES,
            description="One row per dispute case: its state, and what of the claim is payable, held and conceded.",
        ),
    ],
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def disputes(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Open, move and end cases by the month's verdicts, by the credits and replacements that arrived, and by time.

    The register is exported whole, once what happened is committed: a table never tells what was rolled back.
    """
    lake, month, now = home.lake, month_of(context), home.settings.clock()
    moment = Moment(now, now.astimezone(company_zone(lake)).date())
    terms = Terms.of(lake.read(Layer.MASTER, "agreements"))
    cdrs = lake.read_columns(Layer.TYPED, "cdrs", CDR_COLUMNS)
    found = {name: lake.read(Layer.MATCHED, name, month) for name in ("verdicts", "findings")}
    with home.register.transaction() as tx:
        recorded = record_verdicts(tx, found["verdicts"], found["findings"], terms, moment, cdrs)
    rows = export_cases(home.register, lake)
    events = {str(kind): recorded[kind] for kind in _BY_ITSELF}
    told = {"rows": rows["dispute_events"], **events}
    yield dg.MaterializeResult(asset_key(Layer.LEDGER, "dispute_events"), metadata=told)
    yield dg.MaterializeResult(asset_key(Layer.LEDGER, "disputes"), metadata={"rows": rows["disputes"]})


_BY_ITSELF = tuple(DisputeEventKind(word) for word in ("opened", "withdrawn", "credited", "replaced", "expired"))
"""what happens to cases without anybody deciding it"""


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return {str(word): count for word, count in frame.group_by(column).len().sort(column).iter_rows()}


def _at_stake(found: pl.DataFrame) -> dict[str, str]:
    """Sum by currency what is at stake, each CDR once with its largest finding."""
    per_cdr = found.group_by("cdr_key", "currency").agg(pl.col("amount_at_stake").max())
    sums = per_cdr.group_by("currency").agg(pl.col("amount_at_stake").sum()).sort("currency")
    return {f"at_stake_{currency.lower()}": str(amount) for currency, amount in sums.iter_rows()}


matched_checks = contract_checks(
    Layer.MATCHED,
    ["matches", "record_outcomes", "expected_cdrs", "findings", "not_checked", "verdicts"],
    partitioned=True,
)
ledger_checks = contract_checks(Layer.LEDGER, ["dispute_events", "disputes"], partitioned=True)
