"""An invoice of a CPO in one shape, whatever file it came in: lines that name CDRs, with what each asks for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from models.types.money import PERCENT, VOLUME, VOLUME_SCALE

LINES: Final = {
    "line_number": pl.Int64(),
    "cdr_id": pl.String(),
    "amount_excl_vat": VOLUME,
    "vat_rate_pct": PERCENT,
    "vat_amount": VOLUME,
    "currency": pl.String(),
    "problem": pl.String(),
}
"""columns of `CpoInvoice.frame`; amounts are null where the file does not state them, which is not zero"""

_MOST: Final = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line: `problem` says what is wrong with it and what to do, and then nothing else counts."""

    line_number: int
    """in the file, from 1: of a CSV the line as an editor counts it"""
    cdr_id: str = ""
    amount_excl_vat: Decimal | None = None
    vat_rate_pct: Decimal | None = None
    vat_amount: Decimal | None = None
    currency: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CpoInvoice:
    """What a CPO asks for; `stated_excl_vat` and `stated_vat` are its own totals, None where it states none."""

    invoice_id: str
    lines: tuple[InvoiceLine, ...]
    cpo_id: str | None = None
    """as the file names it, such as DE*LDW"""
    stated_excl_vat: Decimal | None = None
    stated_vat: Decimal | None = None
    currency: str | None = None

    def frame(self) -> pl.DataFrame:
        """Give the lines as a frame, in their order."""
        columns = {name: [getattr(line, name) for line in self.lines] for name in LINES}
        return pl.DataFrame(columns, schema=LINES)


class InvoiceError(ValueError):
    """Raised where a file is no invoice at all; the message says what was expected."""


def read_amount(text: str, name: str) -> Decimal | None:
    """Read a decimal as invoices write it; empty is unknown.

    Raises:
        InvoiceError: for what is no number, has more than nine decimals, or is beyond all reason.
    """
    cleaned = text.strip()
    if not cleaned:
        return None
    plain = cleaned.removeprefix("-").removeprefix("+").replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit()):
        msg = f"{name} {cleaned!r} is no number: write it with a decimal point and without separators, such as 1234.50"
        raise InvoiceError(msg)
    amount = Decimal(cleaned)
    exponent = amount.as_tuple().exponent
    if abs(amount) >= _MOST or not isinstance(exponent, int) or -exponent > VOLUME_SCALE:
        msg = f"{name} {cleaned!r} is beyond {_MOST:,} or has more than {VOLUME_SCALE} decimals: correct it"
        raise InvoiceError(msg)
    return amount
