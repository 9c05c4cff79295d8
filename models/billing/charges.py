"""Charges: one row per thing billed to an account, with its VAT decision and its amounts rounded once.

A charge that cannot be decided is a row too (`outcome` review, with the reason), so accepted = billable + review.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final

import polars as pl

from models.billing.amounts import billed, net_of_gross
from models.billing.credited import NO_OBSTACLES
from models.billing.distinct import with_decisions
from models.billing.rates import VatRates
from models.billing.records import MasterData
from models.billing.vat import Undecided, decide
from models.billing.vat_facts import Supply, supply_facts
from models.schemas.registry import Layer, table
from models.types.money import BILLED, PERCENT, VOLUME
from models.types.vocabularies import ChargeKind, ChargeOutcome, RatingOutcome, SupplyKind, Verdict

_SCHEMA: Final = table(Layer.BILLED, "charges").schema
_VAT_COLUMNS: Final[dict[str, pl.DataType]] = {
    "vat_case": pl.String(),
    "vat_country": pl.String(),
    "vat_category": pl.String(),
    "vat_rate_pct": PERCENT,
    "seller_vat_id": pl.String(),
    "buyer_vat_id": pl.String(),
    "_vat_reason": pl.String(),
}
_GROSS: Final = "gross"
_NOTHING: Final = (None,) * (len(_VAT_COLUMNS) - 1)


@dataclass(frozen=True)
class Books:
    """What every charge is decided by."""

    master: MasterData
    rates: VatRates


def session_charges(
    subjects: pl.DataFrame,
    retail: pl.DataFrame,
    verdicts: pl.DataFrame,
    books: Books,
    obstacles: pl.DataFrame = NO_OBSTACLES,
) -> pl.DataFrame:
    """Give the charges of the accepted sessions of a month, in the shape of `billed/charges`.

    Args:
        subjects: from `models.billing.selection.retail_subjects`.
        retail: `priced/retail_cdrs`.
        verdicts: `matched/verdicts`; only accepted CDRs become charges.
        books: master data and VAT rates.
        obstacles: from `models.billing.credited.obstacles`.
    """
    accepted = verdicts.filter(pl.col("verdict") == str(Verdict.ACCEPT)).select("cdr_key")
    prices = retail.select("cdr_key", "outcome", "reason", "tariff_version_id", "total_excl_vat", "total_incl_vat")
    rows = (
        subjects.join(accepted, on="cdr_key", how="semi")
        .join(prices, on="cdr_key", how="left", maintain_order="left", validate="1:1")
        .join(obstacles, on="cdr_key", how="left", maintain_order="left", validate="1:1")
    )
    rows = with_decisions(
        rows.with_columns((pl.col("ended_at") - pl.col("started_at")).dt.total_seconds().alias("_seconds")),
        ["_seconds"],
        _hours,
        {"duration_hours": VOLUME},
    )
    return finished_charges(_session_columns(rows, next(iter(books.master.legal_entities))), books)


def finished_charges(rows: pl.DataFrame, books: Books) -> pl.DataFrame:
    """Add VAT, net, gross and outcome to charges that have everything else, sorted by `charge_id`.

    `review_reason` holds what is already known to stand in the way; VAT is decided only where nothing does.
    """
    decided = with_decisions(
        rows,
        ["legal_entity_id", "account_id", "supply_kind", "supplied_on", "place_country", "review_reason"],
        partial(_vat, books),
        _VAT_COLUMNS,
    ).with_columns(
        pl.coalesce("review_reason", "_vat_reason").alias("review_reason"),
        pl.when("is_gross_price_list").then(pl.lit(_GROSS)).otherwise(pl.lit("net")).alias("_price_list"),
    )
    amounts = with_decisions(
        decided,
        ["precise_amount", "_price_list", "vat_rate_pct"],
        _net_and_gross,
        {"net_amount": BILLED, "gross_amount": BILLED},
    )
    billable = pl.col("review_reason").is_null()
    outcome = pl.when(billable).then(pl.lit(str(ChargeOutcome.BILLABLE))).otherwise(pl.lit(str(ChargeOutcome.REVIEW)))
    return amounts.with_columns(outcome.alias("outcome")).select(_typed(amounts)).sort("charge_id")


def _typed(frame: pl.DataFrame) -> list[pl.Expr]:
    """Give every column of the contract in its type; a column that the frame lacks is null."""
    return [
        (pl.col(name) if name in frame.columns or name == "outcome" else pl.lit(None)).cast(kind).alias(name)
        for name, kind in _SCHEMA.items()
    ]


def _session_columns(rows: pl.DataFrame, company: str) -> pl.DataFrame:
    """Bring accepted sessions into the columns of a charge that need no VAT."""
    is_gross = pl.col("is_gross_price_list").fill_null(value=False)
    precise = pl.when(is_gross).then("total_incl_vat").otherwise("total_excl_vat")
    return rows.with_columns(
        (pl.lit("S:") + pl.col("cdr_key")).alias("charge_id"),
        pl.lit(str(ChargeKind.SESSION)).alias("kind"),
        pl.col("legal_entity_id").fill_null(company),
        pl.lit(str(SupplyKind.ELECTRICITY)).alias("supply_kind"),
        pl.col("ended_at_local").dt.date().alias("supplied_on"),
        pl.col("charge_country").alias("place_country"),
        pl.col("total_energy_kwh").alias("energy_kwh"),
        pl.coalesce("plan_currency", "currency").alias("currency"),
        is_gross.alias("is_gross_price_list"),
        precise.alias("precise_amount"),
        _session_problem(precise).alias("review_reason"),
    )


def _session_problem(precise: pl.Expr) -> pl.Expr:
    """Say what stands in the way of billing a session, or null."""
    contract = pl.col("contract_id").fill_null("(none)")
    day = pl.col("started_at_local").dt.date().cast(pl.String)
    return (
        pl.when(pl.col("account_id").is_null())
        .then(pl.format("contract {} is not in force on {}: load it into the master data", contract, day))
        .when("is_credit")
        .then(pl.lit("a credit CDR is no supply: a person credits the customer"))
        .when(pl.col("obstacle").is_not_null())
        .then("obstacle")
        .when(pl.col("plan_currency").is_null())
        .then(pl.format("plan {} of contract {} is not in the master data", "plan_id", contract))
        .when(pl.col("time_zone").is_null())
        .then(pl.lit("the location's time zone is not known, so its local date is not: load the location"))
        .when(pl.col("outcome").is_null() | (pl.col("outcome") == str(RatingOutcome.NOT_PRICED)))
        .then(pl.format("no price by plan {}: {}", "plan_id", pl.col("reason").fill_null("it was not rated")))
        .when(precise.is_null())
        .then(pl.format("plan {} and its tariff disagree on whether prices contain VAT: correct either", "plan_id"))
    )


def _vat(
    books: Books,
    legal_entity_id: str,
    account_id: str | None,
    supply_kind: str,
    supplied_on: date,
    place_country: str | None,
    known_problem: str | None,
) -> tuple[object, ...]:
    if known_problem is not None or account_id is None:
        return (*_NOTHING, None)
    supply = Supply(legal_entity_id, account_id, SupplyKind(supply_kind), supplied_on, place_country)
    decision = decide(supply_facts(supply, books.master), books.rates)
    if isinstance(decision, Undecided):
        return (*_NOTHING, decision.reason)
    return (
        str(decision.case),
        decision.country,
        str(decision.category),
        decision.rate_pct,
        decision.seller_vat_id,
        decision.buyer_vat_id,
        None,
    )


def _net_and_gross(precise: Decimal | None, price_list: str, rate_pct: Decimal | None) -> tuple[object, ...]:
    if precise is None or rate_pct is None:
        return None, None
    amount = billed(precise)
    return (net_of_gross(amount, rate_pct), amount) if price_list == _GROSS else (amount, None)


def _hours(seconds: int) -> tuple[object, ...]:
    """Give hours at the scale of a volume; rounded in integers, since 3600 is no power of ten."""
    return (Decimal((seconds * 10**9 + 1800) // 3600).scaleb(-9),)
