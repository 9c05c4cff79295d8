"""What a held or rejected CDR is disputed for: its blocking findings in one row, ready to open a case with."""

import polars as pl

from models.reconciliation.cases.transitions import PRICE_RULES
from models.reconciliation.wording import billed
from models.types.money import BILLED
from models.types.vocabularies import Severity, Verdict


def holds(verdicts: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Give one row per held or rejected CDR, sorted by key: `rule_ids` and `reason` of what blocks it, and its amounts.

    `amount_at_stake` is the largest of the findings and not their sum: two reasons to refuse the same 12 EUR are one
    claim of 12 EUR. `claimed` is what the CDR claims, `disputed` what of it is in question: all of it where the CDR is
    rejected or a finding puts no figure on it, nothing where it only claims too little, else what is at stake. All
    excl. VAT.

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
            (pl.col("amount_at_stake").null_count() == 0).alias("is_bounded"),
            pl.col("rule_id").is_in(PRICE_RULES).all().alias("is_about_price"),
        )
    )
    held = verdicts.filter(pl.col("verdict") != str(Verdict.ACCEPT)).with_columns(
        billed(pl.col("claimed_excl_vat")).alias("claimed")
    )
    return (
        held.select("cdr_key", "cpo_id", "currency", "billing_month", "verdict", "claimed", "difference_excl_vat")
        .join(blocking, on="cdr_key", how="inner", validate="1:1")
        .with_columns(_disputed().alias("disputed"))
        .drop("is_bounded", "is_about_price", "verdict", "difference_excl_vat")
        .sort("cdr_key")
    )


def _disputed() -> pl.Expr:
    stake, claim = pl.col("amount_at_stake").abs(), pl.col("claimed").abs()
    is_too_little = pl.col("is_about_price") & (pl.col("difference_excl_vat") < 0)
    is_part = pl.col("is_bounded") & (pl.col("verdict") == str(Verdict.HOLD)) & (stake > 0) & (stake < claim)
    return (
        pl.when(is_too_little.fill_null(False))
        .then(pl.lit(0).cast(BILLED))
        .when(is_part.fill_null(False))
        .then(stake)
        .otherwise(claim)
    )
