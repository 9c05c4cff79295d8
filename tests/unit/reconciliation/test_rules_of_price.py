"""Rules about prices: open prices, VAT, dear energy, and causes proven to the cent."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames
from models.ocpi.reading import parse_tariff
from models.rating.audit import TariffTables, audit
from models.reconciliation.causes import causes_of
from models.reconciliation.prices import with_prices
from models.schemas.registry import Layer
from models.types.vocabularies import TariffSource
from tests.unit.reconciliation.roaming_world import rows_of

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN = {"price_low_excl_vat": Decimal("2.00"), "price_high_excl_vat": Decimal("3.50")}


def row_of(world, rule):
    return next(row for row in world.findings().iter_rows(named=True) if row["rule_id"] == rule)


@pytest.mark.parametrize(
    ("claimed", "found"), [("2.00", False), ("3.50", False), ("3.51", False), ("3.52", True), ("1.98", True)]
)
def test_where_the_price_is_open_any_price_that_it_allows_is_right(world, claimed, found):
    world.cdr(total_cost_excl_vat=Decimal(claimed), price=Decimal(3))
    world.prices[0] |= {"notes": ["period_spans_price_change"], **OPEN}
    assert world.found() == {("C1", "R25"): "review"} | ({("C1", "R21"): "block"} if found else {})


@pytest.mark.parametrize(("excl", "stake"), [("14.86", Decimal("2.58")), (None, None)])
def test_a_difference_with_vat_is_at_stake_without_it(world, excl, stake):
    """17.68 - 14.61 = 3.07 with VAT; 3.07 x 14.86 / 17.68 = 2.5803 without."""
    net = None if excl is None else Decimal(excl)
    world.cdr(total_cost_excl_vat=net, total_cost_incl_vat=Decimal("17.68"), price=Decimal(3))
    world.prices[0] |= {"total_excl_vat": None, "total_incl_vat": Decimal("14.61")}
    row = row_of(world, "R21")
    assert (row["amount_at_stake"], row["expected"], row["found"]) == (
        stake,
        "14.61 EUR incl. VAT",
        "17.68 EUR incl. VAT",
    )


def test_a_doubled_hour_tells_its_interval(world):
    world.cdr()
    world.prices[0] |= {"notes": ["ambiguous_hour"], **OPEN}
    row = row_of(world, "R27")
    assert (row["expected"], row["amount_at_stake"]) == ("2.00 to 3.50 EUR", Decimal("1.50"))


def test_the_difference_is_told_by_sub_total(world):
    claimed = {"energy_cost_excl_vat": Decimal("2.004"), "fixed_cost_excl_vat": Decimal("1.50")}
    world.cdr(total_cost_excl_vat=Decimal("3.504"), price=Decimal("2.50"), **claimed)
    world.prices[0] |= {"energy_excl_vat": Decimal("2.00"), "fixed_excl_vat": Decimal("0.50")}
    row = row_of(world, "R21")
    assert (row["energy_difference"], row["fixed_difference"]) == (Decimal("0.00"), Decimal("1.00"))
    assert row["time_difference"] is None


def test_a_price_that_cannot_be_recomputed_is_not_checked(world):
    world.cdr()
    world.prices[0] |= {"outcome": "not_priced", "reason": "no tariff", "total_excl_vat": None}
    told = world.abstained()
    assert {told["C1", rule] for rule in ("R21", "R25", "R26", "R27", "R28")} == {"the session could not be priced"}


GERMAN = [("DE", Decimal(16), date(2020, 7, 1), date(2021, 1, 1)), ("DE", Decimal(19), date(2021, 1, 1), None)]


@pytest.mark.parametrize(
    ("incl", "found"),
    [("3.57", None), ("3.59", None), ("3.60", "review"), ("3.48", "review"), ("3.00", None)],
    ids=["19 %", "two cents off", "three cents off", "16 % as in 2020", "none at all"],
)
def test_vat_is_that_of_the_country_on_that_day(world, incl, found):
    columns = ["country", "rate_pct", "vat_valid_from", "vat_valid_to"]
    world.around = {"vat_rates": pl.DataFrame(GERMAN, schema=columns, orient="row")}
    world.cdr(total_cost_incl_vat=Decimal(incl))
    assert world.found().get(("C1", "R29")) == found


def test_vat_is_not_checked_where_it_is_not_said_or_not_known(world):
    world.cdr("A")
    world.cdr("B", started_at=START + 2 * HOUR, total_cost_incl_vat=Decimal("3.57"))
    told = world.abstained()
    assert told["A", "R29"] == "the CDR does not say its total both with and without VAT"
    assert told["B", "R29"] == "no VAT rate of the country is known"


@pytest.mark.parametrize(("claimed", "found"), [("5.00", None), ("5.01", "info")])
def test_more_than_a_euro_a_kwh_is_dear(world, claimed, found):
    world.cdr(total_cost_excl_vat=Decimal(claimed), price=Decimal(claimed))
    assert world.found() == ({("C1", "R37"): found} if found else {})


def test_dear_in_another_currency_is_what_the_agreement_says(world):
    kroner = {"currency": "DKK", "total_cost_excl_vat": Decimal(40), "price": Decimal(40)}
    world.agreement(currency="DKK")
    world.cdr(**kroner)
    assert world.found() == {}
    assert world.abstained()["C1", "R37"] == "the default bound is in EUR, and the agreement names none in its currency"
    world.agreement(currency="DKK", rule_thresholds="most_per_kwh=7.50")
    assert world.found() == {("C1", "R37"): "info"}


TARIFF = """{"country_code": "DE", "party_id": "LDW", "id": "T-AC", "currency": "EUR", "elements": [
  {"price_components": [{"type": "ENERGY", "price": 0.60, "vat": 19, "step_size": 1}],
   "restrictions": {"start_time": "08:00", "end_time": "20:00"}},
  {"price_components": [{"type": "ENERGY", "price": 0.20, "vat": 19, "step_size": 1}]},
  {"price_components": [{"type": "FLAT", "price": 0.50, "vat": 19, "step_size": 1}]},
  {"price_components": [{"type": "TIME", "price": 1.10, "vat": 19, "step_size": 1800}]}],
  "min_price": {"excl_vat": 1.00}, "max_price": {"excl_vat": 6.00}, "last_updated": "2026-01-01T00:00:00Z"}"""
OTHER = """{"country_code": "DE", "party_id": "LDW", "id": "T-OTHER", "currency": "EUR", "elements": [
  {"price_components": [{"type": "ENERGY", "price": 0.7123, "vat": 19, "step_size": 1}]}],
  "last_updated": "2026-01-01T00:00:00Z"}"""


@pytest.mark.parametrize(
    ("claimed", "cause"),
    [
        ("2.60", None),
        ("4.60", ["utc_for_local", "clock_one_hour_behind"]),
        ("3.15", ["step_per_period"]),
        ("2.33", ["step_ignored"]),
        ("3.10", ["flat_per_period"]),
        ("3.09", ["gross_as_net"]),
        ("3.56", ["other_tariff"]),
        ("2.71", []),
    ],
)
def test_a_cause_is_named_where_it_gives_the_claim_to_the_cent(world, claimed, cause):
    """5 kWh from 20:15 to 21:00 local, in periods of 5 and 40 minutes: 1.00 energy, 0.50 fee, 1.10 for an hour."""
    facts = [(parse_tariff(decode_json(text), "2.2.1"), TariffSource.PUBLISHED, START) for text in (TARIFF, OTHER)]
    tables = TariffTables(*tariff_frames(facts), rows_of(Layer.TYPED, "connectors", world.connectors))
    started = datetime(2026, 10, 10, 18, 15, tzinfo=UTC)
    world.cdr(started_at=started, minutes=45, total_cost_excl_vat=Decimal(claimed), tariff_version_ids=[])
    world.periods[0] |= {"charging_hours": Decimal("0.083333333"), "energy_kwh": Decimal(2), "tariff_id": "T-AC"}
    second = {"period_index": 1, "started_at": started + HOUR / 12, "energy_kwh": Decimal(3)}
    world.periods.append(world.periods[0] | second | {"charging_hours": Decimal("0.666666667")})
    cdrs, periods = rows_of(Layer.TYPED, "cdrs", world.cdrs), rows_of(Layer.TYPED, "charging_periods", world.periods)
    agreements = rows_of(Layer.MASTER, "agreements", world.agreements)
    priced = audit(cdrs, periods, tables, agreements).cdrs
    assert priced["total_excl_vat"].to_list() == [Decimal("2.60")]
    differing = with_prices(cdrs, priced).filter(pl.col("difference") != 0)
    causes = causes_of(differing, periods, tables, agreements)["cause"].to_list()
    assert sorted(causes) == sorted(cause or [])
