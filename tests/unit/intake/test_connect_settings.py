"""What contradicts itself in a connection is one clear line, and a misspelt setting is told the right name."""

import pytest

from pipelines.lib.errors import UserError
from pipelines.lib.settings import load_settings

TOML = """
[[connections]]
connection_id = "ldw"
kind = "cpo"
versions_url = "http://127.0.0.1:1/versions"
"""


@pytest.fixture
def declared(tmp_path, monkeypatch):
    for name in ("ROAMLEDGER_CONFIG", "ROAMLEDGER_NOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))

    def declared(more, toml=TOML):
        (tmp_path / "roamledger.toml").write_text(toml + more)
        return load_settings()

    return declared


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ('tokn_env = "X"', r"setting connections\.0\.tokn_env: is not known; did you mean token_env\?"),
        ('zzz = "X"', r"setting connections\.0\.zzz: is not known \("),
        ('routing_to = "BE*HUB"', "connection ldw: routing_from and routing_to go together, and one is missing"),
        ('routing_to = "BEHUB"\nrouting_from = "DE*NST"', r"setting connections\.0\.routing_to"),
        (
            'preferred_versions = ["2.2.1"]\nforbidden_versions = ["2.1.1", "2.2.1"]',
            r"connection ldw: 2\.2\.1 is preferred and forbidden: decide for one",
        ),
        ('forbidden_versions = ["2.2"]', r"setting connections\.0\.forbidden_versions"),
        ('roles = ["HUB"]', "connection ldw: kind cpo needs CPO among its roles"),
        ("requests_per_second = 0", r"setting connections\.0\.requests_per_second"),
        ('token_encoding = "hex"', r"setting connections\.0\.token_encoding"),
        ("page_limit = 0", r"setting connections\.0\.page_limit"),
        (
            '[own_party]\nparty = "DE*NST"\nname = "N"\nversions_url = "ftp://x"',
            r"own_party\.versions_url: is not an http",
        ),
    ],
)
def test_a_contradiction_is_one_clear_line(declared, more, complaint):
    with pytest.raises(UserError, match=complaint) as said:
        declared(more)
    assert "\n" not in str(said.value)


def test_a_connection_without_token_is_told_both_ways_to_one(declared):
    with pytest.raises(UserError, match=r"name its variable in token_env, or run `roamledger connect register ldw`"):
        declared("").connections[0].token()


def test_everything_that_can_be_agreed_can_be_declared(declared):
    (connection,) = declared(
        'parties = ["DE*LDW"]\nroles = ["CPO", "EMSP"]\ntoken_env = "X"\ninbound_token_env = "Y"\n'
        'token_encoding = "auto"\nrouting_from = "DE*NST"\nrouting_to = "BE*HUB"\npreferred_versions = ["2.2.1"]\n'
        'forbidden_versions = ["2.1.1"]\npage_limit = 50\nrequests_per_second = 0.5\ntrust_total_count = false\n'
        "overlap_seconds = 7200\ntimeout_seconds = 10.0\nattempts = 3\n"
    ).connections
    assert connection.requests_per_second == 0.5
    assert connection.roles == ("CPO", "EMSP")
