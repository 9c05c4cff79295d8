"""What the customers of a month would have been charged, had every contract been on one plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
import polars as pl

from models.billing.amounts import billed, net_of_gross
from models.billing.charges import Books
from models.billing.distinct import with_decisions
from models.billing.fees import fee_charges
from models.billing.records import Plan
from models.billing.selection import retail_sessions, retail_subjects
from models.rating.kernel import rate
from models.schemas.registry import Layer
from models.types.money import BILLED, PRECISE
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeKind, ChargeOutcome, RatingOutcome, Verdict
from pipelines.lib.books import load_books, master_tables
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.what_if.effects import (
    EXCL_VAT,
    INCL_VAT,
    WhatIf,
    accepted_verdicts,
    require_month,
    session_effects,
)

COMPARISON: Final = (
    "Compared per session: the precise amount that was charged, and the one under the plan, on the side of VAT that "
    "both price lists state. Where one list includes VAT and the other does not, both are line nets as billed: a price "
    "with VAT is rounded to cents and divided by 1 + the VAT rate decided for the session. Monthly fees are not in it."
)

_STATED: Final = {"after": "total", "after_low": "price_low", "after_high": "price_high"}
"""what is compared, and which totals of the kernel it is"""

_SIDES: Final = {"incl": INCL_VAT, "excl": EXCL_VAT}


def reprice_by_plan(lake: Lake, month: BillingMonth, plan_id: str) -> WhatIf:
    """Price every retail session of a month as if its contract had a plan, and compare with what was charged.

    Raises:
        UserError: when the plan is not in the master data, or the month has no charges.
    """
    books, master = load_books(lake), master_tables(lake)
    plan = _plan(books, plan_id)
    require_month(lake, Layer.BILLED, "charges", month)
    subjects = retail_subjects(lake.read(Layer.TYPED, "cdrs", month), master)
    rows = _with_charges(lake, month, subjects).join(
        _after(lake, month, _on_plan(subjects, plan), master), on="cdr_key", how="left", validate="1:1"
    )
    return WhatIf(
        month=month,
        question=f"every retail session of {month} under plan {plan.plan_id} ({plan.name})",
        comparison=COMPARISON,
        sessions=session_effects(_compared(rows, plan)),
        remarks=tuple(_fees(lake, month, books, plan)),
    )


def _plan(books: Books, plan_id: str) -> Plan:
    plans = books.master.plans
    if plan_id not in plans:
        msg = f"plan {plan_id!r} is not in the master data; plans that are: {', '.join(sorted(plans)) or 'none'}"
        raise UserError(msg)
    return plans[plan_id]


def _on_plan(subjects: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Put every contract on a plan; a session without a contract in force stays without."""
    has_contract = pl.col("account_id").is_not_null()
    return subjects.with_columns(
        pl.when(has_contract).then(pl.lit(plan.plan_id)).alias("plan_id"),
        pl.when(has_contract).then(pl.lit(plan.currency)).alias("plan_currency"),
    )


def _after(lake: Lake, month: BillingMonth, subjects: pl.DataFrame, master: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Price sessions by their plan: `cdr_key`, `after_outcome`, `after_reason`, and the totals."""
    versions, party = lake.read(Layer.TYPED, "tariff_versions"), str(master["legal_entities"]["ocpi_party_id"].first())
    sessions = retail_sessions(subjects, master["plan_tariffs"], versions, party)
    # a CPO's tariff ids in the periods mean nothing to a plan
    no_tariff = pl.lit(None, pl.String).alias("tariff_id")
    periods = lake.read(Layer.TYPED, "charging_periods", month).with_columns(no_tariff).sort("cdr_key", "period_index")
    rated = rate(sessions, periods, versions, lake.read(Layer.TYPED, "tariff_components"))
    return rated.cdrs.select(
        "cdr_key",
        pl.col("outcome").alias("after_outcome"),
        pl.col("reason").alias("after_reason"),
        *(f"{price}_{side}_vat" for price in _STATED.values() for side in ("excl", "incl")),
    )


def _with_charges(lake: Lake, month: BillingMonth, subjects: pl.DataFrame) -> pl.DataFrame:
    """Give one row per retail session with its verdict and, where there is one, its charge."""
    charges = lake.read(Layer.BILLED, "charges", month).filter(pl.col("kind") == str(ChargeKind.SESSION))
    charged = charges.select(
        "cdr_key",
        pl.col("outcome").alias("charge_outcome"),
        pl.col("currency").alias("charge_currency"),
        pl.col("is_gross_price_list").alias("was_gross"),
        "precise_amount",
        "net_amount",
        "vat_rate_pct",
    )
    return (
        subjects.select("cdr_key", "account_id", "cpo_id", pl.col("total_energy_kwh").alias("energy_kwh"))
        .join(accepted_verdicts(lake, month), on="cdr_key", how="left", validate="1:1")
        .join(charged, on="cdr_key", how="left", validate="1:1")
    )


def _compared(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Bring all amounts to the same side of VAT, or say why a session cannot be compared."""
    side = "incl" if plan.is_gross_price_list else "excl"
    stated = [pl.col(f"{price}_{side}_vat").alias(f"{name}_precise") for name, price in _STATED.items()]
    rows = rows.with_columns(*stated, pl.lit(plan.is_gross_price_list).alias("is_gross"))
    for name in _STATED:
        rows = with_decisions(rows, [f"{name}_precise", "is_gross", "vat_rate_pct"], _line_net, {f"{name}_net": BILLED})
    same_side = pl.col("was_gross") == pl.lit(plan.is_gross_price_list)
    net_before = pl.col("net_amount").cast(PRECISE)
    return rows.with_columns(
        pl.col("charge_currency").alias("currency"),
        pl.when(same_side).then(pl.lit(_SIDES[side])).otherwise(pl.lit(EXCL_VAT)).alias("price_side"),
        pl.when(same_side).then("precise_amount").otherwise(net_before).alias("before_amount"),
        *(
            pl.when(same_side)
            .then(f"{name}_precise")
            .otherwise(pl.col(f"{name}_net").cast(PRECISE))
            .alias(f"{name}_amount")
            for name in _STATED
        ),
        net_before.alias("net_before_amount"),
        pl.col("after_net").cast(PRECISE).alias("net_after_amount"),
        _obstacle(plan).alias("not_compared"),
    )


def _line_net(precise: Decimal | None, is_gross: bool, rate_pct: Decimal | None) -> tuple[Decimal | None]:  # noqa: FBT001 - a column's value
    """Give the net of a line as billing rounds it."""
    if precise is None or rate_pct is None:
        return (None,)
    return (net_of_gross(billed(precise), rate_pct) if is_gross else billed(precise),)


def _obstacle(plan: Plan) -> pl.Expr:
    """Say why a session cannot be compared, or null."""
    currencies = pl.format("it was charged in {}, and plan {} is in {}", *_currencies(plan))
    return (
        pl.when(pl.col("charge_outcome").is_null() & (pl.col("verdict") == str(Verdict.ACCEPT)))
        .then(pl.lit("accepted and not charged yet"))
        .when(pl.col("charge_outcome").is_null() & pl.col("verdict").is_null())
        .then(pl.lit("not judged yet, so nothing was charged"))
        .when(pl.col("charge_outcome").is_null())
        .then(pl.format("verdict {}, so nothing was charged", "verdict"))
        .when(pl.col("charge_outcome") != str(ChargeOutcome.BILLABLE))
        .then(pl.lit("its charge is under review, so no amount was decided"))
        .when(pl.col("after_outcome").is_null())
        .then(pl.lit("no contract in force"))
        .when(pl.col("after_outcome") == str(RatingOutcome.NOT_PRICED))
        .then(pl.format("no price by plan {}: {}", pl.lit(plan.plan_id), "after_reason"))
        .when(pl.col("charge_currency") != plan.currency)
        .then(currencies)
        .when(pl.col("after_precise").is_null())
        .then(pl.lit(f"plan {plan.plan_id} and its tariff disagree on whether prices contain VAT"))
    )


def _currencies(plan: Plan) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    return pl.col("charge_currency"), pl.lit(plan.plan_id), pl.lit(plan.currency)


def _fees(lake: Lake, month: BillingMonth, books: Books, plan: Plan) -> list[str]:
    """Say what the monthly fees were and would be, net and by currency."""
    charges = lake.read(Layer.BILLED, "charges", month).filter(pl.col("kind") == str(ChargeKind.SUBSCRIPTION))
    on_plan = {
        key: msgspec.structs.replace(contract, plan_id=plan.plan_id) for key, contract in books.master.contracts.items()
    }
    others = Books(msgspec.structs.replace(books.master, contracts=on_plan), books.rates)
    before, after = _fee_sums(charges), _fee_sums(fee_charges(month, others))
    return [
        f"Monthly fees, net and on top: {before.get(currency, Decimal(0)):,.2f} {currency} charged, "
        f"{after.get(currency, Decimal(0)):,.2f} {currency} under plan {plan.plan_id}"
        for currency in sorted(before | after)
    ]


def _fee_sums(charges: pl.DataFrame) -> dict[str, Decimal]:
    billable = charges.filter(pl.col("outcome") == str(ChargeOutcome.BILLABLE))
    return dict(billable.group_by("currency").agg(pl.col("net_amount").sum()).iter_rows())
