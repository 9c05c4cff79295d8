"""The query command shows what is published, exactly, and changes nothing."""

import json

import pytest
from rich.console import Console

from pipelines.commands.query import run
from pipelines.lib.errors import UserError
from pipelines.lib.settings import Settings


@pytest.fixture
def console():
    return Console(width=100, record=True, color_system=None)


def answer(published, console, sql, limit=50, output="table"):
    assert run(sql, published[0], console, limit, output) == 0
    return console.export_text()


def test_shows_numbers_to_the_right_and_unknown_as_a_dash(published, console, capsys):
    text = answer(
        published, console, "select cdr_id, energy_kwh, margin_eur from fct_cdrs where cdr_id in ('C2', 'C4')"
    )
    lines = [line for line in text.splitlines() if "C2" in line or "C4" in line]
    assert [line.split() for line in sorted(lines)] == [
        ["│", "C2", "│", "20.00", "│", "3.31", "│"],
        ["│", "C4", "│", "10.00", "│", "-", "│"],
    ]
    assert "2 rows" in text


def test_says_when_there_is_more(published, console, capsys):
    assert "the first 3 of 8 rows (--limit shows more)" in answer(published, console, "select cdr_key from fct_cdrs", 3)


def test_a_table_wider_than_the_terminal_is_shown_as_records(published, console, capsys):
    text = answer(published, console, "select * from rpt_margin_by_cpo where cpo_id = 'DK*STR'")
    assert ["wholesale_cost", "60.00"] in [line.split() for line in text.splitlines()]


def test_csv_is_complete_and_exact(published, console, capsys):
    answer(published, console, "select cdr_id, claimed_excl_vat from fct_cdrs order by 1", limit=1, output="csv")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["cdr_id,claimed_excl_vat", "C1,4.000000000"]
    assert len(lines) == 9


def test_json_keeps_decimals_as_text(published, console, capsys):
    answer(
        published,
        console,
        "select cpo_id, margin_eur, sessions from rpt_margin_by_cpo where cpo_id = 'DK*STR'",
        output="json",
    )
    assert json.loads(capsys.readouterr().out) == [{"cpo_id": "DK*STR", "margin_eur": "3.31", "sessions": 1}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", "syntax error"),
        ("select * from fct_cdr", "fct_cdr does not exist"),
        ("delete from fct_cdrs", "read-only"),
        ("copy fct_cdrs to 'cdrs.csv'", "disabled by configuration"),
    ],
)
def test_refuses_in_one_line(published, console, sql, said):
    with pytest.raises(UserError) as refusal:
        run(sql, published[0], console, 50, "table")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_says_what_to_do_when_nothing_is_published(tmp_path, console):
    with pytest.raises(UserError, match="close a month first"):
        run("select 1", Settings(home=tmp_path), console, 50, "table")


def test_names_the_outputs_that_exist(published, console):
    with pytest.raises(UserError, match="table, csv or json"):
        run("select 1", published[0], console, 50, "xml")
