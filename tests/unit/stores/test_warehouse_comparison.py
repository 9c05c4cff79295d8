"""A published warehouse held against a fresh build: rows where the tables are the same, else how they differ."""

import duckdb
import pytest

from pipelines.lib.verification.warehouse import compare

BOTH = "create table fct as select 1 as id, 'a' as name"


@pytest.mark.parametrize(
    ("published", "told"),
    [
        (BOTH, []),
        ("create table fct as select 1 as id, 'b' as name", [("1 | a", "no such row"), ("no such row", "1 | b")]),
        (
            "create table fct as select 1 as id, 2 as old",
            [("columns name", "others: old (another version published it: close a month again)")],
        ),
        (
            "create table fct as select 'a' as name, 1 as id",
            [("columns in another order", "others: none (another version published it: close a month again)")],
        ),
        ("select 1", [("a table", "no such table: roamledger publishes it with the next close")]),
        (f"{BOTH}; create table gone as select 1 as id", [("no such table", "a table")]),
    ],
)
def test_what_differs_is_named(tmp_path, published, told):
    for name, statements in (("right", BOTH), ("published", published)):
        with duckdb.connect(tmp_path / f"{name}.duckdb") as con:
            con.execute(statements)
    found = compare(tmp_path / "right.duckdb", tmp_path / "published.duckdb")
    assert [(breach.expected, breach.found) for breach in found] == told
