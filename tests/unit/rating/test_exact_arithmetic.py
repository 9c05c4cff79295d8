"""The integer arithmetic under the kernel, against Python's own unbounded integers and decimals."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.rating.kernel.exact import (
    AMOUNT_BOUND,
    decimals,
    decimals_of_pieces,
    factor_of,
    integers,
    product_over,
    rounded_quotient,
    whole_units,
)
from models.types.money import PRECISE, VOLUME

ANY = st.integers(-(10**18), 10**18)
DIVISORS = st.sampled_from([1, 2, 7, 10**6, 3_600_000_000])


def half_away(numerator, divisor):
    return int((Decimal(numerator) / divisor).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def exactly(left, right, divisor):
    whole, rest = divmod(abs(left) * abs(right), divisor)
    rounded = whole + (2 * rest >= divisor)
    return -rounded if (left < 0) != (right < 0) else rounded


@settings(derandomize=True, max_examples=400, deadline=None)
@given(ANY, ANY, DIVISORS)
@example(5, 1, 2)
@example(-5, 1, 2)
@example(10**18, 10**18, 1)
@example(AMOUNT_BOUND, 10**6, 10**6)
@example(AMOUNT_BOUND + 1, 10**6, 10**6)
def test_a_product_is_exact_or_said_to_be_too_large(left, right, divisor):
    wanted = exactly(left, right, divisor)
    # In company of a small product, so that the check element by element is what runs.
    result, too_large = product_over(np.array([left, 1]), np.array([right, 1]), divisor)
    assert bool(too_large[0]) == (abs(wanted) > AMOUNT_BOUND)
    assert result[0] == (0 if too_large[0] else wanted)


def test_a_product_has_a_divisor_of_its_own_per_entry():
    result, too_large = product_over(np.array([7, 7]), np.array([3, 3]), np.array([2, 4]))
    assert (result.tolist(), too_large.tolist()) == ([11, 5], [False, False])


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=4), st.sampled_from([1, 2, 7, 10**6]), ANY)
def test_figures_cancelled_against_a_divisor_give_the_same_product(figures, divisor, left):
    factor = factor_of(np.array(figures), divisor)
    assert (factor.values * factor.common).tolist() == figures
    assert divisor % factor.common == 0
    lefts = np.full(len(figures), left)
    plain, too_large = product_over(lefts, np.array(figures), divisor)
    cancelled, cancelled_too_large = product_over(lefts, factor.values, divisor // factor.common)
    assert (cancelled.tolist(), cancelled_too_large.tolist()) == (plain.tolist(), too_large.tolist())


def test_a_price_of_four_decimals_leaves_a_divisor_of_ten():
    factor = factor_of(np.array([450_000_000, 123_300_000]), 10**6)
    assert (factor.values.tolist(), factor.common) == ([4500, 1233], 100_000)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(-(10**15), 10**15), st.sampled_from([1, 2, 3, 3600]))
def test_quotients_round_half_away_from_zero(numerator, divisor):
    assert rounded_quotient(np.array([numerator]), divisor)[0] == half_away(numerator, divisor)


def test_decimal_columns_come_and_go_digit_by_digit():
    column = pl.Series([Decimal("999999999.999999999"), None, Decimal("-0.000000001")], dtype=VOLUME)
    units = whole_units(column)
    assert units.tolist() == [999_999_999_999_999_999, 0, -1]
    assert decimals(units, np.array([True, False, True]), VOLUME).to_list() == column.to_list()
    assert decimals(np.array([-5]), None, PRECISE).to_list() == [Decimal("-0.000000000005")]


def in_pieces(*pieces, dtype):
    return pl.concat([pl.Series(piece, dtype=dtype) for piece in pieces], rechunk=False)


def test_columns_read_in_pieces_come_as_one():
    volumes = in_pieces([Decimal("1.5"), None], [], [None, Decimal(-2)], dtype=VOLUME)
    assert volumes.n_chunks() > 1
    assert whole_units(volumes).tolist() == [1_500_000_000, 0, 0, -2_000_000_000]
    assert whole_units(volumes, -1).tolist() == [1_500_000_000, -1, -1, -2_000_000_000]
    assert whole_units(volumes.slice(1, 3)).tolist() == [0, 0, -2_000_000_000]
    assert integers(in_pieces([1, None], [3], dtype=pl.Int32), -7).tolist() == [1, -7, 3]


def test_decimals_of_pieces_are_one_column():
    column = decimals_of_pieces([np.array([1, -1]), np.array([], dtype=np.int64), np.array([2])], None, PRECISE)
    assert column.to_list() == [Decimal("0.000000000001"), Decimal("-0.000000000001"), Decimal("0.000000000002")]


def test_a_column_that_says_nothing_is_the_absent_value_throughout():
    assert whole_units(pl.Series([None, None], dtype=VOLUME), 5).tolist() == [5, 5]
