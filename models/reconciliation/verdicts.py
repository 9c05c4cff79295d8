"""What becomes of each CDR: one verdict over all its findings, with both prices side by side."""

from typing import Final

import polars as pl

from models.frames import beside, sorted_by
from models.reconciliation.prices import with_prices
from models.schemas.registry import Layer, table
from models.types.vocabularies import Severity, Verdict

SETTLED: Final = {"cdr_key": pl.String(), "rule_id": pl.String()}
"""one row per CDR and rule that no longer holds it back, because its dispute has ended (`CaseState.settled_rules`)"""


def judge(
    cdrs: pl.DataFrame, findings: pl.DataFrame, priced: pl.DataFrame, settled: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Give `matched/verdicts`, one row per CDR, sorted by key: reject or hold where any finding says so, else accept.

    Reject means that by agreement nothing is owed; it opens a case as a hold does, so that no claim ever leaves the
    books without one, and people have the last word on it: a rule that a dispute has settled no longer blocks.

    Args:
        cdrs: `typed/cdrs`.
        findings: `matched/findings` of these CDRs.
        priced: `priced/wholesale_cdrs` of these CDRs.
        settled: what disputes have settled, `SETTLED`.
    """
    is_open = ~pl.col("is_settled")
    by_cdr = (
        _with_decisions(findings, settled)
        .sort("cdr_key", "rule_id")
        .group_by("cdr_key", maintain_order=True)
        .agg(
            pl.col("rule_id").alias("rule_ids"),
            *((is_open & (pl.col("severity") == str(each))).any().alias(f"has_{each}") for each in _VERDICT_OF),
        )
    )
    verdict = pl.coalesce(
        pl.when(f"has_{severity}").then(pl.lit(str(verdict))) for severity, verdict in _VERDICT_OF.items()
    )
    needed = ("cdr_key", "cpo_id", "currency", "total_cost_excl_vat", "total_cost_incl_vat", "billing_month")
    return (
        beside(with_prices(sorted_by(cdrs.select(needed), "cdr_key"), priced), by_cdr)
        .with_columns(
            verdict.fill_null(str(Verdict.ACCEPT)).alias("verdict"),
            pl.col("rule_ids").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            (pl.col("claimed_excl_vat") - pl.col("recomputed_excl_vat")).alias("difference_excl_vat"),
            pl.col("total_cost_excl_vat").alias("claimed_excl_vat"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in table(Layer.MATCHED, "verdicts").schema.items())
    )


def _with_decisions(findings: pl.DataFrame, settled: pl.DataFrame | None) -> pl.DataFrame:
    """Add `is_settled`: the dispute of the CDR has ended, and settled this rule."""
    decided = pl.DataFrame(schema=SETTLED) if settled is None else settled
    marked = decided.unique().with_columns(pl.lit(value=True).alias("is_settled"))
    return (
        findings.select("cdr_key", "rule_id", "severity")
        .join(marked, on=("cdr_key", "rule_id"), how="left", validate="m:1")
        .with_columns(pl.col("is_settled").fill_null(value=False))
    )


_VERDICT_OF: Final = {Severity.REJECT: Verdict.REJECT, Severity.BLOCK: Verdict.HOLD}
"""what a finding makes of its CDR, the gravest first; no other severity changes a verdict"""
