"""What a user gets wrong is said in one line that names it, with exit code 2 and no traceback."""

import json
import os
import socket
import sys

import duckdb
import pytest

from pipelines import cli
from pipelines.cli import shared
from pipelines.commands import query
from pipelines.commands.trace import run as trace
from pipelines.lib.errors import UserError
from pipelines.lib.pseudonyms import key_of
from pipelines.lib.settings import load_settings

CONNECTION = """
[[connections]]
connection_id = "ldw"
kind = "cpo"
versions_url = "http://127.0.0.1:9/versions"
token_env = "ROAMLEDGER_TOKEN_LDW"
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ROAMLEDGER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    (tmp_path / "roamledger.toml").write_text(CONNECTION)
    return tmp_path


@pytest.fixture
def said(capsys, monkeypatch):
    """Run the command line and give the one line that it complains with."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["roamledger", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        complaint = capsys.readouterr().err
        assert ended.value.code == 2
        assert complaint.count("\n") == 1, complaint
        return complaint

    return run


@pytest.mark.parametrize("month", ["../../etc", "2026-13", "October", "2026-10-01", "", "9999-12", "0001-01"])
@pytest.mark.parametrize("command", [("close",), ("sandbox", "write", "world", "--month"), ("demo", "--month")])
def test_a_month_that_is_none(home, said, command, month):
    assert f"month {month!r} is not of the form" in (line := said(*command, month)) or f"month {month} cannot" in line
    assert sorted(path.name for path in home.iterdir()) == ["roamledger.toml"]


@pytest.mark.parametrize("number", ["../../etc/passwd", "[/bold]", "x" * 300, "' or 1=1 --"])
def test_a_document_that_was_never_issued(home, said, number):
    assert "was never issued" in said("trace", number)


def test_a_port_in_use(home, said):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 cannot be used" in said("sandbox", "serve", "--port", port, "--sessions", 50)


def test_a_folder_that_cannot_be_written(home, said):
    (home / "file").write_text("")
    assert "cannot be written" in said("sandbox", "write", home / "file" / "below", "--sessions", 50)


def test_a_home_that_cannot_be_used(home, said, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("ROAMLEDGER_HOME", str(home / "file"))
    assert "check ROAMLEDGER_HOME" in said("disputes", "list")


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("home = [", "cannot be read"),
        (CONNECTION + 'token = "s3cret"\n', "connections.0.token"),
        (CONNECTION + CONNECTION, "connection_id ldw stands twice"),
        (CONNECTION.replace("token_env", "tokenenv"), "did you mean token_env?"),
        ("", "no connection is declared"),
    ],
)
def test_a_bad_settings_file(home, said, toml, complaint):
    (home / "roamledger.toml").write_text(toml)
    line = said("pull")
    assert complaint in line
    assert "s3cret" not in line


def test_a_settings_file_that_is_not_there(home, said, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_CONFIG", str(home / "nowhere.toml"))
    assert "nowhere.toml (ROAMLEDGER_CONFIG) does not exist" in said("pull")


def test_a_setting_of_the_environment_that_is_no_json(home, said, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_CONNECTIONS", "s3cret")
    line = said("pull")
    assert "connections" in line
    assert "s3cret" not in line


@pytest.mark.parametrize("token", ["s3cret\nX-Header: 1", ""])
def test_a_token_that_cannot_be_sent(home, monkeypatch, token):
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", token)
    with pytest.raises(UserError, match="ROAMLEDGER_TOKEN_LDW") as refused:
        load_settings().connections[0].token()
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("content", ["", "abcd\n", "no hex at all"])
def test_a_broken_pseudonym_key_is_never_used(tmp_path, content):
    (tmp_path / "pseudonym.key").write_text(content)
    with pytest.raises(UserError, match="does not hold a key of 32 bytes"):
        key_of(tmp_path / "pseudonym.key")


def test_a_pseudonym_key_is_its_owners_alone(tmp_path):
    key = key_of(tmp_path / "register" / "pseudonym.key")
    assert key == key_of(tmp_path / "register" / "pseudonym.key")
    (file,) = (tmp_path / "register").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def warehouse(home):
    (home / "warehouse").mkdir()
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb")) as con:
        con.execute("create table fct_invoices as select 1 as document_id")
    return home


@pytest.mark.parametrize(
    "sql",
    [
        "drop table fct_invoices",
        "select 1; delete from fct_invoices",
        "insert into fct_invoices values (2)",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to 'out.csv'",
        "attach 'other.duckdb'",
        "set enable_external_access = true; select * from read_text('/etc/passwd')",
        "export database 'out'",
        "install httpfs",
        "",
        "/* nothing */",
    ],
)
def test_a_query_reads_the_warehouse_and_nothing_else(warehouse, said, sql):
    assert "query:" in said("query", sql)
    with duckdb.connect(str(warehouse / "warehouse" / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select * from fct_invoices").fetchall() == [(1,)]


def test_names_that_look_like_markup_are_shown_as_they_are(warehouse, capsys):
    query.run("""select '[/red]' as "[/x]" """, load_settings(), shared.console, 5, "table")
    shown = capsys.readouterr().out
    assert "[/x]" in shown
    assert "[/red]" in shown


def test_a_location_named_like_markup_is_shown_as_it_is(home, monkeypatch, capsys):
    line = {"line_number": 1, "cdr_key": "DE*LDW*[/X]", "location_name": "[/red]Hafen", "net_amount": "1.00"}
    document = {"document_number": "INV-1", "kind": "invoice", "currency": "EUR", "lines": [line]}
    monkeypatch.setattr("pipelines.commands.trace.find_document", lambda *_: json.loads(json.dumps(document)))
    assert trace("INV-1", None, shared.console, as_json=False) == 0
    assert "[/red]Hafen" in capsys.readouterr().out
