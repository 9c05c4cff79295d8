"""What we knew about an object at any time, for any time: statements in, beliefs out."""

from datetime import UTC, datetime

import polars as pl

from models.reference.bitemporal import beliefs, believed_at

INSTANT = pl.Datetime("us", "UTC")
SCHEMA = {
    "key": pl.String,
    "told_at": INSTANT,
    "valid_from": INSTANT,
    "valid_to": INSTANT,
    "precedence": pl.Int64,
    "content": pl.String,
}


def day(month, number):
    return datetime(2026, month, number, tzinfo=UTC)


def told(*statements, key="T"):
    """Statements (told, valid from, valid to, content) that are believed in the order told."""
    rows = [(key, at, begin, end, rank, content) for rank, (at, begin, end, content) in enumerate(statements)]
    return pl.DataFrame(rows, SCHEMA, orient="row")


def states(*statements):
    """Statements (told, last updated, content) about a state: the latest update is believed."""
    rows = [
        ("T", at, updated, None, int(updated.timestamp()) * 1_000_000, content) for at, updated, content in statements
    ]
    return pl.DataFrame(rows, SCHEMA, orient="row")


def rows(statements):
    history = beliefs(statements, ["key"], ["content"])
    assert history["row_index"].to_list() == list(range(history.height))
    return history.select("content", "known_from", "known_to", "valid_from", "valid_to").rows()


def contents(statements, known, valid=None):
    return sorted(believed_at(beliefs(statements, ["key"], ["content"]), known, valid)["content"])


def test_a_content_that_comes_back_makes_three_rows():
    again = told((day(10, 1), None, None, "A"), (day(10, 2), None, None, "B"), (day(10, 3), None, None, "A"))
    assert rows(again) == [
        ("A", day(10, 1), day(10, 2), None, None),
        ("B", day(10, 2), day(10, 3), None, None),
        ("A", day(10, 3), None, None, None),
    ]


def test_saying_the_same_again_is_no_news():
    assert rows(told((day(10, 1), None, None, "A"), (day(10, 2), None, None, "A"))) == [
        ("A", day(10, 1), None, None, None)
    ]


def test_a_statement_about_november_leaves_october_as_it_was():
    both = told((day(10, 1), None, None, "A"), (day(10, 20), day(11, 1), None, "B"))
    assert rows(both) == [
        ("A", day(10, 1), None, None, day(11, 1)),
        ("A", day(10, 1), day(10, 20), day(11, 1), None),
        ("B", day(10, 20), None, day(11, 1), None),
    ]
    assert contents(both, day(10, 10), day(11, 5)) == ["A"]
    assert contents(both, day(10, 25), day(11, 5)) == ["B"]
    assert contents(both, day(12, 1), day(10, 5)) == ["A"]
    assert contents(both, day(9, 30), day(10, 5)) == []


def test_neighbouring_times_with_one_answer_are_one_row():
    three = told(
        (day(9, 1), day(10, 1), day(10, 3), "A"),
        (day(9, 2), day(10, 2), day(10, 4), "B"),
        (day(9, 3), None, None, "C"),
    )
    assert rows(three) == [
        ("A", day(9, 1), day(9, 3), day(10, 1), day(10, 2)),
        ("A", day(9, 1), day(9, 2), day(10, 2), day(10, 3)),
        ("B", day(9, 2), day(9, 3), day(10, 2), day(10, 4)),
        ("C", day(9, 3), None, None, None),
    ]


def test_a_state_holds_from_its_update_and_a_late_old_one_fills_the_past_only():
    late = states((day(10, 1), day(9, 1), "A"), (day(10, 2), day(9, 20), "C"), (day(10, 3), day(9, 10), "B"))
    assert contents(late, day(10, 4), day(9, 15)) == ["B"]
    assert contents(late, day(10, 4), day(9, 25)) == ["C"]
    assert contents(late, day(10, 2), day(9, 15)) == ["A"]


def test_a_state_announced_every_day_is_one_row_and_decides_against_a_late_old_one():
    daily = [(day(10, number), day(9, number), "A") for number in range(1, 29)]
    assert rows(states(*daily)) == [("A", day(10, 1), None, day(9, 1), None)]
    assert contents(states(*daily, (day(11, 1), day(9, 5), "B")), day(11, 2), day(9, 29)) == ["A"]


def test_objects_do_not_mix_and_nothing_told_is_nothing_known():
    both = pl.concat([told((day(10, 1), None, None, "A")), told((day(10, 2), None, None, "B"), key="U")])
    assert beliefs(both, ["key"], ["content"]).select("key", "content").rows() == [("T", "A"), ("U", "B")]
    assert beliefs(told(), ["key"], ["content"]).is_empty()
