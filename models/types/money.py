"""Money: the one rounding function, and the scales in which amounts and volumes are kept.

Two kinds of amount stand side by side everywhere:

* *precise*: what a price times a volume gives, kept at `PRECISE_SCALE` decimals and never shown to a customer;
* *billed*: a precise amount rounded once, to the minor unit of its currency, at a place that ARCHITECTURE.md names.

Rounding is half away from zero in both worlds (scalar and frame): the worked examples of OCPI 2.2.1 need it
(5.125 -> 5.13) and so does EN 16931 for credit notes, which must mirror their invoices.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext
from typing import Final

import polars as pl
from babel.numbers import get_currency_precision, list_currencies

VOLUME_SCALE: Final = 9
"""Decimals kept of a volume (kWh, hours, kW, A) and of a unit price or claimed amount."""

PRECISE_SCALE: Final = 12
"""Decimals of a precise amount. Price (9) times volume (9) has 18; hours billed in steps of seconds do not even end
(20 minutes are a third of an hour), so one stated scale is what makes two implementations comparable digit by digit."""

BILLED_SCALE: Final = 2
"""Decimals of a billed amount: the minor unit of every currency that this product bills in."""

VOLUME: Final = pl.Decimal(18, VOLUME_SCALE)
PRECISE: Final = pl.Decimal(38, PRECISE_SCALE)
BILLED: Final = pl.Decimal(18, BILLED_SCALE)
PERCENT: Final = pl.Decimal(9, 4)

_WRITTEN: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EXACT: Final = Context(prec=76, rounding=ROUND_HALF_UP)


def written_number(text: str) -> Decimal:
    """Read a number that a person wrote, in a book or on a command line; raise `ValueError` where it is none.

    `Decimal` takes more for one than people do: it reads 1_5 as 15, knows Infinity, and digits of every script.
    """
    if not _WRITTEN.fullmatch(text.strip(" ")):
        msg = f"{text!r} is no number"
        raise ValueError(msg)
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent that no Decimal can hold
        msg = f"{text!r} is too large a number"
        raise ValueError(msg) from None


def rounded(value: Decimal, scale: int) -> Decimal:
    """Round half away from zero to `scale` decimals: the scalar form of the one rounding rule.

    The context is wide enough that no intermediate digit is lost first (the default 28 digits would be).
    """
    with localcontext(_EXACT):
        return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)


def rounded_expr(value: pl.Expr, scale: int) -> pl.Expr:
    """Round half away from zero to `scale` decimals: the frame form of the one rounding rule.

    The mode is named because Polars rounds half to even when it is not told otherwise.
    """
    return value.round(scale, mode="half_away_from_zero")


def is_known_currency(code: str) -> bool:
    """Tell whether `code` is an ISO 4217 code that CLDR knows."""
    return code in _CURRENCIES


def minor_unit_scale(code: str) -> int:
    """Give the decimals of a currency's minor unit (CLDR): 2 of EUR, 0 of JPY, 2 of a currency not known."""
    return get_currency_precision(code)


_CURRENCIES: Final = frozenset(list_currencies())
