"""The evidence packs of a month: what every dispute rests on, as files to hand to its CPO.

Belongs here: when packs are made and what to report. Does not: what a pack says (`models/reconciliation/packs`), what
it is read from and where it lies (`pipelines/lib/evidence_packs`), or how it looks (`reports/evidence_pack.py`).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets
"""

import dagster as dg

from models.schemas.registry import Layer
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_keys
from pipelines.lib.evidence_packs.reading import MonthOfPacks, read_cases
from pipelines.lib.evidence_packs.writing import folder_of, render_packs, write_packs
from pipelines.lib.partitions import BILLING_MONTHS, month_of

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

    A PDF takes a third of a second, so by default they are made when somebody asks (`roamledger disputes packs`).
    """
    settings, month = home.settings, month_of(context)
    wanted = MonthOfPacks(home.lake, month, read_cases(home.register))
    files = write_packs(folder_of(settings.documents, month), wanted.packs())
    rendered = render_packs(files, home.compute).rendered if settings.evidence_pdfs else 0
    missing = sorted({*wanted.owners} - {file.case_id for file in files})
    return dg.MaterializeResult(
        metadata={
            "packs": len(files),
            "written": sum(file.is_new for file in files),
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
