"""Billing assets: from accepted sessions to issued documents.

Belongs here: reading what billing needs for a month, calling `models.billing`, writing the result, saying sums.
Does not: a rule of price, VAT or rounding (`models/billing`), the close itself (`pipelines/lib/close.py`, which the
command line runs as well), or the rendering of documents (area `documents`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets-with-asset-dependencies
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from models.billing.charges import session_charges
from models.billing.fees import fee_charges
from models.billing.reimbursements import reimbursements as home_reimbursements
from models.billing.selection import retail_sessions, retail_subjects
from models.rating.kernel import rate
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeOutcome, RatingOutcome
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key, asset_keys
from pipelines.lib.billed_before import billing_obstacles
from pipelines.lib.books import load_books, master_tables
from pipelines.lib.checks import contract_checks
from pipelines.lib.close import close_month, is_closed
from pipelines.lib.lake import Lake
from pipelines.lib.partitions import BILLING_MONTHS, month_of
from pipelines.lib.reference_data import home_rates
from pipelines.receiver.waiting import refuse_waiting

_GROUP = "billing"
_MASTER = ("legal_entities", "vat_registrations", "accounts", "account_vat_ids", "plans", "contracts")
_LEDGER = ("documents", "document_lines", "document_vat", "closes")


_RETAIL_DEPS = [
    *asset_keys(Layer.TYPED, "cdrs", "charging_periods", "tariff_versions", "tariff_components"),
    *asset_keys(Layer.MASTER, *_MASTER, "plan_tariffs"),
]
_CHARGE_DEPS = [
    *asset_keys(Layer.TYPED, "cdrs"),
    *asset_keys(Layer.PRICED, "retail_cdrs"),
    *asset_keys(Layer.MATCHED, "verdicts"),
    *asset_keys(Layer.MASTER, *_MASTER, "drivers", "vehicles"),
]
_HOME_DEPS = [
    *asset_keys(Layer.TYPED, "cdrs"),
    *asset_keys(Layer.MATCHED, "verdicts"),
    *asset_keys(Layer.MASTER, "legal_entities", "contracts", "drivers", "home_chargers"),
]
_CLOSE_DEPS = [
    *asset_keys(Layer.BILLED, "charges", "reimbursements"),
    *asset_keys(Layer.PRICED, "retail_components"),
    *asset_keys(Layer.MATCHED, "verdicts"),
    *asset_keys(Layer.MASTER, *_MASTER, "drivers", "vehicles", "fx_rates"),
]


def _spec(layer: Layer, name: str, description: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(asset_key(layer, name), description=description, deps=deps, group_name=_GROUP)


@dg.multi_asset(
    name="retail",
    partitions_def=BILLING_MONTHS,
    specs=[
        _spec(
            Layer.PRICED,
            "retail_cdrs",
            "One row per CDR with a known contract: its price by the customer's plan.",
            _RETAIL_DEPS,
        ),
        _spec(
            Layer.PRICED,
            "retail_components",
            "One row per priced component of a retail price: why each cent is there.",
            _RETAIL_DEPS,
        ),
    ],
)
def retail(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Price every session not charged at home by the plan of its contract."""
    lake, month = home.lake, month_of(context)
    master, versions = master_tables(lake), lake.read(Layer.TYPED, "tariff_versions")
    subjects = retail_subjects(lake.read(Layer.TYPED, "cdrs", month), master)
    party = str(master["legal_entities"]["ocpi_party_id"].first())
    sessions = retail_sessions(subjects, master["plan_tariffs"], versions, party)
    rated = rate(sessions, _periods(lake, month, sessions), versions, lake.read(Layer.TYPED, "tariff_components"))
    lake.write(Layer.PRICED, "retail_cdrs", rated.cdrs, month)
    lake.write(Layer.PRICED, "retail_components", rated.components, month)
    unpriced = rated.cdrs.filter(pl.col("outcome") == str(RatingOutcome.NOT_PRICED)).height
    yield _result(Layer.PRICED, "retail_cdrs", rows=rated.cdrs.height, not_priced=unpriced)
    yield _result(Layer.PRICED, "retail_components", rows=rated.components.height)


def _periods(lake: Lake, month: BillingMonth, sessions: pl.DataFrame) -> pl.DataFrame:
    """Give the charging periods without the CPO's tariff ids, which mean nothing to a plan."""
    periods = lake.read(Layer.TYPED, "charging_periods", month).join(sessions, on="cdr_key", how="semi")
    return periods.with_columns(pl.lit(None, pl.String).alias("tariff_id")).sort("cdr_key", "period_index")


@dg.asset(key=asset_key(Layer.BILLED, "charges"), deps=_CHARGE_DEPS, partitions_def=BILLING_MONTHS, group_name=_GROUP)
def charges(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per thing billed to an account: an accepted session, or a monthly fee, with its VAT decision."""
    lake, month, books = home.lake, month_of(context), load_books(home.lake)
    subjects = retail_subjects(lake.read(Layer.TYPED, "cdrs", month), master_tables(lake))
    retail_cdrs, verdicts = lake.read(Layer.PRICED, "retail_cdrs", month), lake.read(Layer.MATCHED, "verdicts", month)
    sessions = session_charges(subjects, retail_cdrs, verdicts, books, billing_obstacles(lake, home.register))
    frame = pl.concat([sessions, fee_charges(month, books)], how="vertical").sort("charge_id")
    lake.write(Layer.BILLED, "charges", frame, month)
    return _result(Layer.BILLED, "charges", **_sums(frame, "net_amount"))


@dg.asset(
    key=asset_key(Layer.BILLED, "reimbursements"),
    deps=_HOME_DEPS,
    partitions_def=BILLING_MONTHS,
    group_name=_GROUP,
)
def reimbursements(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One row per accepted session charged at home: what the employer refunds to the driver."""
    lake, month = home.lake, month_of(context)
    cdrs, verdicts = lake.read(Layer.TYPED, "cdrs", month), lake.read(Layer.MATCHED, "verdicts", month)
    credited = billing_obstacles(lake, home.register)
    frame = home_reimbursements(cdrs, verdicts, load_books(lake), home_rates(), credited)
    lake.write(Layer.BILLED, "reimbursements", frame, month)
    return _result(Layer.BILLED, "reimbursements", **_sums(frame, "amount"))


@dg.multi_asset(
    name="close",
    partitions_def=BILLING_MONTHS,
    specs=[
        _spec(Layer.LEDGER, "documents", "One row per issued document.", _CLOSE_DEPS),
        _spec(Layer.LEDGER, "document_lines", "One row per line of an invoice or statement.", _CLOSE_DEPS),
        _spec(Layer.LEDGER, "document_vat", "One row per invoice, VAT country, category and rate.", _CLOSE_DEPS),
        _spec(Layer.LEDGER, "closes", "One row per closed month.", _CLOSE_DEPS),
    ],
)
def close(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Close the month: issue what is due in one transaction, then project the register into the ledger tables.

    The close has its own gate (every acknowledged CDR read, every CDR judged, every accepted one charged), because an
    asset check stops only the run that it belongs to. A month that is closed already stays as it is.
    """
    lake, register, month = home.lake, home.register, month_of(context)
    if not is_closed(register, month):
        refuse_waiting(home.settings, lake, month)
    report = close_month(lake, register, month, home.settings.clock())
    for name in _LEDGER:
        yield _result(
            Layer.LEDGER, name, rows=lake.read(Layer.LEDGER, name).height, outputs_sha256=report.outputs_sha256
        )


def _sums(frame: pl.DataFrame, column: str) -> dict[str, int | str]:
    """Count rows by outcome and sum billable amounts by currency, which are never added up across currencies."""
    billable = frame.filter(pl.col("outcome") == str(ChargeOutcome.BILLABLE))
    sums = billable.group_by("currency").agg(pl.col(column).sum()).sort("currency")
    amounts = {f"{column}_{currency.lower()}": str(amount) for currency, amount in sums.iter_rows()}
    return {"rows": frame.height, "review": frame.height - billable.height, **amounts}


def _result(layer: Layer, name: str, **metadata: int | str) -> dg.MaterializeResult:
    return dg.MaterializeResult(asset_key=asset_key(layer, name), metadata=metadata)


priced_checks = contract_checks(Layer.PRICED, ["retail_cdrs", "retail_components"], partitioned=True)
billed_checks = contract_checks(Layer.BILLED, ["charges", "reimbursements"], partitioned=True)
ledger_checks = contract_checks(Layer.LEDGER, _LEDGER, partitioned=False)
