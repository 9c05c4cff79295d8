"""Reading the three kinds of file: what is good is read exactly, what is bad is named with its line and a remedy."""

import json
from decimal import Decimal

import pytest

from pipelines.lib.cpo_invoices.checking import read_invoice
from pipelines.lib.errors import UserError
from tests.unit.cpo_invoices.invoice_world import CPO, ubl


@pytest.fixture
def read(tmp_path):
    """Give a way to read bytes as a file, and its lines as (number, id, amount, problem)."""

    def read(content, invoice="I-1", cpo=CPO):
        path = tmp_path / "invoice"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_invoice(path, cpo, invoice).invoice

    return read


def told(invoice):
    return [(line.line_number, line.cdr_id, line.amount_excl_vat, line.problem) for line in invoice.lines]


def record(**fields):
    common = {"country_code": "DE", "party_id": "LDW", "id": "R1", "invoice_id": "I-1", "cdrs": ["C1", "C2"]}
    return common | {"last_updated": "2026-11-01T00:00:00Z"} | fields


def test_a_reconciliation_record_names_cdrs_and_no_amounts(read):
    invoice = read(json.dumps(record()), None)
    assert told(invoice) == [(1, "C1", None, None), (2, "C2", None, None)]
    assert (invoice.invoice_id, invoice.cpo_id) == ("I-1", "DE*LDW")


def test_records_of_one_invoice_belong_together_and_one_of_several_is_chosen(read):
    answer = {"data": [record(), record(id="R2", cdrs=["C3"]), record(id="R3", invoice_id="I-2")], "status_code": 1000}
    assert [line.cdr_id for line in read(json.dumps(answer), "i-1").lines] == ["C1", "C2", "C3"]
    with pytest.raises(UserError, match="has records of the invoices I-1, I-2: name the one to check with --invoice"):
        read(json.dumps(answer), None)


def test_a_bad_entry_of_a_record_is_named_and_the_others_are_read(read):
    invoice = read(json.dumps(record(cdrs=["C1", 7, "  "])))
    assert [line.problem is None for line in invoice.lines] == [True, False, False]
    assert invoice.lines[1].problem == "entry 2 of cdrs is 7 instead of the id of a CDR: correct it"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_with_any_separator_and_exact_digits(read, separator):
    rows = [["cdr_id", "note", "amount_excl_vat", "currency"], ["C1", "x", "0.100000001", "eur"], ["C2", "", "", ""]]
    invoice = read("\ufeff" + "\r\n".join(separator.join(row) for row in rows))
    assert told(invoice) == [(2, "C1", Decimal("0.100000001"), None), (3, "C2", None, None)]
    assert [line.currency for line in invoice.lines] == ["EUR", None]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",1.00,EUR", "names no CDR: fill in cdr_id"),
        ('C1,"1,50",EUR', "amount_excl_vat '1,50' is no number: write it with a decimal point"),
        ("C1,1e5,EUR", "amount_excl_vat '1e5' is no number"),
        ("C1,NaN,EUR", "is no number"),
        ("C1,0.1234567890,EUR", "has more than 9 decimals"),
        ("C1,99999999999,EUR", "is beyond 1,000,000,000"),
        ("C1,1.00,EUX", "currency 'EUX' is no ISO 4217 code such as EUR"),
        ("C1,1,00,EUR", "has 4 cells instead of 3: quote cells that contain the separator"),
    ],
)
def test_a_bad_line_of_a_csv_is_named_and_the_next_one_is_read(read, row, said):
    bad, good = read(f"cdr_id,amount_excl_vat,currency\n{row}\nC2,2.00,EUR\n").lines
    assert (bad.line_number, good.line_number, good.amount_excl_vat) == (2, 3, 2)
    assert said in bad.problem


@pytest.mark.parametrize("place", ["reference", "attribute", "seller", "note"])
def test_ubl_names_its_cdrs_in_any_of_four_places(read, place):
    invoice = read(ubl(("C1", "10.00", place), ("C2", "20.50"), total="30.50"))
    assert told(invoice) == [(1, "C1", Decimal("10.00"), None), (2, "C2", Decimal("20.50"), None)]
    assert (invoice.stated_excl_vat, invoice.lines[1].vat_rate_pct, invoice.lines[1].currency) == (
        Decimal("30.50"),
        19,
        "EUR",
    )


def test_a_ubl_credit_note_asks_for_less_than_nothing(read):
    invoice = read(ubl(("C1-C", "10.00"), root="CreditNote", total="10.00"))
    assert (invoice.lines[0].amount_excl_vat, invoice.stated_excl_vat) == (-10, -10)


def test_a_ubl_line_without_a_cdr_is_named(read):
    first, second = read(ubl(("", "10.00"), ("C2", "1.00"))).lines
    assert first.problem == "invoice line 1 names no CDR: put its id into DocumentReference/ID (BT-128)"
    assert second.problem is None


def test_no_entity_is_ever_read(read, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("top secret")
    head = f'<!DOCTYPE x [<!ENTITY leak SYSTEM "file://{secret}"><!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with pytest.raises(UserError, match="declares a document type") as refused:
        read(ubl(("&leak;&b;", "1.00"), head=head))
    assert "top secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<a/>", "is a a document: expected a UBL 2.1 Invoice or CreditNote"),
        ("<a", "is no XML"),
        ("{", "is no JSON"),
        ("{}", "has records of the invoices none"),
        (json.dumps(record(cdrs="C1")), "has no list of cdrs"),
        (json.dumps(record(party_id="VLT")), "is an invoice of DE*VLT, not of DE*LDW: check --cpo"),
        ("a,b\n1,2\n", "has no column cdr_id"),
        (b"\xff\xfe\x00cdr_id", "is no UTF-8 text"),
        (ubl(("C1", "1.00"), number="I-7"), "is invoice I-7, not I-1: check the file"),
    ],
)
def test_what_is_no_invoice_is_refused_in_one_line(read, content, said):
    with pytest.raises(UserError) as refused:
        read(content)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_csv_needs_its_number_and_a_cpo_is_a_party(read):
    with pytest.raises(UserError, match="say which one it is with --invoice"):
        read("cdr_id\nC1\n", None)
    with pytest.raises(UserError, match="is no party"):
        read("cdr_id\nC1\n", cpo="Ladewerk")
    assert read("cdr_id\nC1\n", cpo="de-ldw").lines[0].cdr_id == "C1"
