"""Who decides, where nobody says it."""

import getpass

import pytest

from pipelines.commands.actors import actor_or_user
from pipelines.lib.errors import UserError


def test_who_is_named_decides_and_else_who_is_logged_in():
    assert actor_or_user("ada") == "ada"
    assert actor_or_user("") == getpass.getuser()


def test_a_user_id_without_a_name_is_told_the_remedy(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_001)
    with pytest.raises(UserError, match="say who decides with --by"):
        actor_or_user("")
