"""Credits and replacements that move cases by themselves: what arriving CDRs say about disputed ones.

OCPI has no dispute state: a CDR is never changed, its remedy is a credit CDR and, where something is still owed, a new
CDR of the same session (OCPI 2.2.1, 10.3.1).
"""

from typing import Final

import polars as pl

from models.reconciliation.copies import original_key
from models.reconciliation.wording import billed
from models.types.money import BILLED
from models.types.vocabularies import DisputeEventKind

CDR_COLUMNS: Final = (
    *("cdr_key", "cpo_id", "session_id", "is_credit", "credit_reference_id", "currency"),
    *("total_cost_excl_vat", "last_updated_at", "received_at"),
)
"""what is needed of `typed/cdrs`, of any month"""

MOVEMENTS: Final = {
    "case_id": pl.String(),
    "kind": pl.String(),
    "related_cdr_key": pl.String(),
    "amount": BILLED,
    "happened_at": pl.Datetime("us", "UTC"),
    "reason": pl.String(),
}
"""one row per case and CDR that moves it"""


def movements(cdrs: pl.DataFrame, case_ids: pl.Series) -> pl.DataFrame:
    """Give the credits of disputed CDRs and, of credited ones, the CDRs that replace them: columns `MOVEMENTS`.

    Sorted by case, kind and CDR. A credit counts whatever its own verdict: a second one of the same CDR is held by R32,
    and can concede no more than the claim.

    Args:
        cdrs: the CDRs of every month, `CDR_COLUMNS` at least.
        case_ids: keys of the disputed CDRs.
    """
    given = _credits(cdrs, case_ids)
    return pl.concat([given, _replacements(cdrs, given)]).sort("case_id", "kind", "related_cdr_key")


def _credits(cdrs: pl.DataFrame, case_ids: pl.Series) -> pl.DataFrame:
    """Give the credits. One that states no amount takes back all: OCPI knows no other."""
    claims = cdrs.filter(~pl.col("is_credit"), pl.col("cdr_key").is_in(case_ids.implode())).select(
        pl.col("cdr_key").alias("case_id"), "currency", billed(pl.col("total_cost_excl_vat")).abs().alias("claimed")
    )
    of_case = cdrs.filter("is_credit").with_columns(original_key().alias("case_id"))
    stated = billed(pl.col("total_cost_excl_vat")).abs()
    return of_case.join(claims, on=("case_id", "currency"), how="inner", validate="m:1").select(
        "case_id",
        pl.lit(str(DisputeEventKind.CREDITED)).alias("kind"),
        pl.col("cdr_key").alias("related_cdr_key"),
        pl.coalesce(stated, "claimed").cast(BILLED).alias("amount"),
        pl.col("received_at").alias("happened_at"),
        pl.format(
            "credit CDR {} takes back {}",
            "cdr_key",
            pl.when(stated.is_null()).then(pl.lit("all of it: it states no amount")).otherwise(_money(stated)),
        ).alias("reason"),
    )


def _replacements(cdrs: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Give the CDRs of a credited CDR's session that the CPO wrote after it."""
    session = pl.format("{}*{}", "cpo_id", pl.col("session_id").str.to_uppercase()).alias("session")
    claims = cdrs.filter(~pl.col("is_credit")).drop_nulls("session_id")
    credited = claims.filter(pl.col("cdr_key").is_in(given["case_id"].implode())).select(
        session, pl.col("cdr_key").alias("case_id"), pl.col("last_updated_at").alias("first_written_at")
    )
    later = claims.with_columns(session).join(credited, on="session", how="inner", validate="m:m")
    is_later = (pl.col("cdr_key") != pl.col("case_id")) & (pl.col("last_updated_at") >= pl.col("first_written_at"))
    new_claim = billed(pl.col("total_cost_excl_vat"))
    return later.filter(is_later).select(
        "case_id",
        pl.lit(str(DisputeEventKind.REPLACED)).alias("kind"),
        pl.col("cdr_key").alias("related_cdr_key"),
        new_claim.alias("amount"),
        pl.col("received_at").alias("happened_at"),
        pl.format("CDR {} of the same session claims {}", "cdr_key", _money(new_claim)).alias("reason"),
    )


def _money(amount: pl.Expr) -> pl.Expr:
    stated = pl.format("{} {}", amount.cast(pl.String), "currency")
    return pl.when(amount.is_null()).then(pl.lit("no amount")).otherwise(stated)
