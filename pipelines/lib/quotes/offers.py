"""What is on offer: connectors with the tariff that a CPO published there, plans with their price list, and the VAT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from models.billing.charges import Books
from models.billing.distinct import with_decisions
from models.billing.records import is_valid_on
from models.billing.selection import current_type_of, retail_sessions
from models.billing.vat import SupplyFacts, Undecided, decide
from models.rating.selection import select_wholesale
from models.schemas.registry import Layer, table
from models.types.money import PERCENT
from models.types.vocabularies import AccountKind, SupplyKind
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.quotes.profiles import Start

_UTC: Final = pl.Datetime("us", "UTC")
_NAMED_IN_ERROR: Final = 5
_VAT_SCHEMA: Final[dict[str, pl.DataType]] = {"vat_rate_pct": PERCENT, "vat_unknown": pl.String()}
_PLACES: Final = ("connector_key", "cpo_id", "location_id", "evse_uid", "connector_id")


def read_connectors(lake: Lake, home_evses: frozenset[str], names: Sequence[str]) -> pl.DataFrame:
    """Give the connectors to quote: all but private wallboxes, or those named by EVSE id or connector key.

    Raises:
        UserError: when there is none, or a name is not known.
    """
    public = lake.read(Layer.TYPED, "connectors").filter(~pl.col("evse_id").is_in(home_evses).fill_null(False))
    if public.is_empty():
        msg = "no connector is known: run roamledger pull"
        raise UserError(msg)
    if not names:
        return public.sort("connector_key")
    wanted = [name.upper() for name in names]
    evses = set(public["evse_id"].drop_nulls().str.to_uppercase())
    for name in wanted:
        if name not in evses | set(public["connector_key"]):
            some = ", ".join(get_close_matches(name, sorted(evses), _NAMED_IN_ERROR, cutoff=0))
            msg = f"connector {name} is not a public one that is known; the nearest: {some}"
            raise UserError(msg)
    chosen = pl.col("connector_key").is_in(wanted) | pl.col("evse_id").str.to_uppercase().is_in(wanted)
    return public.filter(chosen.fill_null(False)).sort("connector_key")


def read_plans(master: Mapping[str, pl.DataFrame], plan_id: str | None, on: date) -> pl.DataFrame:
    """Give the plans in force on a day, or the one that is named.

    Raises:
        UserError: when the plan is not known, or not in force.
    """
    plans = master["plans"].sort("plan_id")
    ended = pl.col("valid_to").is_null() | (pl.lit(on) < pl.col("valid_to"))
    in_force = plans.filter((pl.col("valid_from") <= on) & ended)
    chosen = in_force if plan_id is None else in_force.filter(pl.col("plan_id") == plan_id)
    if chosen.is_empty():
        have = ", ".join(in_force["plan_id"]) or "none"
        named = "no plan" if plan_id is None else f"plan {plan_id!r} is not"
        msg = f"{named} in force on {on}; plans that are: {have}"
        raise UserError(msg)
    return chosen


def with_starts(connectors: pl.DataFrame, start: Start, company_zone: str) -> pl.DataFrame:
    """Add `started_at` and `current_type`.

    A charge point whose zone is not known starts by the company's clock; its `time_zone` stays null, so that a tariff
    with local times is not priced there.
    """
    zones = connectors["time_zone"].unique().to_list()
    instants = [start.instant(ZoneInfo(zone or company_zone)) for zone in zones]
    table = pl.DataFrame({"time_zone": zones, "started_at": instants}, {"time_zone": pl.String, "started_at": _UTC})
    started = connectors.join(
        table, on="time_zone", how="left", nulls_equal=True, maintain_order="left", validate="m:1"
    )
    return started.with_columns(current_type_of(pl.col("power_type")).alias("current_type"))


def wholesale_versions(connectors: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Give `connector_key, wholesale_version_ids`: what the audit of a CDR without tariffs of its own would choose."""
    claims = _as_cdrs(connectors.select(*_PLACES, pl.col("connector_key").alias("cdr_key"), "started_at", "time_zone"))
    periods = pl.DataFrame(schema={"cdr_key": pl.String, "period_index": pl.Int32, "tariff_id": pl.String})
    chosen = select_wholesale(claims, periods, versions, connectors).sessions
    return chosen.select(
        pl.col("cdr_key").alias("connector_key"), pl.col("tariff_version_ids").alias("wholesale_version_ids")
    )


def plan_versions(
    starts: pl.DataFrame, plans: pl.DataFrame, master: Mapping[str, pl.DataFrame], versions: pl.DataFrame
) -> pl.DataFrame:
    """Give the price list of every plan for each distinct `current_type, time_zone, started_at`.

    Columns added: `plan_id`, `currency`, `retail_version_ids`; the choice is the one that billing makes.
    """
    offers = (
        starts.unique()
        .join(plans.select("plan_id", pl.col("currency").alias("plan_currency")), how="cross")
        .sort("plan_id", "current_type", "time_zone", "started_at")
    )
    numbered = offers.with_row_index("cdr_key").with_columns(pl.col("cdr_key").cast(pl.String))
    # as in `retail_subjects`, without a CPO's own tariffs, which are not what a customer pays by
    subjects = _as_cdrs(numbered.with_columns(pl.lit("").alias("account_id"))).drop("tariff_version_ids")
    party = str(master["legal_entities"]["ocpi_party_id"].first())
    chosen = retail_sessions(subjects, master["plan_tariffs"], versions, party)
    lists = chosen.select("cdr_key", pl.col("tariff_version_ids").alias("retail_version_ids"))
    named = subjects.select("cdr_key", *offers.columns).rename({"plan_currency": "currency"})
    return named.join(lists, on="cdr_key", how="left", validate="1:1").drop("cdr_key")


def _as_cdrs(frame: pl.DataFrame) -> pl.DataFrame:
    """Give sessions that have not happened in the columns of `typed/cdrs`, so that the choices of tariffs can be asked.

    What is not known of them is null; no flag is set, and no list has anything in it.
    """
    missing = {name: kind for name, kind in table(Layer.TYPED, "cdrs").schema.items() if name not in frame.columns}
    return frame.with_columns(pl.lit(_blank(kind), kind).alias(name) for name, kind in missing.items())


def _blank(kind: pl.DataType) -> object:
    if kind == pl.Boolean:
        return False
    return [] if kind == pl.List else None


def with_consumer_vat(frame: pl.DataFrame, books: Books) -> pl.DataFrame:
    """Add the VAT rate of public charging for a consumer by `country` and `supplied_on`, or why it is not known."""
    return with_decisions(frame, ["country", "supplied_on"], partial(_vat, books), _VAT_SCHEMA)


def _vat(books: Books, country: str | None, on: date) -> tuple[Decimal | None, str | None]:
    entity = next(iter(books.master.legal_entities.values()))
    registrations = [row for row in books.master.vat_registrations if is_valid_on(on, row.valid_from, row.valid_to)]
    facts = SupplyFacts(
        supply_kind=SupplyKind.ELECTRICITY,
        supplied_on=on,
        place_country=country,
        seller_country=entity.country,
        seller_establishments=frozenset(row.country for row in registrations if row.is_establishment),
        seller_vat_ids={row.country: row.vat_id for row in registrations},
        customer_kind=AccountKind.CONSUMER,
        customer_country=country or entity.country,
        customer_vat_ids={},
        is_reseller=False,
    )
    decision = decide(facts, books.rates)
    return (None, decision.reason) if isinstance(decision, Undecided) else (decision.rate_pct, None)
