"""Reading invoices as CSV: a header and a line per CDR, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceError, InvoiceLine, read_amount
from models.types.money import is_known_currency

COLUMNS: Final = ("cdr_id", "amount_excl_vat", "vat_rate_pct", "vat_amount", "currency")
"""the first must be there, the others may; any other column is left alone"""
_SEPARATORS: Final = ",;\t"


def read_table(content: bytes, invoice_id: str | None) -> CpoInvoice:
    """Read a CSV invoice; a bad line is kept with what is wrong with it, and the others are read.

    Raises:
        InvoiceError: where the file is no text, has no column `cdr_id`, or nobody says which invoice it is.
    """
    if not invoice_id:
        msg = "is a CSV, which names no invoice: say which one it is with --invoice"
        raise InvoiceError(msg)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = "is no UTF-8 text: save it as UTF-8"
        raise InvoiceError(msg) from None
    header = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names = [name.strip().lower() for name in next(reader, [])]
    if "cdr_id" not in names:
        msg = f"has no column cdr_id: expected a header with {', '.join(COLUMNS)}"
        raise InvoiceError(msg)
    lines = tuple(_line(reader.line_num, names, cells) for cells in reader if any(cells))
    return CpoInvoice(invoice_id, lines)


def _line(number: int, names: list[str], cells: list[str]) -> InvoiceLine:
    if len(cells) != len(names):
        problem = f"has {len(cells)} cells instead of {len(names)}: quote cells that contain the separator"
        return InvoiceLine(number, problem=problem)
    try:
        return _read(number, dict(zip(names, cells, strict=True)))
    except InvoiceError as error:
        return InvoiceLine(number, problem=str(error))


def _read(number: int, cells: Mapping[str, str]) -> InvoiceLine:
    cdr_id, currency = cells["cdr_id"].strip(), cells.get("currency", "").strip().upper()
    if not cdr_id:
        msg = "names no CDR: fill in cdr_id"
        raise InvoiceError(msg)
    if currency and not is_known_currency(currency):
        msg = f"currency {currency!r} is no ISO 4217 code such as EUR"
        raise InvoiceError(msg)
    net, rate, vat = (read_amount(cells.get(name, ""), name) for name in COLUMNS[1:4])
    return InvoiceLine(number, cdr_id, net, rate, vat, currency or None)
