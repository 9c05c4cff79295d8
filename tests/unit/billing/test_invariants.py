"""A cent changed in any figure of a document is found, with the document and the field."""

from decimal import Decimal

import msgspec
import pytest

from models.billing.assembly import assemble
from models.billing.documents import Document, Invoice
from models.billing.invariants import Violation, violations
from tests.unit.billing.billing_world import issue, reimbursement, session_charge

CENT = Decimal("0.01")


def issued() -> dict[str, Document]:
    charges = [session_charge(1, "ANNA", "DK", "12.50"), session_charge(2, "ANNA", "DK", "0.10")]
    home = [reimbursement(1, "D1", "12.345", "4.20", "0.34", "reference_flat")]
    return {document.document_number: document for document in assemble(charges, home, {}, issue())}


def found(changed: Document) -> list[Violation]:
    documents = issued() | {changed.document_number: changed}
    invoices = {number: d for number, d in documents.items() if isinstance(d, Invoice)}
    return [breach for document in documents.values() for breach in violations(document, invoices)]


def test_what_was_issued_is_sound():
    assert found(issued()["BILL-2026-000001"]) == []


@pytest.mark.parametrize("field", ["net_total", "vat_total", "rounding_amount", "total"])
@pytest.mark.parametrize("number", ["INV-DK-2026-000001", "BILL-2026-000001"])
def test_a_cent_in_a_total(number, field):
    document = issued()[number]
    breaches = found(msgspec.structs.replace(document, **{field: getattr(document, field) + CENT}))
    assert (number, field) in {(breach.document_number, breach.field) for breach in breaches}


@pytest.mark.parametrize(
    ("field", "place"), [("net_amount", "lines[1].net_amount"), ("gross_amount", "lines[1].net_amount")]
)
def test_a_cent_in_a_line(field, place):
    invoice = issued()["INV-DK-2026-000001"]
    first = invoice.lines[0]
    line = msgspec.structs.replace(first, **{field: getattr(first, field) + CENT})
    breaches = found(msgspec.structs.replace(invoice, lines=(line, *invoice.lines[1:])))
    assert ("INV-DK-2026-000001", place) in {(breach.document_number, breach.field) for breach in breaches}


@pytest.mark.parametrize("field", ["taxable_amount", "vat_amount"])
def test_a_cent_in_a_vat_row(field):
    invoice = issued()["INV-DK-2026-000001"]
    (row,) = invoice.vat_rows
    row = msgspec.structs.replace(row, **{field: getattr(row, field) + CENT})
    assert f"vat_rows[DK S 25].{field}" in {b.field for b in found(msgspec.structs.replace(invoice, vat_rows=(row,)))}


def test_a_cent_in_kroner_or_on_a_statement():
    invoice = issued()["INV-DK-2026-000001"]
    kroner = msgspec.structs.replace(invoice.vat_accounting, vat_total=invoice.vat_accounting.vat_total + CENT)
    breaches = found(msgspec.structs.replace(invoice, vat_accounting=kroner))
    assert [breach.field for breach in breaches] == ["vat_accounting.vat_total"]
    statement = issued()["REIMB-2026-000001"]
    line = msgspec.structs.replace(statement.lines[0], amount=Decimal("4.21"))
    fields = [breach.field for breach in found(msgspec.structs.replace(statement, lines=(line,)))]
    assert fields == ["lines[1].amount", "total"]


def test_a_bill_that_leaves_an_invoice_out():
    bill = issued()["BILL-2026-000001"]
    assert "items" in {breach.field for breach in found(msgspec.structs.replace(bill, items=()))}


@pytest.mark.parametrize(
    ("number", "field", "name"),
    [
        ("INV-DK-2026-000001", "country_subtotals", "net_amount"),
        ("BILL-2026-000001", "country_subtotals", "energy_kwh"),
        ("INV-DK-2026-000001", "weeks", "ac_kwh"),
        ("BILL-2026-000001", "weeks", "ac_kwh"),
        ("REIMB-2026-000001", "weeks", "ac_kwh"),
    ],
)
def test_a_hundredth_in_a_summary(number, field, name):
    document = issued()[number]
    first, *rest = getattr(document, field)
    first = msgspec.structs.replace(first, **{name: getattr(first, name) + CENT})
    breaches = found(msgspec.structs.replace(document, **{field: (first, *rest)}))
    assert (number, field) in {(breach.document_number, breach.field) for breach in breaches}


def test_a_cent_in_an_item_of_a_bill_is_found_at_its_place():
    bill = issued()["BILL-2026-000001"]
    (item,) = bill.items
    item = msgspec.structs.replace(item, vat_total=item.vat_total + CENT)
    (breach,) = found(msgspec.structs.replace(bill, items=(item,)))
    assert (breach.document_number, breach.field) == ("BILL-2026-000001", "items[INV-DK-2026-000001].vat_total")
    assert (breach.expected, breach.found) == ("2.52", "2.53")
