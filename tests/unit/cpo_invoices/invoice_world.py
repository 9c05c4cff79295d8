"""CDRs of two CPOs with their verdicts, and the files in which a CPO may ask for them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from models.reconciliation.cpo_invoices.check import APPROVED, CASES, Books, check_lines
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceLine
from models.reconciliation.cpo_invoices.totals import add_up
from models.schemas.registry import Layer
from tests.unit.reconciliation.roaming_world import rows_of

CPO, MONTH = "DE*LDW", date(2026, 10, 1)
NOON = datetime(2026, 10, 10, 12, tzinfo=UTC)
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"


class InvoiceWorld:
    """What we accepted, hold, and were sent."""

    def __init__(self):
        self.cdrs, self.verdicts = [], []
        for name, amount in (("C1", "10.00"), ("C2", "20.00"), ("C3", "30.00")):
            self.cdr(name, amount)

    def cdr(self, name, amount="10.00", verdict="accept", cpo=CPO, **fields):
        key = f"{cpo}*{name}".upper()
        common = {"cdr_key": key, "cpo_id": cpo, "currency": "EUR", "billing_month": MONTH}
        claimed = None if amount is None else Decimal(amount)
        self.cdrs.append(
            common
            | {"cdr_id": name, "total_cost_excl_vat": claimed, "started_at": NOON, "ended_at": NOON}
            | {"last_updated_at": NOON, "received_at": NOON, "total_energy_kwh": 1, "total_hours": 1}
            | {"connection_id": "ldw", "ocpi_version": "2.2.1", "page_sha256": "0", "page_position": 0}
            | {"content_sha256": "0"}
            | fields
        )
        if verdict is not None:
            row = common | {"verdict": verdict, "claimed_excl_vat": claimed}
            self.verdicts.append(row | {name: value for name, value in fields.items() if name in common})

    def books(self, approved=(), cases=()):
        """Give the books; an approval is a CDR, its invoice, what is approved and what asked; a case what is owed."""
        return Books(
            cdrs=rows_of(Layer.TYPED, "cdrs", self.cdrs),
            verdicts=rows_of(Layer.MATCHED, "verdicts", self.verdicts),
            approved=pl.DataFrame(
                [(f"{CPO}*{name}", under, *map(_amount, amounts)) for name, under, *amounts in approved],
                schema=APPROVED,
                orient="row",
            ),
            cases=pl.DataFrame(
                [(f"{CPO}*{name}", is_live, *map(_amount, (*owed, *owed)[:2])) for name, is_live, *owed in cases],
                schema=CASES,
                orient="row",
            ),
        )

    def check(self, *lines, stated=None, **books):
        """Check an invoice I-1 of these lines (id, amount, and more fields)."""
        read = tuple(
            InvoiceLine(number, cdr_id, None if amount is None else Decimal(amount), **(more[0] if more else {}))
            for number, (cdr_id, amount, *more) in enumerate(lines, start=1)
        )
        invoice = CpoInvoice("I-1", read, stated_excl_vat=stated and Decimal(stated))
        return add_up(invoice, check_lines(invoice.frame(), CPO, "I-1", self.books(**books)))


def _amount(text):
    return None if text is None else Decimal(text)


def outcomes(result):
    """Give the outcome of each line by number; of what is missing on the invoice by key."""
    return {row["line_number"] or row["cdr_key"]: row["outcome"] for row in result.lines.iter_rows(named=True)}


def money(result, name):
    return [row[f"{name}_excl_vat"] for row in result.lines.iter_rows(named=True) if row["line_number"]]


def ubl(*lines, number="I-1", root="Invoice", total=None, head=""):
    """Write a UBL document; a line is an id, an amount, and where the id stands."""
    name, quantity = ("CreditNoteLine", "") if root == "CreditNote" else ("InvoiceLine", "")
    places = {
        "reference": "<cac:DocumentReference><cbc:ID>{}</cbc:ID></cac:DocumentReference>{}",
        "note": "<cbc:Note>{}</cbc:Note>{}",
        "attribute": "{1}<cac:Item><cac:AdditionalItemProperty><cbc:Name>CDR id</cbc:Name><cbc:Value>{0}</cbc:Value>"
        "</cac:AdditionalItemProperty></cac:Item>",
        "seller": "{1}<cac:Item><cac:SellersItemIdentification><cbc:ID>{0}</cbc:ID></cac:SellersItemIdentification>"
        "</cac:Item>",
    }
    rate = "<cac:Item><cac:ClassifiedTaxCategory><cbc:Percent>19</cbc:Percent></cac:ClassifiedTaxCategory></cac:Item>"
    written = "".join(
        f"<cac:{name}><cbc:ID>{index}</cbc:ID>{quantity}<cbc:LineExtensionAmount currencyID='EUR'>{amount}"
        f"</cbc:LineExtensionAmount>"
        + places[(place or ["reference"])[0]].format(
            cdr_id, "" if place and place[0] in {"attribute", "seller"} else rate
        )
        + f"</cac:{name}>"
        for index, (cdr_id, amount, *place) in enumerate(lines, start=1)
    )
    sums = f"<cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount>{total}</cbc:TaxExclusiveAmount></cac:LegalMonetaryTotal>"
    return (
        f"<?xml version='1.0'?>{head}<x:{root} xmlns:x='{UBL}{root}-2' xmlns:cac='{UBL}CommonAggregateComponents-2' "
        f"xmlns:cbc='{UBL}CommonBasicComponents-2'><cbc:ID>{number}</cbc:ID>"
        f"<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>{sums if total else ''}{written}</x:{root}>"
    ).encode()
