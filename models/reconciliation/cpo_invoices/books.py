"""What our books say of a CDR that an invoice names: what is owed, what credits take back, what was approved before.

A CDR and its credits are claims of their own, and an invoice may carry one without the other. What is payable of the
original is therefore what is owed after its credits, and what those take back that some invoice carries: whoever pays
both pays what is owed, whichever of them came first.
"""

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from models.reconciliation.copies import original_key
from models.reconciliation.wording import billed
from models.types.money import BILLED
from models.types.vocabularies import Verdict

APPROVED: Final = {
    "cdr_key": pl.String(),
    "approved_under": pl.String(),
    "approved_excl_vat": BILLED,
    "asked_excl_vat": BILLED,
}
"""one row per CDR and invoice that names it: what stands approved, null where nothing is payable yet, and what is
asked, null where that is unknown"""

CASES: Final = {"cdr_key": pl.String(), "is_live": pl.Boolean(), "owed_excl_vat": BILLED, "net_excl_vat": BILLED}
"""one row per dispute: whether it goes on, what of the CDR itself is owed as it stands (`CaseState.owed_amount`), and
what of that is left when its credits are counted (`CaseState.payable_amount`)"""

NOTHING: Final = pl.lit(0).cast(BILLED)


@dataclass(frozen=True)
class Books:
    """What we know of CDRs."""

    cdrs: pl.DataFrame
    """`typed/cdrs` of every CPO and month that may be meant"""
    verdicts: pl.DataFrame
    """`matched/verdicts` of these CDRs"""
    approved: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=APPROVED))
    cases: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CASES))
    """every dispute, live or ended"""


def cdr_facts(books: Books, invoice_id: str) -> pl.DataFrame:
    """Give one row per CDR: what it claims, how it is judged, and what was approved of it.

    `net_excl_vat` is owed after all credits, `credited_excl_vat` what these take back, `credit_key` the first of them.
    """
    verdicts = books.verdicts.select("cdr_key", "verdict")
    claims = books.cdrs.select(
        *("cdr_key", "cdr_id", "cpo_id", "billing_month"),
        pl.col("currency").alias("cdr_currency"),
        billed(pl.col("total_cost_excl_vat")).alias("claimed_excl_vat"),
        pl.col("total_cost_excl_vat").alias("cdr_excl_vat"),
        pl.col("total_cost_incl_vat").alias("cdr_incl_vat"),
    )
    joined = claims
    for more in (verdicts, books.cases, _credited(books.cdrs), approved_by_cdr(books.approved, invoice_id)):
        joined = joined.join(more, on="cdr_key", how="left", maintain_order="left", validate="1:1")
    return _judged(joined)


def _judged(joined: pl.DataFrame) -> pl.DataFrame:
    """Add whether a CDR is accepted or in dispute, and what its dispute, or else its claim, comes to."""
    has_case = pl.col("is_live").is_not_null()
    owed = pl.coalesce("owed_excl_vat", "claimed_excl_vat")
    # A credit whose amount nobody stated takes back all: that is what OCPI means by one.
    given = pl.coalesce("given_excl_vat", "claimed_excl_vat")
    at_most = pl.min_horizontal(given, pl.max_horizontal("claimed_excl_vat", NOTHING))
    taken = pl.when(pl.col("credit_key").is_not_null()).then(at_most)
    by_case = pl.when(has_case).then(owed - pl.coalesce("net_excl_vat", owed))
    credited = pl.coalesce(by_case, taken, NOTHING).cast(BILLED)
    by_rules = (pl.col("verdict") == str(Verdict.ACCEPT)).fill_null(False)
    return joined.with_columns(
        pl.col("is_live").fill_null(False).alias("is_disputed"),
        (has_case & ~pl.col("is_live")).fill_null(False).alias("is_decided"),
        credited.alias("credited_excl_vat"),
        (owed - credited).cast(BILLED).alias("net_excl_vat"),
    ).with_columns(
        # A dispute that has ended says what is owed, whatever the rules still find.
        ((by_rules | pl.col("is_decided")) & ~pl.col("is_disputed")).alias("is_accepted")
    )


def _credited(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Give what credits take back of each original (`cdr_key`, `credit_key`, `given_excl_vat`); null is unknown."""
    amount = billed(pl.col("total_cost_excl_vat")).abs()
    summed = pl.when(amount.null_count() == 0).then(amount.sum())
    return (
        credits_of(cdrs)
        .group_by("original_key")
        .agg(pl.col("credit_key").min(), summed.cast(BILLED).alias("given_excl_vat"))
        .rename({"original_key": "cdr_key"})
    )


def credits_of(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Give the credit CDRs with the CDR that each takes back (`credit_key`, `original_key`, `total_cost_excl_vat`)."""
    given = cdrs.filter("is_credit").select(
        pl.col("cdr_key").alias("credit_key"), original_key(), "total_cost_excl_vat"
    )
    return given.drop_nulls("original_key")


def approved_by_cdr(approved: pl.DataFrame, invoice_id: str) -> pl.DataFrame:
    """Give what stands approved of each CDR, as `approved_before_excl_vat` and `approved_elsewhere_excl_vat`.

    The one is under this invoice, the other under those that `approved_under` names. Null is nothing, and zero is a CDR
    for free. Ids compare without case.
    """
    is_own = pl.col("approved_under").str.to_uppercase() == invoice_id.upper()
    amount, known = pl.col("approved_excl_vat"), pl.col("approved_excl_vat").is_not_null()
    sums = {"approved_before_excl_vat": known & is_own, "approved_elsewhere_excl_vat": known & ~is_own}
    return approved.group_by("cdr_key").agg(
        *(pl.when(which.any()).then(amount.filter(which).sum()).cast(BILLED).alias(to) for to, which in sums.items()),
        pl.col("approved_under").filter(known & ~is_own & (amount != 0)).sort().str.join(", ").replace("", None),
    )


def with_cap(facts: pl.DataFrame, carried: pl.DataFrame) -> pl.DataFrame:
    """Add what of a CDR is owed, and what is payable, by the credits that invoices carry.

    Args:
        facts: `cdr_facts`.
        carried: what credits on invoices take back of a CDR (`cdr_key`, `carried_excl_vat`).
    """
    joined = facts.drop("owed_excl_vat", strict=False).join(carried, on="cdr_key", how="left", validate="1:1")
    back = pl.min_horizontal(pl.col("carried_excl_vat").fill_null(NOTHING), "credited_excl_vat").cast(BILLED)
    is_covered = (back > 0) & (back >= pl.col("claimed_excl_vat"))
    payable = pl.col("is_accepted") | pl.col("is_disputed")
    return joined.with_columns(
        (pl.col("net_excl_vat") + back).cast(BILLED).alias("owed_excl_vat"),
        # Nothing is payable of what nobody accepted, but for what is taken back again by the same money.
        pl.when(payable).then(pl.col("net_excl_vat") + back).otherwise(back).cast(BILLED).alias("cap_excl_vat"),
        (pl.col("credited_excl_vat") > back).fill_null(False).alias("lacks_credit"),
        (pl.col("is_accepted") | is_covered.fill_null(False)).alias("is_accepted"),
    )
