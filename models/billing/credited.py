"""Sessions that a CPO took back: nothing of them is billed, and what replaces a billed one waits for a person.

A credit CDR (OCPI 2.2.1, 10.1.1) says that its original is not owed. Our customer then owes nothing for it either, and
the CDR that replaces it is the session. Where the original was billed before the credit came, the session is paid for
already: its replacement would be the same session a second time.
"""

from collections.abc import Collection
from typing import Final

import polars as pl

from models.reconciliation.copies import CREDIT_COLUMNS, taken_back

CREDITED_COLUMNS: Final = (*CREDIT_COLUMNS, "session_id")
"""of `typed/cdrs`, of all months: a credit may come long after its original"""

OBSTACLES: Final = {"cdr_key": pl.String(), "obstacle": pl.String()}
"""one row per CDR that must not be billed, with the reason"""

NO_OBSTACLES: Final = pl.DataFrame(schema=OBSTACLES)

_TAKEN_BACK: Final = "a credit CDR took it back: nothing of it is billed"


def obstacles(cdrs: pl.DataFrame, billed: Collection[str]) -> pl.DataFrame:
    """Say which sessions must not be billed, in the shape of `OBSTACLES`, sorted by key.

    What was billed stays as it is, so that a month that was closed always gives the same charges.

    Args:
        cdrs: `CREDITED_COLUMNS` of the CDRs of all months.
        billed: keys of the CDRs that stand on an issued document.
    """
    if not cdrs["is_credit"].any():
        return NO_OBSTACLES
    told = cdrs.with_columns(
        pl.col("cdr_key").is_in(taken_back(cdrs).implode()).alias("is_taken_back"),
        pl.col("cdr_key").is_in(pl.Series(sorted(billed), dtype=pl.String).implode()).alias("is_billed"),
        pl.concat_str("cpo_id", pl.col("session_id").str.to_uppercase(), separator="*").alias("session"),
    )
    paid = told.filter("is_taken_back", "is_billed").sort("cdr_key").unique("session", keep="first")
    again = pl.format("its session was billed as CDR {}, which was then credited: a person corrects that", "paid_key")
    return (
        told.filter(~pl.col("is_billed"), ~pl.col("is_credit"))
        .join(paid.select("session", pl.col("cdr_key").alias("paid_key")), on="session", how="left", validate="m:1")
        .with_columns(
            pl.when("is_taken_back")
            .then(pl.lit(_TAKEN_BACK))
            .when(pl.col("paid_key").is_not_null())
            .then(again)
            .alias("obstacle")
        )
        .drop_nulls("obstacle")
        .select(*OBSTACLES)
        .sort("cdr_key")
    )
