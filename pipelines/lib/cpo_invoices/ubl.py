"""Reading UBL 2.1 invoices and credit notes (EN 16931, Peppol): one line per CDR.

A line names its CDR as the invoiced object (BT-128, `DocumentReference/ID`), as an item attribute whose name contains
"CDR" (BG-32), as the seller's item identification (BT-155), or in its note (BT-127): the first of these that is there.

Nothing outside the file is ever read. A file that declares a document type is refused before anything of it is used:
no UBL invoice needs one, and entities, which could read files or fill the memory, are declared nowhere else.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceError, InvoiceLine, read_amount

_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_NAMES: Final = {"cac": f"{_UBL}CommonAggregateComponents-2", "cbc": f"{_UBL}CommonBasicComponents-2"}
_LINE_OF: Final = {f"{{{_UBL}Invoice-2}}Invoice": "InvoiceLine", f"{{{_UBL}CreditNote-2}}CreditNote": "CreditNoteLine"}
_MARK: Final = "CDR"
"""what the name of an item attribute contains that carries the id"""


def read_ubl(content: bytes, invoice_id: str | None) -> CpoInvoice:
    """Read a UBL invoice; the amounts of a credit note count as negative.

    Raises:
        InvoiceError: for what is no such document, or another invoice than the one that is meant.
    """
    root = _root(content)
    found = _text(root, "cbc:ID")
    if not found or (invoice_id is not None and found.upper() != invoice_id.upper()):
        msg = f"is invoice {found or 'without a number'}, not {invoice_id or 'one with a cbc:ID'}: check the file"
        raise InvoiceError(msg)
    line_name = _LINE_OF[root.tag]
    sign = -1 if line_name == "CreditNoteLine" else 1
    currency = _text(root, "cbc:DocumentCurrencyCode") or None
    elements = root.findall(f"cac:{line_name}", _NAMES)
    return CpoInvoice(
        found,
        tuple(_line(number, element, sign, currency) for number, element in enumerate(elements, start=1)),
        stated_excl_vat=_signed(root, "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount", sign),
        stated_vat=_signed(root, "cac:TaxTotal/cbc:TaxAmount", sign),
        currency=currency,
    )


def _root(content: bytes) -> ET.Element:
    scout = expat.ParserCreate()
    scout.StartDoctypeDeclHandler = _refuse
    try:
        scout.Parse(content, True)
        root = ET.fromstring(content)  # noqa: S314 - the scout has refused whatever declares entities
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        if isinstance(error, InvoiceError):
            raise
        msg = f"is no XML ({error}): expected a UBL 2.1 Invoice or CreditNote"
        raise InvoiceError(msg) from None
    if root.tag not in _LINE_OF:
        msg = f"is a {root.tag.rpartition('}')[2]} document: expected a UBL 2.1 Invoice or CreditNote"
        raise InvoiceError(msg)
    return root


def _refuse(*_: object) -> None:
    msg = "declares a document type, which no UBL invoice does: it was not read"
    raise InvoiceError(msg)


def _line(number: int, element: ET.Element, sign: int, currency: str | None) -> InvoiceLine:
    named = _cdr_id(element)
    if not named:
        own = _text(element, "cbc:ID") or number
        problem = f"invoice line {own} names no CDR: put its id into DocumentReference/ID (BT-128)"
        return InvoiceLine(number, problem=problem)
    try:
        amount = _signed(element, "cbc:LineExtensionAmount", sign)
        rate = read_amount(_text(element, "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent"), "VAT rate")
    except InvoiceError as error:
        return InvoiceLine(number, problem=str(error))
    stated = element.find("cbc:LineExtensionAmount", _NAMES)
    own_currency = None if stated is None else stated.get("currencyID")
    return InvoiceLine(number, named, amount, rate, None, own_currency or currency)


def _cdr_id(element: ET.Element) -> str:
    attributes = (
        _text(each, "cbc:Value")
        for each in element.findall("cac:Item/cac:AdditionalItemProperty", _NAMES)
        if _MARK in _text(each, "cbc:Name").upper()
    )
    return (
        _text(element, "cac:DocumentReference/cbc:ID")
        or next(attributes, "")
        or _text(element, "cac:Item/cac:SellersItemIdentification/cbc:ID")
        or _text(element, "cbc:Note")
    )


def _signed(element: ET.Element, path: str, sign: int) -> Decimal | None:
    amount = read_amount(_text(element, path), path.rpartition(":")[2])
    return None if amount is None else sign * amount


def _text(element: ET.Element, path: str) -> str:
    """Give the text of the first element of a path; empty where there is none."""
    return (element.findtext(path, "", _NAMES) or "").strip()
