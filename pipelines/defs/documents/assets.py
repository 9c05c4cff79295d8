"""Document assets: a PDF for every issued document.

Belongs here: when to render and what to report. Does not: what a document says (`models/billing`), how a page looks
(`reports`), or how files and register agree (`pipelines/lib/rendering.py`, which verification reads as well).
Concept: https://docs.dagster.io/guides/build/assets/defining-assets
"""

import dagster as dg

from pipelines.defs.resources import Home
from pipelines.lib.partitions import BILLING_MONTHS, month_of
from pipelines.lib.rendering import intact, render_documents


@dg.asset(
    key=["documents", "pdfs"],
    group_name="documents",
    deps=[dg.AssetKey(["ledger", "documents"])],
    partitions_def=BILLING_MONTHS,
    kinds={"pdf"},
    check_specs=[dg.AssetCheckSpec("every_document_has_its_file", asset=dg.AssetKey(["documents", "pdfs"]))],
)
def pdfs(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
    """One PDF per issued document of the month, made once; its hash stands in the register."""
    settings, register, month = home.settings, home.register, month_of(context)
    report = render_documents(settings, register, home.compute, month)
    for line in report.differing:
        context.log.warning(line)
    fine, missing = intact(settings, register, month)
    return dg.MaterializeResult(
        metadata={
            "documents": report.documents,
            "rendered": report.rendered,
            "pages": report.pages,
            "seconds": round(report.seconds, 1),
            "folder": dg.MetadataValue.path(str(settings.documents / str(month))),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="every_document_has_its_file",
                passed=not missing,
                metadata={"intact": len(fine), "missing": ", ".join(missing[:5])},
            )
        ],
    )
