"""`roamledger load` says what became of each file, and what to do about the rest, in lines and exit codes."""

import io
import json

import pytest
from rich.console import Console

from pipelines.commands import load
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from tests.unit.intake.little_peer import cdr

TOML = """
[[connections]]
connection_id = "ldw"
kind = "cpo"
parties = ["DE*LDW"]
versions_url = "https://ldw.example/ocpi/versions"
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "roamledger.toml").write_text(TOML, encoding="utf-8")
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-05T06:00:00Z")
    monkeypatch.delenv("ROAMLEDGER_CONFIG", raising=False)
    return tmp_path


def run(*paths, connection="", module="", version="2.2.1"):
    console = Console(file=io.StringIO(), width=200)
    code = load.run(paths, connection, module, version, console, raw_only=True)
    return code, console.file.getvalue()


def written(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return path


def test_a_folder_of_files_named_like_connection_and_module_needs_no_options(home):
    written(home / "peers" / "ldw" / "cdrs.ndjson", cdr(1), cdr(2))
    assert run(home / "peers") == (0, "ldw/cdrs cdrs.ndjson: 2 records\n")
    assert run(home / "peers") == (
        0,
        "ldw/cdrs cdrs.ndjson: given before with the same content: nothing was loaded twice\n",
    )
    assert [each.records for each in RawStore(Lake(str(home / "lake"))).manifests()] == [2]


def test_a_problem_is_one_line_with_its_line_number_and_the_exit_code_is_1(home):
    path = written(home / "october.dat", cdr(1), cdr(2, currency="XXQ"))
    code, said = run(path, connection="ldw", module="cdrs")
    lines = said.splitlines()
    assert (code, lines[0]) == (1, "ldw/cdrs october.dat: 2 records, 1 with problems")
    assert lines[1].startswith("line 2, C000002: cdr currency: expected an ISO 4217 currency code, found 'XXQ';")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("october.dat", {}, "say --module"),
        ("cdrs.ndjson", {}, "say --connection"),
        ("cdrs.ndjson", {"connection": "nobody"}, "connection 'nobody' is not declared"),
        ("cdrs.ndjson", {"version": "3.0"}, "--ocpi-version 3.0 is not read"),
        ("missing.ndjson", {}, "does not exist"),
    ],
)
def test_what_cannot_be_told_is_asked_for_in_one_line(home, name, options, said):
    path = home / "files" / name
    if name != "missing.ndjson":
        written(path, cdr())
    with pytest.raises(UserError, match=said) as caught:
        run(path, **options)
    assert "\n" not in str(caught.value)
