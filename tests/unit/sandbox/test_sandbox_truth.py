"""The truth, by figures worked out by hand, and against the CPOs' own bills."""

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.types.money import rounded
from models.types.time import BillingMonth
from pipelines.sandbox.physics import Charge
from pipelines.sandbox.places import STATIC
from pipelines.sandbox.truth import bill_month
from pipelines.sandbox.truth_retail import SELLER_VAT_IDS, owed_for_session, refund, totals
from pipelines.sandbox.truth_wholesale import wholesale_price

HOUR = 3600


def second(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.fixture
def session_on(world):
    """Give a session at a plug of a tariff: start in UTC, Wh, charging and parking seconds."""

    def make(tariff_id, start, *charge, contract=None):
        evse = next(evse for evse in world.network.evses if evse.tariff_id == tariff_id)
        some = world.cdrs[0].claim.session
        at = second(start)
        prices = world.network.prices.at(tariff_id, at)
        contract = contract or some.contract
        return replace(some, evse=evse, started=at, charge=Charge(*charge), prices=prices, contract=contract)

    return make


@pytest.mark.parametrize(
    ("tariff_id", "start", "charge", "price"),
    [
        # 10 kWh at 0.38
        ("LDW-AC", "2026-10-05T10:00:00", (10_000, HOUR, 0), "3.80"),
        # 11 kWh at 0.36; parked from 2 h to 5 h, free until 3 h: 2 h at 4.80
        ("LDW-AC-IDLE", "2026-10-05T10:00:00", (11_000, 2 * HOUR, 3 * HOUR), "13.56"),
        # 20.01 kWh in steps of 100 Wh is 20.1 kWh at 0.49, and 0.50 to start
        ("LDW-DC", "2026-10-05T10:00:00", (20_010, 1800, 0), "10.349"),
        # from 19:00 to 21:00 local time: 5 kWh at 0.44, 5 kWh at 0.32
        ("SWM-TOD", "2026-10-05T17:00:00", (10_000, 2 * HOUR, 0), "3.80"),
        # the night of the clocks: 19:00 to 09:00 local is 15 h; 1 h and 1 h by day, 13 h by night
        ("SWM-TOD", "2026-10-24T17:00:00", (15_000, 15 * HOUR, 0), "5.04"),
        ("SWM-FREE", "2026-10-05T10:00:00", (10_000, HOUR, HOUR), "0"),
        # 30.2 kWh in steps of 500 Wh
        ("SWM-DC", "2026-10-05T10:00:00", (30_200, 1800, 0), "15.86"),
        ("VLT-AC", "2026-09-14T10:00:00", (10_000, HOUR, 0), "3.50"),
        ("VLT-AC", "2026-09-16T10:00:00", (10_000, HOUR, 0), "3.70"),
        # 7 kWh at 0.12 and 61 min in steps of 5 min: 65 min at 1.80 an hour
        ("VLT-MINUTE", "2026-10-05T10:00:00", (7_000, 3663, 0), "2.79"),
        ("VLT-DC-MIN", "2026-10-05T10:00:00", (4_000, 900, 0), "6.00"),
        # local 16:00 to 22:00, 1 kWh an hour: 1 x 2.85, 4 x 3.90, 1 x 2.85
        ("STR-TOD", "2026-10-05T14:00:00", (6_000, 6 * HOUR, 0), "21.30"),
        ("STR-DC", "2026-10-05T10:00:00", (10_000, 900, 0), "42.50"),
        # 0.25 to start, 10 kWh at 0.39; parked 1 h to 2 h free, then 20 min in steps of 15 min: 30 min at 2.40
        ("CHB-AC-IDLE", "2026-10-05T10:00:00", (10_000, HOUR, 80 * 60), "5.35"),
        ("CHB-MINUTE", "2026-10-05T10:00:00", (10_000, 30 * 60 + 9, 0), "1.86"),
        ("CHB-DC-MAX", "2026-10-05T10:00:00", (50_000, 1800, 0), "20.00"),
        # charging 30 min 9 s at 2.40 stays as it is because parking, 10 min 9 s in steps of a minute, costs too
        ("RCH-STAY", "2026-10-05T10:00:00", (5_000, 1809, 609), "1.426"),
        ("RCH-AC", "2026-10-05T10:00:00", (9_100, HOUR, 0), "3.30"),
        # 21:30 to 22:30 local: half at 0.50, half at 0.41, and 1.00 to start
        ("RCH-DC-TOD", "2026-10-05T19:30:00", (40_000, HOUR, 0), "19.20"),
    ],
)
def test_wholesale_prices_are_those_worked_out_by_hand(session_on, tariff_id, start, charge, price):
    session = session_on(tariff_id, start, *charge)
    assert wholesale_price(session.prices, session) == Decimal(price)


def test_honest_cpos_bill_the_right_price_to_the_fourth_decimal(world):
    used = set()
    for published, row in zip(world.cdrs, world.truth.cdrs, strict=True):
        if not row.faults:
            assert published.cdr.total_cost.excl_vat == row.right_wholesale_excl_vat, published.cdr_key
            used.add(published.claim.prices.tariff_id)
    assert used == {version.tariff_id for version in world.network.prices.versions}


@pytest.mark.parametrize(
    ("plan", "tariff_id", "charge", "net", "gross"),
    [
        # 10.005 kWh at 0.59 = 5.90295
        ("flex", "LDW-AC", (10_005, HOUR, 0), "4.96", "5.90"),
        # 20 kWh at 0.59, and 30 min 9 s beyond 4 h: 31 begun minutes at 0.05
        ("flex", "LDW-AC", (20_000, 2 * HOUR, 2 * HOUR + 1809), "11.22", "13.35"),
        ("plus", "LDW-DC", (30_000, 1800, 3 * HOUR), "15.38", "18.30"),
        ("fleet", "LDW-AC", (10_000, HOUR, 9 * HOUR), "4.10", None),
        ("fleet", "LDW-DC", (10_001, 900, 0), "5.85", None),
    ],
)
def test_retail_prices_are_those_worked_out_by_hand(world, session_on, plan, tariff_id, charge, net, gross):
    contract = next(c for c in world.people.contracts if c.plan_id == plan)
    owed = owed_for_session(contract, session_on(tariff_id, "2026-10-05T10:00:00", *charge, contract=contract))
    assert (owed.net, owed.gross) == (Decimal(net), None if gross is None else Decimal(gross))


@pytest.mark.parametrize(
    ("account_id", "tariff_id", "seller", "is_reverse", "pct"),
    [
        ("F00001", "LDW-AC", "DE318204706", False, 19),
        ("F00001", "STR-AC", "DK39481200", False, 25),
        ("F00002", "VLT-AC", "NL826114301B01", True, 0),
        ("F00002", "CHB-MINUTE", "BE0748215636", True, 0),
        ("F00002", "LDW-AC", "DE318204706", False, 19),
        ("F00002", "RCH-AC", "FR22848215307", False, 20),
        ("C00001", "VLT-AC", "NL826114301B01", False, 21),
    ],
)
def test_vat_follows_the_place_and_the_customers_numbers(
    world, session_on, account_id, tariff_id, seller, is_reverse, pct
):
    contract = next(c for c in world.people.contracts if c.account.account_id == account_id)
    session = session_on(tariff_id, "2026-10-05T10:00:00", 10_000, HOUR, 0, contract=contract)
    owed = owed_for_session(contract, session)
    assert (owed.seller_vat_id, owed.is_reverse_charge, owed.vat_pct) == (seller, is_reverse, pct)


def test_vat_is_taken_once_on_the_sum_and_the_printed_prices_are_what_is_paid(world, session_on):
    contract = next(c for c in world.people.contracts if c.plan_id == "flex")
    # 1.01 kWh at 0.59 prints 0.60, net 0.50; three of them: net 1.50, VAT 0.29 (0.285), rounding 1.80 - 1.79
    session = session_on("LDW-AC", "2026-10-05T10:00:00", 1_010, HOUR, 0, contract=contract)
    figures = totals([owed_for_session(contract, session)] * 3)
    assert (figures.net_total, figures.vat_total) == (Decimal("1.50"), Decimal("0.29"))
    assert (figures.rounding_amount, figures.total) == (Decimal("0.01"), Decimal("1.80"))


def test_home_charging_is_refunded_per_kilowatt_hour(world, session_on):
    german = next(c for c in world.people.contracts if c.home_charger and c.account.country == "DE")
    dutch = next(c for c in world.people.contracts if c.home_charger and c.account.country == "NL")
    session = session_on("LDW-AC", "2026-10-05T10:00:00", 12_345, HOUR, 0)
    assert refund(german.home_charger, session) == Decimal("4.20")
    assert dutch.home_charger.contract_price_per_kwh == Decimal("0.2735")
    assert refund(dutch.home_charger, session) == Decimal("3.38")


def test_bills_are_the_sums_of_their_invoices(world):
    for bill in world.truth.bills:
        invoices = [
            each.total
            for each in world.truth.invoices
            if (each.account_id, each.bill_month) == (bill.account_id, bill.bill_month)
        ]
        assert bill.total == sum(invoices)
    assert {bill.bill_month for bill in world.truth.bills} == {date(2026, 9, 1), date(2026, 10, 1)}


def test_every_accepted_session_is_on_one_invoice_or_one_statement(world):
    accepted = [
        each
        for each, row in zip(world.cdrs, world.truth.cdrs, strict=True)
        if not row.faults and row.billing_month < date(2026, 11, 1)
    ]
    home = sum(each.cdr.total_energy_kwh for each in accepted if each.cdr.is_home_charging)
    assert sum(row.energy_kwh for row in world.truth.reimbursements) == home
    fees = sum(
        month_first <= (c.valid_to or date.max) and c.valid_from <= month_last and c.plan_id != "flex"
        for c in world.people.contracts
        for month_first, month_last in ((date(2026, 9, 2), date(2026, 9, 30)), (date(2026, 10, 2), date(2026, 10, 31)))
    )
    away = sum(not each.cdr.is_home_charging for each in accepted)
    assert sum(invoice.lines for invoice in world.truth.invoices) == away + fees


def test_the_plans_are_the_price_lists_of_the_repository(world, session_on):
    """The truth states the plans in its own words; here both are asked for 10 kWh without idling."""
    tariffs = {each["id"]: each for each in json.loads((STATIC / "plan_tariffs.json").read_text(), parse_float=Decimal)}
    with (STATIC / "plan_tariffs.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        contract = next(c for c in world.people.contracts if c.plan_id == row["plan_id"])
        plug = "LDW-DC" if row["current_type"] == "DC" else "LDW-AC"
        session = session_on(plug, "2026-10-05T10:00:00", 10_000, HOUR, 0, contract=contract)
        owed = owed_for_session(contract, session)
        parts = [part for element in tariffs[row["tariff_id"]]["elements"] for part in element["price_components"]]
        listed = sum(part["price"] * {"ENERGY": 10, "FLAT": 1}.get(part["type"], 0) for part in parts)
        assert rounded(Decimal(listed), 2) == (owed.net if owed.gross is None else owed.gross)


def test_the_sellers_numbers_are_those_of_the_master_data():
    with (STATIC / "vat_registrations.csv").open() as file:
        assert {row["country"]: row["vat_id"] for row in csv.DictReader(file)} == SELLER_VAT_IDS


def test_late_cdrs_are_billed_with_the_next_month(world):
    september = [c for c in world.cdrs if c.claim.session.ended < second("2026-09-30T22:00:00")]
    late = {c.cdr_key for c in september if c.claim.published_at >= second("2026-10-05T04:00:00")}
    assert late
    assert {bill_month(c) for c in september if c.cdr_key in late} == {BillingMonth(2026, 10)}
    assert {bill_month(c) for c in september if c.cdr_key not in late} == {BillingMonth(2026, 9)}
