"""A missing or wrong setting is one line that names it."""

import pytest

from pipelines.lib.errors import UserError
from pipelines.lib.settings import load_settings

TOML = """
[[connections]]
connection_id = "ldw"
kind = "cpo"
versions_url = "http://127.0.0.1:1/versions"
token_env = "ROAMLEDGER_TOKEN_LDW"
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("ROAMLEDGER_CONFIG", "ROAMLEDGER_NOW", "ROAMLEDGER_TOKEN_LDW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    return tmp_path


def test_reads_the_file_of_its_home(home):
    (home / "roamledger.toml").write_text(TOML)
    settings = load_settings()
    assert [connection.connection_id for connection in settings.connections] == ["ldw"]
    assert settings.lake == str(home / "lake")


def test_the_environment_wins(home, monkeypatch):
    (home / "roamledger.toml").write_text("workers = 1\n")
    monkeypatch.setenv("ROAMLEDGER_WORKERS", "7")
    assert load_settings().workers == 7


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("workers = 0\n", "setting workers"),
        ("shoe_size = 44\n", "setting shoe_size"),
        (TOML.replace('"cpo"', '"friend"'), r"setting connections\.0\.kind"),
        ("now = 2026-11-05T06:00:00\n", "setting now: .*needs a zone"),
    ],
)
def test_a_bad_setting_is_named(home, toml, complaint):
    (home / "roamledger.toml").write_text(toml)
    with pytest.raises(UserError, match=complaint):
        load_settings()


def test_a_missing_token_names_its_variable_and_never_its_value(home, monkeypatch):
    (home / "roamledger.toml").write_text(TOML)
    with pytest.raises(UserError, match="ROAMLEDGER_TOKEN_LDW with its token is not set"):
        load_settings().connections[0].token()
    monkeypatch.setenv("ROAMLEDGER_TOKEN_LDW", "secret-value")
    assert "secret-value" not in repr(load_settings().connections[0].token())


def test_an_unknown_connection_is_answered_with_the_known_ones(home):
    (home / "roamledger.toml").write_text(TOML)
    with pytest.raises(UserError, match=r"connection 'xyz' is not declared .*known: ldw"):
        load_settings().connection("xyz")
