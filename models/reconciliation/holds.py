"""What a held or rejected CDR is disputed for: its blocking findings in one row, ready to open a case with."""

import polars as pl

from models.types.vocabularies import Severity, Verdict


def holds(verdicts: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Give one row per held or rejected CDR, sorted by key: `rule_ids` and `reason` of what blocks it, and its stake.

    The amount is the largest of the findings and not their sum: two reasons to refuse the same 12 EUR are one claim of
    12 EUR.

    Args:
        verdicts: `matched/verdicts`.
        findings: `matched/findings`.
    """
    blocking = (
        findings.filter(pl.col("severity").is_in([str(Severity.REJECT), str(Severity.BLOCK)]))
        .sort("cdr_key", "rule_id")
        .group_by("cdr_key", maintain_order=True)
        .agg(
            pl.col("rule_id").str.join(",").alias("rule_ids"),
            pl.format("{} {}: {}", "rule_id", "rule_name", "message").str.join("; ").alias("reason"),
            pl.col("amount_at_stake").max(),
        )
    )
    held = verdicts.filter(pl.col("verdict") != str(Verdict.ACCEPT))
    return (
        held.select("cdr_key", "cpo_id", "currency", "billing_month")
        .join(blocking, on="cdr_key", how="inner", validate="1:1")
        .sort("cdr_key")
    )
