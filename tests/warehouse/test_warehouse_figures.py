"""The marts say of the small lake what can be worked out on paper."""

from datetime import date
from decimal import Decimal


def test_margin_by_operator_shows_both_currencies(ask):
    rows = ask("select * from rpt_margin_by_cpo where billing_month = date '2026-10-01' order by cpo_id")
    figures = [
        (r["cpo_id"], r["sessions"], r["revenue_net_eur"], r["wholesale_cost"], r["cost_currency"]) for r in rows
    ]
    assert figures == [
        ("DE*LDW", 3, Decimal("9.86"), Decimal("8.60"), "EUR"),  # 4.98 + 0.78 + 4.10; 4.00 + 0.50 + 4.10
        ("DK*STR", 1, Decimal("11.35"), Decimal("60.00"), "DKK"),
        ("NL*VLT", 1, Decimal("8.20"), Decimal("6.00"), "EUR"),
    ]
    assert [(r["wholesale_cost_eur"], r["margin_eur"]) for r in rows] == [
        (Decimal("8.60"), Decimal("1.26")),
        (Decimal("8.04"), Decimal("3.31")),  # 60 DKK at the rate of 30 October, 0.134
        (Decimal("6.00"), Decimal("2.20")),
    ]


def test_margin_by_country_and_plan(ask):
    by_country = ask("select country, margin_eur from rpt_margin_by_country where billing_month = date '2026-10-01'")
    assert {r["country"]: r["margin_eur"] for r in by_country} == {
        "DE": Decimal("1.26"),
        "DK": Decimal("3.31"),
        "NL": Decimal("2.20"),
    }
    by_plan = ask(
        "select plan_id, sum(fee_revenue_net_eur) as fees, sum(margin_eur) as margin from rpt_margin_by_plan "
        "where billing_month = date '2026-10-01' group by plan_id"
    )
    assert {r["plan_id"]: (r["fees"], r["margin"]) for r in by_plan} == {
        "flex": (Decimal("0.00"), Decimal("1.26")),
        "fleet": (Decimal("3.90"), Decimal("9.41")),  # 11.35 + 12.30 + 3.90 - 8.04 - 10.10
    }


def test_a_held_claim_costs_and_earns_nothing_yet(ask):
    (row,) = ask(
        "select verdict, rule_ids, claimed_excl_vat, wholesale_cost, margin_eur from fct_cdrs where cdr_id = 'C4'"
    )
    assert row == {
        "verdict": "hold",
        "rule_ids": "R21",
        "claimed_excl_vat": Decimal("99.990000000"),
        "wholesale_cost": None,
        "margin_eur": None,
    }


def test_home_charging_is_reimbursed_and_no_margin(ask):
    assert ask("select amount, document_number from fct_reimbursements") == [
        {"amount": Decimal("4.08"), "document_number": "REIMB-2026-000001"}
    ]
    assert ask("select count(*) as n from rpt_margin_by_cpo where cpo_id = 'DE*SWM'") == [{"n": 0}]


def test_an_unbilled_charge_has_no_document(ask):
    rows = ask("select charge_id, document_number from fct_charges where not is_billed")
    assert rows == [{"charge_id": "S:DE*LDW*C9", "document_number": None}]


def test_a_monthly_bill_is_the_sum_of_its_invoices(ask):
    rows = ask("select document_number, invoices, total, invoiced_total from fct_monthly_bills order by 1")
    assert [tuple(r.values()) for r in rows] == [
        ("BILL-2026-000001", 1, Decimal("6.86"), Decimal("6.86")),
        ("BILL-2026-000002", 2, Decimal("23.71"), Decimal("23.71")),
        ("BILL-2026-000003", 1, Decimal("8.20"), Decimal("8.20")),
    ]


def test_fleet_vat_tells_apart_own_foreign_and_reverse_charge(ask):
    rows = ask("select * from rpt_fleet_vat order by account_id, vat_country")
    figures = [(r["account_id"], r["vat_country"], r["net_amount"], r["vat_amount"], r["gross_amount"]) for r in rows]
    assert figures == [
        ("ACC-ALPEN", "DE", Decimal("8.00"), Decimal("1.52"), Decimal("9.52")),
        ("ACC-ALPEN", "DK", Decimal("11.35"), Decimal("2.84"), Decimal("14.19")),
        ("ACC-POLDER", "NL", Decimal("8.20"), Decimal("0.00"), Decimal("8.20")),
    ]
    assert [(r["reverse_charge_base"], r["refundable_vat_amount"]) for r in rows] == [
        (Decimal("0.00"), Decimal("0.00")),
        (Decimal("0.00"), Decimal("2.84")),
        (Decimal("8.20"), Decimal("0.00")),
    ]
    assert rows[1]["document_numbers"] == "INV-DK-2026-000001"
    assert rows[2]["buyer_vat_id"] == "NL123456789B01"


def test_what_each_vehicle_charged_and_cost(ask):
    (row,) = ask("select * from rpt_fleet_vehicles where vehicle_id = 'VEH-417'")
    assert (row["plate"], row["sessions"], row["cost_centres"]) == ("M-AL 417", 2, "4711")
    assert (row["energy_ac_kwh"], row["energy_dc_kwh"]) == (10, 20)
    assert (row["session_net_amount"], row["fee_net_amount"], row["net_amount"]) == (
        Decimal("15.45"),
        Decimal("3.90"),
        Decimal("19.35"),
    )


def test_nothing_received_is_lost(ask):
    assert ask("select * from rpt_conservation") == [
        {
            "connection_id": "ldw",
            "module": "cdrs",
            "raw_records": 10,
            "typed_records": 8,
            "quarantined_records": 1,
            "duplicate_records": 1,
            "stored_cdrs": 8,
        }
    ]


def test_a_dispute_shows_its_state_its_amounts_and_its_events(ask):
    assert ask("select kind from fct_dispute_events order by event_index") == [{"kind": "opened"}, {"kind": "sent"}]
    (parts,) = ask("select claimed_excl_vat as claimed, payable_excl_vat + held_excl_vat as parts from fct_disputes")
    assert parts == {"claimed": Decimal("99.00"), "parts": Decimal("99.00")}
    (row,) = ask("select state, events, is_open, deadline_on, amount_at_stake from fct_disputes")
    assert row == {
        "state": "sent",
        "events": 2,
        "is_open": True,
        "deadline_on": date(2026, 12, 5),
        "amount_at_stake": Decimal("95.89"),
    }


def test_where_a_driver_lives_is_not_in_the_warehouse(ask):
    (row,) = ask("select country, location_name, city, latitude, longitude from dim_connectors")
    assert row == {"country": "DE", "location_name": None, "city": None, "latitude": None, "longitude": None}


def test_analysts_see_what_tables_and_columns_mean(ask):
    (table,) = ask("select comment from duckdb_tables() where table_name = 'fct_cdrs'")
    (column,) = ask(
        "select comment from duckdb_columns() where table_name = 'fct_cdrs' and column_name = 'wholesale_cost'"
    )
    assert table["comment"].startswith("One row per CDR")
    assert "in its own currency" in column["comment"]
