"""`roamledger known`: one answer to what we knew about an object at a time."""

import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from models.schemas.registry import Layer, table
from pipelines import cli
from pipelines.lib.lake import Lake
from pipelines.lib.settings import load_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.delenv("ROAMLEDGER_CONFIG", raising=False)
    first, second = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 12, 9, tzinfo=UTC)
    told = [(0, "aaaa", first, second), (1, "bbbb", second, None)]
    schema = table(Layer.TYPED, "tariff_history").schema
    rows = [
        dict.fromkeys(schema)
        | {"tariff_key": "DE*LDW*T1", "row_index": index, "tariff_version_id": version, "connection_id": "ldw"}
        | {"known_from": known_from, "known_to": known_to}
        for index, version, known_from, known_to in told
    ]
    Lake(load_settings().lake).write(Layer.TYPED, "tariff_history", pl.DataFrame(rows, schema=schema))


@pytest.fixture
def said(home, capsys, monkeypatch):
    """Run the command; give its exit code and what it said."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["roamledger", "known", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out + captured.err

    return run


def test_the_whole_history_and_one_instant_of_it(said):
    code, out = said("tariff", "de*ldw*t1")
    assert code == 0
    assert "aaaa" in out
    assert "bbbb" in out
    _, before = said("tariff", "DE*LDW*T1", "--at", "2026-10-12T08:59:59Z")
    _, after = said("tariff", "DE*LDW*T1", "--at", "2026-10-12T09:00:00Z")
    assert ("aaaa" in before, "bbbb" in before) == (True, False)
    assert ("aaaa" in after, "bbbb" in after) == (False, True)


def test_what_was_never_known_and_what_has_no_history_are_said_in_one_line(said):
    assert said("tariff", "DE*LDW*T1", "--at", "2026-09-01") == (
        1,
        "nothing was known about tariff DE*LDW*T1 at 2026-09-01T00:00:00Z\n",
    )
    code, out = said("moon", "X")
    assert code == 2
    assert out.count("\n") == 1
    assert "moon" in out
