"""What must hold before a month is closed: a failed asset check stops its own run only, so issuing has its own gate."""

from __future__ import annotations

import polars as pl

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import Verdict
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake


def refuse_unready(lake: Lake, month: BillingMonth) -> None:
    """Hold the records up to a month to conservation; a broken one is a `UserError` that names month and record.

    Every CDR has exactly one verdict, every verdict a CDR, and every accepted CDR is a charge or a reimbursement.
    """
    if month not in lake.months(Layer.BILLED, "charges"):
        msg = f"billed/charges of {month} was never built: run roamledger pull, then close again"
        raise UserError(msg)
    for each in lake.months(Layer.TYPED, "cdrs"):
        if each <= month:
            _refuse_unjudged(lake, each)
            _refuse_uncharged(lake, each)


def _refuse_unjudged(lake: Lake, month: BillingMonth) -> None:
    cdrs = lake.read(Layer.TYPED, "cdrs", month).select("cdr_key")
    verdicts = lake.read(Layer.MATCHED, "verdicts", month)
    _refuse(month, "CDRs without a verdict", cdrs.join(verdicts, on="cdr_key", how="anti"))
    _refuse(month, "verdicts without a CDR", verdicts.join(cdrs, on="cdr_key", how="anti"))
    _refuse(month, "CDRs with several verdicts", verdicts.filter(pl.col("cdr_key").is_duplicated()))
    unknown = ~pl.col("verdict").is_in([str(verdict) for verdict in Verdict])
    _refuse(month, "verdicts that are none of accept, hold, reject", verdicts.filter(unknown))


def _refuse_uncharged(lake: Lake, month: BillingMonth) -> None:
    accepted = lake.read(Layer.MATCHED, "verdicts", month).filter(pl.col("verdict") == str(Verdict.ACCEPT))
    charged = lake.read(Layer.BILLED, "charges", month).select("cdr_key").drop_nulls()
    refunded = lake.read(Layer.BILLED, "reimbursements", month).select("cdr_key")
    uncharged = accepted.join(charged, on="cdr_key", how="anti").join(refunded, on="cdr_key", how="anti")
    _refuse(month, "accepted CDRs that are neither charged nor reimbursed", uncharged)
    _refuse(month, "CDRs both charged and reimbursed", charged.join(refunded, on="cdr_key", how="semi"))


def _refuse(month: BillingMonth, what: str, found: pl.DataFrame) -> None:
    if found.height:
        first = found.select(pl.col("cdr_key").min()).item()
        msg = f"{month} cannot be closed: {found.height} {what}, the first is {first}: run roamledger pull, then close"
        raise UserError(msg)
