"""What becomes of each CDR: one verdict over all its findings, with both prices side by side."""

import polars as pl

from models.reconciliation.prices import with_prices
from models.schemas.registry import Layer, table
from models.types.vocabularies import Severity, Verdict


def judge(cdrs: pl.DataFrame, findings: pl.DataFrame, priced: pl.DataFrame) -> pl.DataFrame:
    """Give `matched/verdicts`, one row per CDR, sorted by key: hold where any finding blocks, else accept.

    Nothing is rejected here: to refuse a claim for good is a decision of people, and until then even an impossible
    record is held with a case, so that no claim ever leaves the books without one.

    Args:
        cdrs: `typed/cdrs`.
        findings: `matched/findings` of these CDRs.
        priced: `priced/wholesale_cdrs` of these CDRs.
    """
    blocks = pl.col("severity") == str(Severity.BLOCK)
    by_cdr = (
        findings.sort("cdr_key", "rule_id")
        .group_by("cdr_key", maintain_order=True)
        .agg(pl.col("rule_id").alias("rule_ids"), blocks.any().alias("is_blocked"))
    )
    verdict = pl.when(pl.col("is_blocked").fill_null(False)).then(pl.lit(str(Verdict.HOLD)))
    return (
        with_prices(cdrs, priced)
        .join(by_cdr, on="cdr_key", how="left", validate="1:1")
        .with_columns(
            verdict.otherwise(pl.lit(str(Verdict.ACCEPT))).alias("verdict"),
            pl.col("rule_ids").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            (pl.col("claimed_excl_vat") - pl.col("recomputed_excl_vat")).alias("difference_excl_vat"),
            pl.col("total_cost_excl_vat").alias("claimed_excl_vat"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in table(Layer.MATCHED, "verdicts").schema.items())
        .sort("cdr_key")
    )
