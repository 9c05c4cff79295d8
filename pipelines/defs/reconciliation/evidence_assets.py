"""The evidence packs of a month: what every dispute rests on, as files to hand to its CPO.

Belongs here: when packs are made and what to report. Does not: what a pack says (`models/reconciliation/packs`), what
it is read from and where it lies (`pipelines/lib/evidence_packs`), or how it looks (`reports/evidence_pack.py`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets
"""

import dagster as dg

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_keys
from pipelines.lib.evidence_packs.reading import Cases, MonthOfPacks, read_cases
from pipelines.lib.evidence_packs.writing import PackFile, folder_of, outdated, render_packs, write_packs
from pipelines.lib.lake import Lake
from pipelines.lib.partitions import BILLING_MONTHS, month_of
from pipelines.lib.settings import Settings

_CHECK = "every_disputed_cdr_has_its_pack"
_PACKS = dg.AssetKey(["documents", "evidence_packs"])


@dg.asset(
    key=_PACKS,
    deps=[
        *asset_keys(Layer.LEDGER, "dispute_events", "disputes"),
        *asset_keys(Layer.MATCHED, "matches", "verdicts", "findings", "not_checked"),
        *asset_keys(Layer.PRICED, "wholesale_cdrs", "wholesale_components"),
        *asset_keys(Layer.TYPED, "cdrs", "charging_periods", "authorizations", "sessions", "tokens"),
        *asset_keys(Layer.TYPED, "connectors", "tariff_versions", "tariff_components"),
        *asset_keys(Layer.MASTER, "agreements", "legal_entities"),
    ],
    partitions_def=BILLING_MONTHS,
    group_name="reconciliation",
    kinds={"json"},
    check_specs=[dg.AssetCheckSpec(_CHECK, asset=_PACKS)],
)
def evidence_packs(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One JSON pack per CDR of the month that is held, rejected, or has a case; a PDF too where settings ask for it.

    Packs of other months whose cases moved since, by a credit or by time, are written again. A PDF takes a third of a
    second, so by default they are made when somebody asks (`roamledger disputes packs`).
    """
    settings, month, cases = home.settings, month_of(context), read_cases(home.register)
    wanted = MonthOfPacks(home.lake, month, cases)
    files = write_packs(folder_of(settings.documents, month), wanted.packs())
    moved = _moved(settings, home.lake, cases, month)
    rendered = render_packs([*files, *moved], home.compute).rendered if settings.evidence_pdfs else 0
    missing = sorted({*wanted.owners} - {file.case_id for file in files})
    return dg.MaterializeResult(
        metadata={
            "packs": len(files),
            "written": sum(file.is_new for file in files),
            "moved_in_other_months": len(moved),
            "rendered": rendered,
            "without_record": sum(not file.has_record for file in files),
            "folder": dg.MetadataValue.path(str(folder_of(settings.documents, month))),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=_CHECK,
                passed=not missing,
                metadata={"packs": len(files), "missing": ", ".join(missing[:5])},
            )
        ],
    )


def _moved(settings: Settings, lake: Lake, cases: Cases, month: BillingMonth) -> list[PackFile]:
    """Write the packs of other months whose cases moved since they were written."""
    files: list[PackFile] = []
    for other, keys in outdated(settings.documents, cases.states.values(), month).items():
        packs = MonthOfPacks(lake, other, cases)
        files += write_packs(folder_of(settings.documents, other), packs.packs({*keys} & {*packs.owners}))
    return files
