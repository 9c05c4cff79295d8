"""The price catalogue: one row per connector, plan and reference session, and the components of every price list.

It is what a driver app shows before a session (Regulation (EU) 2023/1804, Art. 5(4) and (5)), and beside it what the
session would cost wholesale. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import polars as pl

from models.billing.amounts import billed, net_of_gross, vat_of
from models.billing.charges import Books
from models.billing.distinct import with_decisions
from models.rating.audit import policies_of
from models.rating.policy import DEFAULT_POLICY
from models.schemas.registry import Layer
from models.types.money import BILLED, PERCENT, PRECISE, VOLUME
from pipelines.lib.books import load_books, master_tables
from pipelines.lib.lake import Lake
from pipelines.lib.quotes.components import component_rows
from pipelines.lib.quotes.offers import (
    plan_versions,
    read_connectors,
    read_plans,
    wholesale_versions,
    with_consumer_vat,
    with_starts,
)
from pipelines.lib.quotes.pricing import SITUATION, local_day, price_situations, quoted, without_tariff
from pipelines.lib.quotes.profiles import Profile, Start

QUOTE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "connector_key": pl.String(),
    "plan_id": pl.String(),
    "session": pl.String(),
    "cpo_id": pl.String(),
    "evse_id": pl.String(),
    "location_name": pl.String(),
    "city": pl.String(),
    "country": pl.String(),
    "time_zone": pl.String(),
    "current_type": pl.String(),
    "max_power_kw": VOLUME,
    "started_at": pl.Datetime("us", "UTC"),
    "energy_kwh": VOLUME,
    "power_kw": VOLUME,
    "is_possible": pl.Boolean(),
    "tariff_version_id": pl.String(),
    "currency": pl.String(),
    "is_vat_included": pl.Boolean(),
    "vat_rate_pct": PERCENT,
    "precise_amount": PRECISE,
    "price_amount": BILLED,
    "price_excl_vat": BILLED,
    "price_incl_vat": BILLED,
    "unknown": pl.String(),
    "wholesale_tariff_id": pl.String(),
    "wholesale_version_id": pl.String(),
    "wholesale_currency": pl.String(),
    "wholesale_excl_vat": PRECISE,
    "wholesale_unknown": pl.String(),
    "margin_amount": PRECISE,
}
"""One row per `connector_key`, `plan_id`, `session`.

`price_amount` is `precise_amount` rounded once, on the side of VAT that the price list states; `vat_rate_pct` is that
of the place for a consumer. `is_possible` says whether the connector has the power. `unknown` and `wholesale_unknown`
are reasons. `margin_amount` is `price_excl_vat` less the wholesale price, null where currencies differ.
"""


@dataclass(frozen=True)
class Catalogue:
    """The answer to `roamledger quote`."""

    start: Start
    profiles: tuple[Profile, ...]
    quotes: pl.DataFrame
    """in the shape of `QUOTE_SCHEMA`"""
    components: pl.DataFrame
    """in the shape of `pipelines.lib.quotes.components.COMPONENT_SCHEMA`"""
    private_connectors: int
    """wallboxes at drivers' homes, which are not on offer"""


def price_catalogue(
    lake: Lake, start: Start, profiles: Sequence[Profile], plan_id: str | None, connector_names: Sequence[str]
) -> Catalogue:
    """Price every reference session at every connector under every plan, and wholesale.

    Raises:
        UserError: when no connector or plan is known, or one that is named is not.
    """
    books, master = load_books(lake), master_tables(lake)
    versions = lake.read(Layer.TYPED, "tariff_versions")
    components = lake.read(Layer.TYPED, "tariff_components")
    zone = str(master["legal_entities"]["time_zone"].first())
    plans = read_plans(master, plan_id, start.at.date())
    homes = frozenset(master["home_chargers"]["evse_id"])
    connectors = with_starts(read_connectors(lake, homes, connector_names), start, zone)
    offers = _offers(connectors, plans, master, versions)
    priced, situations = _priced(offers, profiles, versions, components)
    quotes = _quotes(offers, situations, priced, profiles, plans, books, zone)
    return Catalogue(
        start=start,
        profiles=tuple(profiles),
        quotes=quotes,
        components=component_rows(_price_lists(quotes), versions, components, _by_id(plans)),
        private_connectors=lake.read(Layer.TYPED, "connectors").filter(pl.col("evse_id").is_in(homes)).height,
    )


def _offers(
    connectors: pl.DataFrame,
    plans: pl.DataFrame,
    master: dict[str, pl.DataFrame],
    versions: pl.DataFrame,
) -> pl.DataFrame:
    """Give one row per connector and plan with the tariff versions of both sides."""
    place = ["current_type", "time_zone", "started_at"]
    lists = plan_versions(connectors.select(place), plans, master, versions)
    wholesale = wholesale_versions(connectors, versions)
    first = pl.col("wholesale_version_ids").list.first().alias("wholesale_version_id")
    known = versions.select(
        pl.col("tariff_version_id").alias("wholesale_version_id"),
        pl.col("tariff_id").alias("wholesale_tariff_id"),
        pl.col("currency").alias("wholesale_currency"),
    )
    return (
        connectors.join(wholesale, on="connector_key", how="left", validate="1:1")
        .with_columns(first, *_policies(master["agreements"]))
        .join(known, on="wholesale_version_id", how="left", validate="m:1")
        .join(lists, on=place, how="left", nulls_equal=True, validate="m:m")
    )


def _policies(agreements: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Say by which choices either side is priced: our own price lists by the defaults, a CPO's by our agreement."""
    retail = str(quoted(DEFAULT_POLICY))
    agreed = {cpo_id: str(quoted(policy)) for cpo_id, policy in policies_of(agreements).items()}
    wholesale = pl.col("cpo_id").replace_strict(agreed, default=retail, return_dtype=pl.String)
    return pl.lit(retail).alias("retail_policy"), wholesale.alias("wholesale_policy")


def _priced(
    offers: pl.DataFrame, profiles: Sequence[Profile], versions: pl.DataFrame, components: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number the distinct situations of both sides and price them; give the prices and the situations."""
    both = [
        _situations(offers, "retail_version_ids", "currency", "retail_policy"),
        _situations(offers, "wholesale_version_ids", "wholesale_currency", "wholesale_policy"),
    ]
    distinct = pl.concat(both, how="vertical").unique()
    situations = distinct.sort(pl.col("version_ids").list.join("|"), *SITUATION[1:]).with_row_index("situation")
    return price_situations(situations, profiles, versions, components), situations


def _situations(offers: pl.DataFrame, version_ids: str, currency: str, policy: str) -> pl.DataFrame:
    named = offers.select(
        pl.col(version_ids).alias("version_ids"),
        pl.col(currency).alias("currency"),
        "time_zone",
        "started_at",
        pl.col(policy).alias("policy"),
    )
    return named.filter(pl.col("version_ids").list.len() > 0)


def _quotes(
    offers: pl.DataFrame,
    situations: pl.DataFrame,
    priced: pl.DataFrame,
    profiles: Sequence[Profile],
    plans: pl.DataFrame,
    books: Books,
    zone: str,
) -> pl.DataFrame:
    """Give one row per connector, plan and reference session with both prices."""
    rows = offers.join(_profile_frame(profiles), how="cross")
    rows = _with_prices(rows, situations, priced, "currency", "retail")
    rows = _with_prices(rows, situations, priced, "wholesale_currency", "wholesale")
    lists = plans.select("plan_id", pl.col("is_gross_price_list").alias("is_vat_included"))
    rows = rows.join(lists, on="plan_id", how="left", validate="m:1")
    rows = _with_margin(_with_amounts(with_consumer_vat(_with_supply_day(rows, zone), books)))
    ordered = rows.sort("connector_key", "plan_id", "profile")
    return ordered.select(pl.col(name).cast(kind) for name, kind in QUOTE_SCHEMA.items())


def _with_margin(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what the two prices leave between them, and whether the connector has the power."""
    same_currency = pl.col("currency") == pl.col("wholesale_currency")
    margin = pl.col("price_excl_vat").cast(PRECISE) - pl.col("wholesale_total_excl_vat")
    return rows.with_columns(
        (pl.col("power_kw") <= pl.col("max_power_kw")).alias("is_possible"),
        pl.col("retail_version_ids").list.first().alias("tariff_version_id"),
        pl.col("wholesale_total_excl_vat").alias("wholesale_excl_vat"),
        pl.col("wholesale_not_priced").alias("wholesale_unknown"),
        pl.when(same_currency).then(margin).alias("margin_amount"),
    )


def _profile_frame(profiles: Sequence[Profile]) -> pl.DataFrame:
    rows = [
        {
            "profile": place,
            "session": profile.name,
            "energy_kwh": profile.energy_kwh,
            "power_kw": profile.power_kw,
            "_seconds": (profile.charging + profile.idle).total_seconds(),
        }
        for place, profile in enumerate(profiles)
    ]
    kinds = {"profile": pl.Int64, "session": pl.String, "energy_kwh": VOLUME, "power_kw": VOLUME, "_seconds": pl.Int64}
    return pl.DataFrame(rows, schema=kinds)


def _with_prices(
    rows: pl.DataFrame, situations: pl.DataFrame, priced: pl.DataFrame, currency: str, prefix: str
) -> pl.DataFrame:
    """Look the price of each row up by its situation, and name the columns after the side that they are of."""
    names = (f"{prefix}_version_ids", currency, "time_zone", "started_at", f"{prefix}_policy")
    renamed = situations.rename(dict(zip(SITUATION, names, strict=True)))
    keyed = rows.join(renamed, on=list(names), how="left", nulls_equal=True, validate="m:1").join(
        priced, on=["situation", "profile"], how="left", validate="m:1"
    )
    no_tariff = pl.col("situation").is_null()
    reason = pl.when(no_tariff).then(without_tariff()).otherwise("not_priced").alias(f"{prefix}_not_priced")
    totals = {name: f"{prefix}_{name}" for name in ("total_excl_vat", "total_incl_vat")}
    return keyed.with_columns(reason).drop("situation", "not_priced").rename(totals)


def _with_supply_day(rows: pl.DataFrame, company_zone: str) -> pl.DataFrame:
    """Add the local day of the session's end, which decides the VAT."""
    ended = pl.col("started_at") + pl.duration(seconds=pl.col("_seconds"))
    placed = rows.with_columns(ended.alias("_ended_at"), pl.col("time_zone").fill_null(company_zone).alias("_zone"))
    return with_decisions(placed, ["_ended_at", "_zone"], _supply_day, {"supplied_on": pl.Date()})


def _supply_day(ended_at: datetime, zone: str) -> tuple[date]:
    return (local_day(ended_at, zone),)


def _with_amounts(rows: pl.DataFrame) -> pl.DataFrame:
    """Round the price once, on the side that the list states, and give the other side by the rate of the place."""
    stated = pl.when("is_vat_included").then("retail_total_incl_vat").otherwise("retail_total_excl_vat")
    disagrees = pl.lit("plan and price list disagree on whether prices contain VAT")
    unknown = pl.when(pl.col("precise_amount").is_null()).then(pl.coalesce("retail_not_priced", disagrees))
    priced = rows.with_columns(stated.alias("precise_amount")).with_columns(
        pl.coalesce(unknown, pl.when(pl.col("vat_rate_pct").is_null()).then("vat_unknown")).alias("unknown")
    )
    amounts: dict[str, pl.DataType] = dict.fromkeys(("price_amount", "price_excl_vat", "price_incl_vat"), BILLED)
    return with_decisions(priced, ["precise_amount", "is_vat_included", "vat_rate_pct"], _amounts, amounts)


def _amounts(
    precise: Decimal | None,
    is_vat_included: bool,  # noqa: FBT001 - a column's value
    rate_pct: Decimal | None,
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Give the price as listed, without and with VAT; the other side is unknown where the rate is."""
    if precise is None:
        return None, None, None
    price = billed(precise)
    if is_vat_included:
        return price, None if rate_pct is None else net_of_gross(price, rate_pct), price
    return price, price, None if rate_pct is None else price + vat_of(price, rate_pct)


def _price_lists(quotes: pl.DataFrame) -> pl.DataFrame:
    """List the distinct price lists of the quotes, by place."""
    named = quotes.filter(pl.col("tariff_version_id").is_not_null()).select(
        "plan_id", "current_type", pl.col("country").alias("place_country"), "tariff_version_id", "vat_rate_pct"
    )
    key = ["plan_id", "current_type", "place_country", "tariff_version_id"]
    return named.unique(key, keep="first", maintain_order=True)


def _by_id(plans: pl.DataFrame) -> dict[str, dict[str, object]]:
    return {row["plan_id"]: row for row in plans.to_dicts()}
