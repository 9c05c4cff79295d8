"""The effect of a what-if: one row per session, and its sums by customer, by CPO and in total.

Sums stay within one currency and one side of VAT. A session that cannot be compared is in no sum, neither before nor
after, and is counted under its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from models.billing.amounts import billed
from models.schemas.registry import Layer
from models.types.money import PRECISE, VOLUME
from models.types.time import BillingMonth
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake

INCL_VAT: Final = "incl. VAT"
EXCL_VAT: Final = "excl. VAT"

SESSION_SCHEMA: Final[dict[str, pl.DataType]] = {
    "cdr_key": pl.String(),
    "account_id": pl.String(),
    "cpo_id": pl.String(),
    "energy_kwh": VOLUME,
    "currency": pl.String(),
    "price_side": pl.String(),
    "before_amount": PRECISE,
    "after_amount": PRECISE,
    "after_low_amount": PRECISE,
    "after_high_amount": PRECISE,
    "net_before_amount": PRECISE,
    "net_after_amount": PRECISE,
    "margin_before_amount": PRECISE,
    "margin_after_amount": PRECISE,
    "not_compared": pl.String(),
}
"""One row per session (`cdr_key`).

`after_low_amount` and `after_high_amount` are the least and the most that the CDR allows: it was cut into charging
periods for another tariff, and a price may change inside one; without that they are `after_amount`. `net_*` is the
line net as billed (what-if of a plan); `margin_*` is that net less the wholesale cost (what-if of a tariff), null where
there is no net in the same currency. `not_compared` is a reason.
"""

_AMOUNTS: Final = tuple(name for name in SESSION_SCHEMA if name.endswith("_amount"))


@dataclass(frozen=True)
class WhatIf:
    """A question about a month, and its answer session by session."""

    month: BillingMonth
    question: str
    """a sentence without its full stop"""
    comparison: str
    """which amounts are compared, and on which side of VAT"""
    sessions: pl.DataFrame
    """in the shape of `SESSION_SCHEMA`"""
    remarks: tuple[str, ...] = field(default=())


def session_effects(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring rows into the shape of `SESSION_SCHEMA`: columns that they lack are null, amounts not compared as well."""
    missing = [pl.lit(None).alias(name) for name in SESSION_SCHEMA if name not in frame.columns]
    typed = frame.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in SESSION_SCHEMA.items())
    bounds = ("after_low_amount", "after_high_amount")
    typed = typed.with_columns(pl.coalesce(name, "after_amount").alias(name) for name in bounds)
    compared = pl.col("not_compared").is_null()
    return typed.with_columns(pl.when(compared).then(pl.col(name)).alias(name) for name in _AMOUNTS).sort("cdr_key")


def effects_by(what_if: WhatIf, *keys: str) -> pl.DataFrame:
    """Sum up the compared sessions by some columns, and always by currency and side of VAT.

    Columns: the keys, `currency`, `price_side`, `sessions`, `energy_kwh`, `before_amount`, `after_amount`,
    `difference_amount`, the sums of the other amounts (null where no session has one), `margin_sessions`,
    `open_sessions` (those whose price after is open between two bounds).
    """
    compared = what_if.sessions.filter(pl.col("not_compared").is_null())
    sums = [_sum(name) for name in _AMOUNTS]
    difference = (pl.col("after_amount") - pl.col("before_amount")).alias("difference_amount")
    grouped = compared.group_by(*keys, "currency", "price_side").agg(
        pl.len().cast(pl.Int64).alias("sessions"),
        pl.col("energy_kwh").sum(),
        *sums,
        pl.col("margin_before_amount").count().cast(pl.Int64).alias("margin_sessions"),
        (pl.col("after_low_amount") < pl.col("after_high_amount")).sum().cast(pl.Int64).alias("open_sessions"),
    )
    ordered = (*keys, "currency", "price_side", "sessions", "energy_kwh", "before_amount", "after_amount")
    return (
        grouped.with_columns(difference)
        .select(*ordered, "difference_amount", *_AMOUNTS[2:], "margin_sessions", "open_sessions")
        .sort(*keys, "currency", "price_side", nulls_last=True)
    )


def not_compared(what_if: WhatIf) -> pl.DataFrame:
    """Count what was not compared, by `reason`, most frequent first: `sessions`, `energy_kwh`."""
    left_out = what_if.sessions.filter(pl.col("not_compared").is_not_null())
    return (
        left_out.group_by(pl.col("not_compared").alias("reason"))
        .agg(pl.len().cast(pl.Int64).alias("sessions"), pl.col("energy_kwh").sum())
        .sort("sessions", "reason", descending=[True, False])
    )


def open_prices(what_if: WhatIf) -> list[str]:
    """Say where the CDRs leave the price after open, by currency and side of VAT: a sentence each."""
    totals = effects_by(what_if).filter(pl.col("open_sessions") > 0)
    return [
        f"In {row['open_sessions']:,} sessions a new price changes inside a charging period, and what counts is its "
        f"start; the CDRs allow {billed(row['after_low_amount']):,.2f} to {billed(row['after_high_amount']):,.2f} "
        f"{row['currency']} {row['price_side']} in total"
        for row in totals.iter_rows(named=True)
    ]


def all_effects(what_if: WhatIf) -> pl.DataFrame:
    """Give every sum in one table: `effect_of` (customer, cpo, total, not_compared), `name`, and the sums."""
    parts = [
        effects_by(what_if, "account_id").rename({"account_id": "name"}).with_columns(effect_of=pl.lit("customer")),
        effects_by(what_if, "cpo_id").rename({"cpo_id": "name"}).with_columns(effect_of=pl.lit("cpo")),
        effects_by(what_if).with_columns(effect_of=pl.lit("total"), name=pl.lit(None, pl.String)),
        not_compared(what_if).rename({"reason": "name"}).with_columns(effect_of=pl.lit("not_compared")),
    ]
    return pl.concat(parts, how="diagonal").select("effect_of", "name", pl.all().exclude("effect_of", "name"))


def accepted_verdicts(lake: Lake, month: BillingMonth) -> pl.DataFrame:
    """Give `cdr_key` and `verdict` of a month."""
    return lake.read(Layer.MATCHED, "verdicts", month).select("cdr_key", "verdict")


def require_month(lake: Lake, layer: Layer, name: str, month: BillingMonth) -> None:
    """Refuse a month that was never worked through.

    Raises:
        UserError: with the months that there are.
    """
    known = lake.months(layer, name)
    if month not in known:
        have = ", ".join(map(str, known)) or "none: run roamledger pull first"
        msg = f"month {month} has no {layer}/{name}; months that have: {have}"
        raise UserError(msg)


def _sum(name: str) -> pl.Expr:
    """Add up; nothing known adds up to nothing known, where Polars would say zero."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)
