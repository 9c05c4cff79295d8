"""Joins that walk where they can give what joins that hash give."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frames import beside, rows_in, sorted_by

KEYS = st.lists(st.one_of(st.none(), st.text("abĀ", max_size=3)), max_size=12)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(KEYS, st.sets(st.text("abĀ", max_size=3), max_size=12), st.booleans(), st.booleans())
def test_rows_are_found_in_any_order(asked, known, is_asked_sorted, is_known_sorted):
    keys = pl.Series("k", sorted(filter(None, asked)) if is_asked_sorted else asked, pl.String)
    found = sorted(known) if is_known_sorted else list(known)
    rows = rows_in(pl.Series("o", found, pl.String), keys)
    assert rows.to_list() == [found.index(key) if key in known else None for key in keys]


@pytest.mark.parametrize("known", [["a", "a"], ["b", "a", "b"]])
def test_a_key_that_is_known_twice_is_refused(known):
    with pytest.raises(pl.exceptions.ComputeError):
        rows_in(pl.Series(known), pl.Series(["a", "b"]))


@pytest.mark.parametrize("keys", [["a", "b", "d"], ["d", "b", "a"], ["a", "c"], []])
def test_beside_puts_what_is_missing_as_null(keys):
    left = pl.DataFrame({"cdr_key": ["a", "b", "d"], "n": [1, 2, 3]})
    right = pl.DataFrame({"cdr_key": pl.Series(keys, dtype=pl.String), "of": pl.Series(keys, dtype=pl.String)})
    put = beside(left, right)
    assert put["n"].to_list() == [1, 2, 3]
    assert put["of"].to_list() == [key if key in keys else None for key in "abd"]


def test_what_is_in_order_is_not_sorted_again():
    frame = pl.DataFrame({"k": ["a", "b"]})
    assert sorted_by(frame, "k") is frame
    assert sorted_by(frame.reverse(), "k")["k"].to_list() == ["a", "b"]
