"""Charges: who pays, by which price list, with which VAT; what is unknown is a row with a reason."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from models.billing.charges import Books, session_charges
from models.billing.fees import fee_charges
from models.billing.selection import retail_sessions, retail_subjects
from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from pipelines.lib.reference_data import vat_rates
from tests.unit.billing.billing_world import (
    MASTER_ROWS,
    OCTOBER,
    cdr_row,
    frame,
    master,
    master_tables,
    retail_row,
    verdict_row,
)


def charged(cdrs, retail, verdicts):
    subjects = retail_subjects(frame(Layer.TYPED, "cdrs", cdrs), master_tables())
    charges = session_charges(
        subjects,
        frame(Layer.PRICED, "retail_cdrs", retail),
        frame(Layer.MATCHED, "verdicts", verdicts),
        Books(master(), vat_rates()),
    )
    table(Layer.BILLED, "charges").contract.validate(charges, lazy=True)
    return {row["charge_id"]: row for row in charges.to_dicts()}


def test_a_consumer_pays_the_printed_gross_price_and_a_fleet_net():
    rows = charged(
        [cdr_row(1, "DE-NST-ANNA"), cdr_row(2, "DE-NST-ALPEN1", "FR", time_zone="Europe/Paris")],
        [retail_row(1, "10.005", is_gross=True), retail_row(2, "10.005", is_gross=False)],
        [verdict_row(1), verdict_row(2)],
    )
    anna, alpen = rows["S:XX*CPO*000001"], rows["S:XX*CPO*000002"]
    assert (anna["gross_amount"], anna["net_amount"]) == (Decimal("10.01"), Decimal("8.41"))
    assert (anna["vat_case"], anna["vat_rate_pct"], anna["outcome"]) == ("E1", Decimal(19), "billable")
    assert (alpen["gross_amount"], alpen["net_amount"]) == (None, Decimal("10.01"))
    assert (alpen["vat_case"], alpen["seller_vat_id"], alpen["buyer_vat_id"]) == ("E3", "FRSELLER", "DEALPEN")
    assert (alpen["vehicle_id"], alpen["driver_id"], alpen["cost_centre"]) == ("V1", "D1", "North")
    assert anna["duration_hours"] == Decimal("1.5")
    assert anna["started_at_local"] == datetime(2026, 10, 21, 8, 0)  # noqa: DTZ001 - wall-clock time


def test_only_accepted_sessions_away_from_home_become_charges():
    rows = charged(
        [cdr_row(1, "DE-NST-ANNA"), cdr_row(2, "DE-NST-ANNA"), cdr_row(3, "DE-NST-ALPEN1", is_home_charging=True)],
        [retail_row(1, "1", is_gross=True), retail_row(2, "1", is_gross=True)],
        [verdict_row(1), verdict_row(2, "hold"), verdict_row(3)],
    )
    assert list(rows) == ["S:XX*CPO*000001"]


def test_the_supply_date_is_local_and_decides_the_rate():
    ended = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    rows = charged(
        [cdr_row(1, "DE-NST-ANNA", started_at=ended.replace(hour=22), ended_at=ended)],
        [retail_row(1, "1", is_gross=True)],
        [verdict_row(1)],
    )
    assert rows["S:XX*CPO*000001"]["supplied_on"] == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("cdr", "price", "words"),
    [
        (cdr_row(1, "DE-NST-NOBODY"), None, "contract DE-NST-NOBODY is not in force on 2026-10-21"),
        (cdr_row(1, None), None, r"contract (none) is not in force"),
        (cdr_row(1, "DE-NST-ANNA", time_zone=None), "1", "time zone is not known"),
        (cdr_row(1, "DE-NST-ANNA", is_credit=True), None, "credit CDR"),
        (cdr_row(1, "DE-NST-ANNA", "PL"), "1", "no VAT registration in PL"),
        (cdr_row(1, "DE-NST-ANNA", None), "1", "country is not known"),
        (cdr_row(1, "DE-NST-ANNA"), None, "no price by plan flex: it was not rated"),
    ],
)
def test_what_cannot_be_decided_is_a_charge_in_review(cdr, price, words):
    retail = [retail_row(1, price, is_gross=True)] if price else []
    row = charged([cdr], retail, [verdict_row(1)])["S:XX*CPO*000001"]
    assert row["outcome"] == "review"
    assert words in row["review_reason"]
    assert row["net_amount"] is None


def test_a_price_list_that_contradicts_its_plan_is_not_billed():
    row = charged([cdr_row(1, "DE-NST-ANNA")], [retail_row(1, "1", is_gross=False)], [verdict_row(1)])
    assert "disagree on whether prices contain VAT" in row["S:XX*CPO*000001"]["review_reason"]


def versions(*rows):
    known = {"source": "plan", "currency": "EUR", "tax_included": "YES", "content_json": "{}", "owner_id": "DE*NST"}
    return frame(Layer.TYPED, "tariff_versions", [known | row for row in rows])


def test_the_plan_tariff_is_chosen_by_current_and_by_the_last_word_valid_at_the_start():
    learned = [datetime(2026, month, 1, tzinfo=UTC) for month in (9, 11)]
    candidates = versions(
        {"tariff_version_id": "old", "tariff_key": "DE*NST*FLEX-AC", "tariff_id": "flex-ac", "known_from": learned[0]},
        {"tariff_version_id": "new", "tariff_key": "DE*NST*FLEX-AC", "tariff_id": "flex-ac", "known_from": learned[1]},
        {"tariff_version_id": "dc", "tariff_key": "DE*NST*FLEX-DC", "tariff_id": "flex-dc", "known_from": learned[0]},
        {
            "tariff_version_id": "over",
            "tariff_key": "DE*NST*FLEX-AC",
            "tariff_id": "flex-ac",
            "known_from": datetime(2026, 12, 1, tzinfo=UTC),
            "valid_to": datetime(2026, 10, 21, tzinfo=UTC),
        },
    )
    tables = master_tables()
    cdrs = frame(
        Layer.TYPED,
        "cdrs",
        [
            cdr_row(1, "DE-NST-ANNA"),
            cdr_row(2, "DE-NST-ANNA", connector_power_type="DC", currency="DKK"),
            cdr_row(3, "DE-NST-ANNA", connector_power_type=None),
            cdr_row(4, "DE-NST-NOBODY"),
        ],
    )
    sessions = retail_sessions(retail_subjects(cdrs, tables), tables["plan_tariffs"], candidates, "DE*NST")
    assert sessions["tariff_version_ids"].to_list() == [["new"], ["dc"], []]
    assert sessions["currency"].to_list() == ["EUR", "EUR", "EUR"], "a plan prices in its own currency, also in Denmark"


def test_a_contract_pays_its_fee_for_every_month_that_it_touches():
    contracts = [
        row | {"contract_id": name, "valid_from": start, "valid_to": end}
        for row in MASTER_ROWS["contracts"][1:2]
        for name, start, end in (
            ("LAST-DAY", date(2026, 10, 31), None),
            ("FIRST-DAY", date(2026, 1, 1), date(2026, 10, 2)),
            ("OVER", date(2026, 1, 1), date(2026, 10, 1)),
            ("NEXT", date(2026, 11, 1), None),
        )
    ]
    fees = fee_charges(OCTOBER, Books(master(contracts=contracts), vat_rates()))
    assert fees["charge_id"].to_list() == ["F:FIRST-DAY:2026-10", "F:LAST-DAY:2026-10"]
    assert fees["gross_amount"].to_list() == [Decimal("7.99")] * 2
    assert fees["net_amount"].to_list() == [Decimal("6.60")] * 2
    assert fees["vat_case"].to_list() == ["F3", "F3"]
    assert fees["supplied_on"].unique().to_list() == [date(2026, 10, 31)]


def test_a_plan_without_a_fee_charges_none():
    fees = fee_charges(BillingMonth(2026, 10), Books(master(), vat_rates()))
    assert "F:DE-NST-ANNA:2026-10" not in fees["charge_id"].to_list()
    assert isinstance(fees, pl.DataFrame)
