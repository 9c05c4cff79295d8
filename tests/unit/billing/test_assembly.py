"""Documents from charges: how they split, what they sum, which numbers they bear."""

from datetime import date
from decimal import Decimal

import pytest
from stdnum import iso11649

from models.billing.assembly import assemble
from models.billing.canonical import canonical_json, read_document
from models.billing.documents import Invoice, MonthlyBill, PriceLine, ReimbursementStatement
from models.billing.invariants import numbering_violations, violations
from models.billing.issue import Issue
from models.billing.lines import price_lines
from models.billing.problems import BillingProblem
from models.schemas.registry import Layer
from models.types.vocabularies import VatCategory
from tests.unit.billing.billing_world import (
    component_row,
    fee_charge,
    frame,
    issue,
    reimbursement,
    session_charge,
)


def documents(charges, home=(), last=None, close: Issue | None = None):
    made = assemble(charges, home, last or {}, close or issue())
    by_number = {d.document_number: d for d in made if isinstance(d, Invoice)}
    assert [breach for d in made for breach in violations(d, by_number)] == []
    return made


def test_a_customer_abroad_in_three_countries_gets_three_invoices_and_one_bill():
    made = documents(
        [
            session_charge(1, "ANNA", "DE", "11.90"),
            session_charge(2, "ANNA", "NL", "12.10"),
            session_charge(3, "ANNA", "FR", "12.00"),
            session_charge(4, "ANNA", "FR", "6.00", current_type="DC", energy="20"),
        ]
    )
    invoices, bill = made[:-1], made[-1]
    assert [i.document_number for i in invoices] == [
        "INV-DE-2026-000001",
        "INV-FR-2026-000001",
        "INV-NL-2026-000001",
    ]
    assert [i.seller.vat_id for i in invoices] == ["DESELLER", "FRSELLER", "NLSELLER"]
    assert [i.total for i in invoices] == [Decimal("11.90"), Decimal("18.00"), Decimal("12.10")]
    assert isinstance(bill, MonthlyBill)
    assert bill.total == bill.payment.amount == Decimal("42.00")
    assert {i.bill_number for i in invoices} == {bill.document_number} == {"BILL-2026-000001"}
    assert iso11649.is_valid(bill.payment.reference)
    assert [(c.country, c.sessions, c.net_amount) for c in bill.country_subtotals] == [
        ("DE", 1, Decimal("10.00")),
        ("FR", 2, Decimal("15.00")),
        ("NL", 1, Decimal("10.00")),
    ]


def test_vat_is_computed_once_per_rate_and_the_gross_list_books_its_difference():
    made = documents([session_charge(number, "ANNA", "DE", "0.57") for number in (1, 2, 3)])
    invoice = made[0]
    assert [line.net_amount for line in invoice.lines] == [Decimal("0.48")] * 3
    assert (invoice.net_total, invoice.vat_total) == (Decimal("1.44"), Decimal("0.27"))  # 0.2736, not 3 x 0.09
    assert (invoice.rounding_amount, invoice.total) == (Decimal("0.00"), Decimal("1.71"))
    other = documents([session_charge(number, "ANNA", "DE", "0.10") for number in (1, 2, 3)])[0]
    assert (other.net_total, other.vat_total) == (Decimal("0.24"), Decimal("0.05"))
    assert (other.rounding_amount, other.total) == (Decimal("0.01"), Decimal("0.30")), "the printed prices are paid"


def test_a_net_list_has_no_rounding_amount():
    invoice = documents([session_charge(number, "ALPEN", "DE", "0.48") for number in (1, 2, 3)])[0]
    assert (invoice.net_total, invoice.vat_total, invoice.rounding_amount) == (
        Decimal("1.44"),
        Decimal("0.27"),
        Decimal(0),
    )
    assert [line.gross_amount for line in invoice.lines] == [None] * 3


def test_a_customer_with_a_fee_only_gets_an_invoice_and_a_bill_without_weeks():
    invoice, bill = documents([fee_charge("BRAM", "7.99", plan_id="plus")])
    assert (invoice.document_number, invoice.sessions, invoice.weeks) == ("INV-DE-2026-000001", 0, ())
    (row,) = invoice.vat_rows
    assert (row.vat_country, row.rate_pct, row.taxable_amount, row.vat_amount) == (
        "NL",
        Decimal(21),
        Decimal("6.60"),
        Decimal("1.39"),
    )
    assert (bill.total, bill.plan_names, bill.country_subtotals) == (Decimal("7.99"), ("Plus",), ())


def test_reverse_charge_prints_the_buyers_number_of_that_country_and_the_note():
    made = documents([session_charge(1, "POLDER", "BE", "10.00"), session_charge(2, "POLDER", "NL", "5.00")])
    belgian, dutch = made[0], made[1]
    assert (belgian.customer.vat_id, belgian.seller.vat_id) == ("BEPOLDER", "BESELLER")
    assert (dutch.customer.vat_id, dutch.seller.vat_id) == ("NLPOLDER", "NLSELLER")
    (row,) = belgian.vat_rows
    assert (row.category, row.rate_pct, row.vat_amount) == (VatCategory.REVERSE_CHARGE, Decimal(0), Decimal(0))
    assert row.legal_note == "Reverse charge - Btw verlegd / Autoliquidation (Art. 195 Directive 2006/112/EC)"


def test_german_charging_and_a_reverse_charged_fee_share_one_invoice():
    made = documents([session_charge(1, "POLDER", "DE", "10.00"), fee_charge("POLDER", "3.90")])
    invoice, bill = made
    assert [(r.vat_country, str(r.category), r.vat_amount) for r in invoice.vat_rows] == [
        ("DE", "S", Decimal("1.90")),
        ("NL", "AE", Decimal("0.00")),
    ]
    assert invoice.customer.vat_id == "NLPOLDER"
    assert bill.total == Decimal("15.80")


def test_a_reverse_charge_without_the_buyers_number_is_never_issued():
    bad = session_charge(1, "POLDER", "BE", "10.00")
    bad = type(bad)(**{**{f: getattr(bad, f) for f in bad.__struct_fields__}, "buyer_vat_id": None})
    with pytest.raises(BillingProblem, match="needs the customer's VAT id"):
        assemble([bad], [], {}, issue())


def test_a_billable_charge_without_vat_is_named():
    bad = session_charge(1, "ANNA", "DE", "10.00")
    bad = type(bad)(**{**{f: getattr(bad, f) for f in bad.__struct_fields__}, "vat_case": None})
    with pytest.raises(BillingProblem, match=r"S:XX\*CPO\*000001 is billable but has no vat_case"):
        assemble([bad], [], {}, issue())


def test_danish_vat_is_also_stated_in_kroner_at_the_newest_rate_not_after_the_supply():
    invoice = documents([session_charge(1, "ANNA", "DK", "12.50")])[0]
    assert invoice.vat_total == Decimal("2.50")
    accounting = invoice.vat_accounting
    assert (accounting.currency, accounting.units_per_eur, accounting.rate_date) == (
        "DKK",
        Decimal("7.4641"),
        date(2026, 10, 20),
    )
    assert accounting.vat_total == Decimal("18.66")  # 18.66025
    german = documents([session_charge(1, "ANNA", "DE", "12.50")])[0]
    assert german.vat_accounting is None


def test_without_an_exchange_rate_nothing_is_issued():
    with pytest.raises(BillingProblem, match="VAT of DK needs EUR in DKK on 2026-10-21: load a rate into fx_rates"):
        assemble([session_charge(1, "ANNA", "DK", "12.50")], [], {}, issue(fx_rates=[]))


def test_a_fleet_invoice_sums_its_vehicles():
    known = {"vehicle_id": "V1", "driver_id": "D1", "cost_centre": "North"}
    invoice = documents(
        [
            session_charge(1, "ALPEN", "DE", "4.10", **known),
            session_charge(2, "ALPEN", "DE", "11.35", current_type="DC", energy="20", **known),
            fee_charge("ALPEN", "3.90", **known),
        ]
    )[0]
    (vehicle,) = invoice.vehicles
    assert (vehicle.plate, vehicle.driver_name, vehicle.cost_centre) == ("B-AL 1", "Dora Eins", "North")
    assert (vehicle.sessions, vehicle.energy_ac_kwh, vehicle.energy_dc_kwh) == (2, Decimal(10), Decimal(20))
    assert (vehicle.fee_amount, vehicle.net_amount) == (Decimal("3.90"), Decimal("19.35"))


def test_foreign_vat_of_a_fleet_carries_the_refund_hint():
    abroad, home = (documents([session_charge(1, "ALPEN", place, "10.00")])[0] for place in ("FR", "DE"))
    assert (abroad.notes, home.notes) == (("refund_hint_2008_9",), ())


def test_weeks_cover_the_month_and_earlier_days_of_late_records():
    charges = [
        session_charge(1, "ANNA", "DE", "1", on=date(2026, 10, 4), energy="7"),
        session_charge(2, "ANNA", "DE", "1", on=date(2026, 10, 5), energy="5", current_type="DC"),
    ]
    weeks = documents(charges)[0].weeks
    assert [week.week_start for week in weeks] == [
        date(2026, 9, 28),
        date(2026, 10, 5),
        date(2026, 10, 12),
        date(2026, 10, 19),
        date(2026, 10, 26),
    ]
    assert [(w.ac_kwh, w.dc_kwh) for w in weeks[:2]] == [(Decimal(7), Decimal(0)), (Decimal(0), Decimal(5))]
    late = documents([session_charge(1, "ANNA", "DE", "1", on=date(2026, 9, 20))])[0]
    assert late.weeks[0].week_start == date(2026, 9, 14)
    assert (late.period_from, late.period_to) == (date(2026, 9, 20), date(2026, 9, 20))


def test_numbers_go_on_where_each_series_stopped():
    made = documents(
        [
            session_charge(1, "ANNA", "DE", "1"),
            session_charge(2, "BRAM", "DE", "1"),
            session_charge(3, "BRAM", "NL", "1"),
        ],
        last={"INV-DE-2026": 41, "BILL-2026": 7},
    )
    assert [d.document_number for d in made] == [
        "INV-DE-2026-000042",
        "INV-DE-2026-000043",
        "INV-NL-2026-000001",
        "BILL-2026-000008",
        "BILL-2026-000009",
    ]


def test_the_order_of_charges_changes_no_byte():
    charges = [session_charge(n, account, "DE", "1.23") for n, account in enumerate(("ANNA", "BRAM", "ALPEN") * 3)]
    first, second = (assemble(order, [], {}, issue()) for order in (charges, charges[::-1]))
    assert [canonical_json(d) for d in first] == [canonical_json(d) for d in second]


def test_a_statement_lists_the_sessions_at_home_and_hides_the_account_number():
    home = [
        reimbursement(1, "D1", "12.345", "4.20", "0.34", "reference_flat"),
        reimbursement(2, "D1", "10", "3.40", "0.34", "reference_flat"),
        reimbursement(3, "D2", "10", "2.71", "0.271", "contract_price"),
    ]
    first, second = documents([], home)
    assert isinstance(first, ReimbursementStatement)
    assert (first.document_number, first.total, first.energy_kwh) == (
        "REIMB-2026-000001",
        Decimal("7.60"),
        Decimal("22.345"),
    )
    assert first.iban_masked == "DE89 **** **** **** **30 00"
    assert (first.vehicle_plate, first.employer.name, first.driver.name) == ("B-AL 1", "Customer ALPEN", "Dora Eins")
    assert (second.document_number, second.driver_id) == ("REIMB-2026-000002", "D2")


def test_price_lines_sum_components_by_dimension_and_price():
    components = frame(
        Layer.PRICED,
        "retail_components",
        [
            component_row(1, 0, "ENERGY", "10", "0.59", is_gross=True),
            component_row(1, 1, "ENERGY", "2.5", "0.59", is_gross=True),
            component_row(1, 2, "PARKING_TIME", "0.5", "3", is_gross=True),
            component_row(2, 0, "ENERGY", "20", "0.55", is_gross=False),
            component_row(2, 1, "FLAT", "1", "0.35", is_gross=False),
        ],
    )
    prices = price_lines(components, ["XX*CPO*000001"])
    energy, parking = prices["XX*CPO*000001"]
    assert energy == PriceLine(
        label="energy", volume=Decimal("12.5"), unit="kWh", unit_price=Decimal("0.59"), amount=Decimal("7.375")
    )
    assert (parking.label, parking.unit, parking.amount) == ("parking_time", "h", Decimal("1.5"))
    assert [(line.label, line.amount) for line in prices["XX*CPO*000002"]] == [
        ("energy", Decimal(11)),
        ("flat", Decimal("0.35")),
    ]


def test_a_document_reads_back_as_it_was_written():
    home = [reimbursement(1, "D1", "12.345", "4.20", "0.34", "reference_flat")]
    for document in documents([session_charge(1, "ANNA", "DK", "12.50"), fee_charge("BRAM", "7.99")], home):
        again = read_document(document.kind, canonical_json(document))
        assert again == document
        assert canonical_json(again) == canonical_json(document)


def test_a_hole_in_a_series_is_named():
    made = documents([session_charge(1, "ANNA", "DE", "1"), session_charge(2, "BRAM", "DE", "1")])
    assert numbering_violations(made) == []
    (breach,) = numbering_violations(d for d in made if d.document_number != "INV-DE-2026-000001")
    assert (breach.document_number, breach.expected) == ("INV-DE-2026-000002", "INV-DE-2026-000001")
