"""The integer arithmetic under the kernel, against Python's own unbounded integers and decimals."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.rating.kernel.exact import AMOUNT_BOUND, decimals, product_over, rounded_quotient, whole_units
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
@given(st.integers(-(10**15), 10**15), st.sampled_from([2, 3, 3600]))
def test_quotients_round_half_away_from_zero(numerator, divisor):
    assert rounded_quotient(np.array([numerator]), divisor)[0] == half_away(numerator, divisor)


def test_decimal_columns_come_and_go_digit_by_digit():
    column = pl.Series([Decimal("999999999.999999999"), None, Decimal("-0.000000001")], dtype=VOLUME)
    units = whole_units(column)
    assert units.tolist() == [999_999_999_999_999_999, 0, -1]
    assert decimals(units, np.array([True, False, True]), VOLUME).to_list() == column.to_list()
    assert decimals(np.array([-5]), None, PRECISE).to_list() == [Decimal("-0.000000000005")]
