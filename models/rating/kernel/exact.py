"""Exact arithmetic over columns of scaled 64-bit integers: no float, no silent overflow.

Volumes and prices are counted in units of 1e-9, amounts in units of 1e-12. Their product has 18 decimals and overflows
an int64 for an ordinary session (0.79 x 100 kWh), so it is taken apart before it is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from models.rating.bounds import LARGEST_AMOUNT
from models.types.money import PRECISE_SCALE, VOLUME_SCALE

_ARROW: Final[Any] = pa
"""The same module, said to be untyped once instead of at every call."""

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

VOLUME_UNIT: Final = 10**VOLUME_SCALE
AMOUNT_UNIT: Final = 10**PRECISE_SCALE
UNITS_OF_PRODUCT: Final = 10 ** (2 * VOLUME_SCALE - PRECISE_SCALE)
"""What a volume times a price, both in 1e-9, is divided by to be an amount in 1e-12."""

AMOUNT_BOUND: Final = LARGEST_AMOUNT * AMOUNT_UNIT
LOWEST: Final = np.iinfo(np.int64).min
HIGHEST: Final = np.iinfo(np.int64).max
_DIGITS_OF_INT64: Final = 18
COARSE_BITS: Final = 24
"""Bits that a coarse sum leaves out."""


def whole_units(column: pl.Series, absent: int = 0) -> Ints:
    """Give a Decimal column as integers in units of its last decimal, `absent` where it is null.

    Up to Decimal(18, s) the low half of Arrow's decimal128 is the whole number; a wider one is cast, which checks it.
    """
    if column.null_count() == len(column):
        return constant(absent, len(column))
    if not (isinstance(column.dtype, pl.Decimal) and column.dtype.precision <= _DIGITS_OF_INT64):
        return integers(column, absent)
    return _joined([_low_halves(piece, absent) for piece in column.get_chunks()])


def _low_halves(piece: pl.Series, absent: int) -> Ints:
    array = cast("Any", piece.to_arrow())
    words = np.frombuffer(array.buffers()[1], dtype=np.int64)
    low = words[2 * array.offset : 2 * (array.offset + len(array)) : 2]
    if not piece.null_count():
        return low
    known = piece.is_not_null().to_numpy()
    # Nulls come in no order: multiplying by 0 is three times as quick as choosing.
    return low * known if absent == 0 else np.where(known, low, absent)


def constant(value: int, count: int) -> Ints:
    """Give the same number many times without taking memory for each; the array cannot be written to."""
    return np.broadcast_to(np.int64(value), count)


def integers(column: pl.Series, absent: int = 0) -> Ints:
    """Give a column of integers, dates or times as int64, `absent` where it is null."""
    physical = column.to_physical()
    if physical.null_count():
        physical = physical.cast(pl.Int64).fill_null(absent)
    return _joined([piece.to_numpy() for piece in physical.get_chunks()])


def _joined(pieces: list[npt.NDArray[Any]]) -> Ints:
    """Put the pieces of a column together once, instead of first making the column one piece and then copying it."""
    return np.concatenate(pieces, dtype=np.int64)


def decimals(units: Ints, known: Flags | None, dtype: pl.Decimal) -> pl.Series:
    """Give integers in units of the last decimal as a Decimal column, null where not known."""
    return decimals_of_pieces([units], known, dtype)


def decimals_of_pieces(pieces: list[Ints], known: Flags | None, dtype: pl.Decimal) -> pl.Series:
    """Give the same from integers that stand in pieces.

    The bytes are laid out as Arrow's decimal128 by hand: a cast would multiply by the scale.
    """
    ends = np.cumsum([len(units) for units in pieces]).tolist()
    words = np.empty((ends[-1], 2), dtype=np.int64)
    for units, end in zip(pieces, ends, strict=True):
        place = words[end - len(units) : end]
        place[:, 0] = units
        place[:, 1] = units >> 63
    validity = None if known is None or known.all() else _ARROW.py_buffer(np.packbits(known, bitorder="little"))
    layout = _ARROW.decimal128(38, dtype.scale)
    return pl.Series(_ARROW.Array.from_buffers(layout, ends[-1], [validity, _ARROW.py_buffer(words)])).cast(dtype)


@dataclass(frozen=True, slots=True)
class Factor:
    """Figures without what they have in common with a divisor: they are `values` times `common`.

    Prices and rates end in zeros: cancelled, their products with volumes mostly fit an int64 and need no taking apart.
    """

    values: Ints
    common: int


def factor_of(figures: Ints, divisor: int) -> Factor:
    """Cancel figures against a divisor, all by the same number."""
    common = int(np.gcd(np.gcd.reduce(figures, initial=0), divisor))
    return Factor(figures // common, common)


def product_over(left: Ints, right: Ints, divisor: Ints | int) -> tuple[Ints, Flags]:
    """Give left x right / divisor rounded half away from zero, and where the result is beyond the amount bound.

    A product that may not fit an int64 is taken apart: with left = a*d + b and right = c*d + e it is
    d*(a*right + b*c) + b*e, so only b*e is divided; it stays below d squared, hence `divisor` at most 3.6e9. Results
    beyond the bound are given as 0.
    """
    if largest(left) * largest(right) <= AMOUNT_BOUND:
        return rounded_quotient(left * right, divisor), np.zeros(len(left), dtype=np.bool_)
    over = np.asarray(divisor, dtype=np.uint64)
    first, second = np.abs(left).astype(np.uint64), np.abs(right).astype(np.uint64)
    first_whole, second_whole = first // over, second // over
    first_rest, second_rest = first - first_whole * over, second - second_whole * over
    too_large = _product_exceeds(first_whole, second) | _product_exceeds(first_rest, second_whole)
    result = first_whole * second + first_rest * second_whole + (first_rest * second_rest + over // 2) // over
    too_large |= result > np.uint64(AMOUNT_BOUND)
    signed = np.where(too_large, np.uint64(0), result).astype(np.int64)
    return np.where((left < 0) != (right < 0), -signed, signed), too_large


def largest(values: Ints) -> int:
    """Give the largest absolute value, 0 of nothing."""
    return max(int(values.max()), -int(values.min())) if len(values) else 0


def _product_exceeds(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> Flags:
    """Tell where a product leaves the amount bound, without computing it; usually the largest factors already fit."""
    if not len(left) or int(left.max()) * int(right.max()) <= AMOUNT_BOUND:
        return np.zeros(len(left), dtype=np.bool_)
    return left > np.uint64(AMOUNT_BOUND) // np.maximum(right, np.uint64(1))


def rounded_quotient(numerator: Ints, divisor: Ints | int) -> Ints:
    """Divide half away from zero; numerators stay below half of the int64 range."""
    if isinstance(divisor, int) and divisor == 1:
        return numerator
    if numerator.min(initial=0) >= 0:
        return (numerator + divisor // 2) // divisor
    quotient = (2 * np.abs(numerator) + divisor) // (2 * divisor)
    return np.where(numerator < 0, -quotient, quotient)


def edges_of(owners: Ints, n_owners: int) -> Ints:
    """Give where the entries of each owner begin and end, for entries in the order of their owners."""
    edges = np.zeros(n_owners + 1, dtype=np.int64)
    np.cumsum(np.bincount(owners, minlength=n_owners), out=edges[1:])
    return edges


def sums(values: Ints, edges: Ints) -> Ints:
    """Add up the stretches between edges; a stretch may be empty.

    The running sum may wrap around, and the difference of two of its values wraps back.
    """
    running = np.empty(len(values) + 1, dtype=np.int64)
    running[0] = 0
    np.cumsum(values, out=running[1:])
    return np.diff(running[edges])


def is_first(values: Ints) -> Flags:
    """Tell which entries differ from the one before."""
    first = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def absolute_sum_exceeds(coarse: Ints, exact: Ints) -> Flags:
    """Tell where a sum of absolute amounts is beyond the bound, given it and the sum of its `coarse` parts.

    The exact sum may have wrapped around; the sum of the upper bits cannot, and where it is within the bound neither
    has the exact one.
    """
    return (coarse > AMOUNT_BOUND >> COARSE_BITS) | (exact > AMOUNT_BOUND)
