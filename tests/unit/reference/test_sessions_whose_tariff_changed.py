"""The SQL that lists sessions whose tariff changed in their middle, run on a few rows."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.schemas.registry import Layer, table

MODEL = Path(__file__).parents[3] / "dbt_project/models/marts/core/fct_tariff_changes_in_sessions.sql"
SQL = re.sub(r"\{\{ ref\('stg_typed__(\w+)'\) \}\}", r"\1", MODEL.read_text())


def at(hour, minute=0):
    return datetime(2026, 10, 12, hour, minute, tzinfo=UTC)


def frame(name, *rows):
    schema = table(Layer.TYPED, name).schema
    filled = [{c: row.get(c, [] if isinstance(t, pl.List) else None) for c, t in schema.items()} for row in rows]
    return pl.DataFrame(filled, schema=schema)


def belief(index, version, known_from, known_to=None, **facts):
    said = {"tariff_key": "DE*LDW*T1", "row_index": index, "tariff_version_id": version, "connection_id": "ldw"}
    return said | {"known_from": known_from, "known_to": known_to} | facts


CDR = {"cdr_key": "DE*LDW*C1", "cpo_id": "DE*LDW", "started_at": at(8), "ended_at": at(10)}
PERIOD = {"cdr_key": "DE*LDW*C1", "period_index": 0, "tariff_id": "t1"}


@pytest.fixture
def changes():
    """Give the changes found in one session from 8 to 10 o'clock."""

    def run(*beliefs):
        with duckdb.connect() as con:
            con.execute("set TimeZone = 'UTC'")
            con.register("cdrs", frame("cdrs", CDR | {"billing_month": date(2026, 10, 1)}).to_arrow())
            con.register("charging_periods", frame("charging_periods", PERIOD, PERIOD | {"period_index": 1}).to_arrow())
            con.register("tariff_history", frame("tariff_history", *beliefs).to_arrow())
            found = con.execute(SQL).fetchall()
        assert all(row[:2] == ("DE*LDW*C1", "DE*LDW*T1") for row in found)
        return sorted((row[2], row[3].astimezone(UTC).hour, row[4], row[5]) for row in found)

    return run


def test_news_in_the_middle_of_a_session_are_a_change(changes):
    assert changes(belief(0, "A", at(1), at(9)), belief(1, "B", at(9))) == [("known", 9, "A", "B")]


def test_so_is_what_was_written_in_the_middle_and_heard_of_later(changes):
    later = belief(1, "B", at(23), last_updated_at=at(9))
    assert changes(belief(0, "A", at(1), at(23)), later) == [("written", 9, "A", "B")]


def test_so_is_a_version_that_comes_into_force_as_announced(changes):
    before = belief(0, "A", at(1), valid_to=at(9))
    assert changes(before, belief(1, "B", at(1), valid_from=at(9))) == [("valid", 9, "A", "B")]


def test_news_before_and_after_the_session_or_of_another_time_are_none(changes):
    assert changes(belief(0, "A", at(1), at(8)), belief(1, "B", at(8), at(10)), belief(2, "A", at(10))) == []
    november = datetime(2026, 11, 1, tzinfo=UTC)
    announced = belief(1, "B", at(9), valid_from=november)
    assert changes(belief(0, "A", at(1), at(9), valid_from=november), announced) == []


def test_a_deletion_is_a_change_to_nothing(changes):
    assert changes(belief(0, "A", at(1), at(9)), belief(1, None, at(9))) == [("known", 9, "A", None)]
