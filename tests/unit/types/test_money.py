"""Rounding is one rule in two forms."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.types.money import BILLED, PRECISE, is_known_currency, rounded, rounded_expr, written_number


@pytest.mark.parametrize(
    ("value", "expected"),
    [("5.125", "5.13"), ("-5.125", "-5.13"), ("5.1249999", "5.12"), ("0.005", "0.01"), ("-0.005", "-0.01")],
)
def test_rounds_half_away_from_zero(value, expected):
    assert rounded(Decimal(value), 2) == Decimal(expected)


@settings(derandomize=True, max_examples=300)
@given(st.lists(st.decimals(min_value="-1e12", max_value="1e12", places=12), min_size=1, max_size=50))
def test_frame_and_scalar_rounding_agree(values):
    frame = pl.DataFrame({"precise": values}, schema={"precise": PRECISE})
    billed = frame.select(rounded_expr(pl.col("precise"), 2).cast(BILLED)).to_series().to_list()
    assert billed == [rounded(value, 2) for value in values]


def test_no_digit_is_lost_before_rounding():
    assert rounded(Decimal("1234567890123456789012345678.995"), 2) == Decimal("1234567890123456789012345679.00")


def test_currencies_come_from_cldr():
    assert is_known_currency("DKK")
    assert not is_known_currency("XQX")


@pytest.mark.parametrize("text", ["0", "-1", "+1.50", ".5", "5.", " 12.50 ", "1e3", "25E-1"])
def test_a_number_that_a_person_wrote_is_read_exactly(text):
    assert written_number(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "1_5", "1,5", "\uff11\uff12", "\u0661", "NaN", "Infinity", "1e", "0x1", "1 5", "--1", "1e" + "9" * 20],
)
def test_what_only_a_program_takes_for_a_number_is_none(text):
    with pytest.raises(ValueError, match="number"):
        written_number(text)
