"""A token is judged by its setting at the start of the session, whatever it became later."""

from datetime import timedelta

import pytest

from models.reconciliation.tokens import token_versions, with_token
from models.schemas.registry import Layer
from tests.unit.reconciliation.roaming_world import LONG_AGO, START, rows_of

DAY = timedelta(days=1)


def believed(whitelist, valid_from, valid_to=None, *, known_to=None, uid="T1", is_valid=True):
    own = {"token_uid": uid, "token_type": "RFID", "contract_id": f"DE-NST-{uid}"}
    spans = {"valid_from": valid_from, "valid_to": valid_to, "known_from": LONG_AGO, "known_to": known_to}
    return own | spans | {"whitelist": whitelist, "is_valid": is_valid, "row_index": 0}


def versions(world, *history):
    return token_versions(rows_of(Layer.TYPED, "token_history", history), rows_of(Layer.TYPED, "tokens", world.tokens))


def settings(world, tokens):
    claims = with_token(rows_of(Layer.TYPED, "cdrs", world.cdrs), tokens)
    return {row["cdr_id"]: (row["whitelist"], row["was_token_known"]) for row in claims.iter_rows(named=True)}


def test_each_session_finds_the_setting_of_its_start(world):
    world.token("T2")
    for name, started, card in (("OLD", START - 2 * DAY, "t1"), ("NEW", START + 2 * DAY, "T1"), ("HERS", START, "T2")):
        world.cdr(name, started_at=started, token_uid=card)
    known = versions(world, believed("ALWAYS", LONG_AGO, START), believed("NEVER", START))
    assert settings(world, known) == {"OLD": ("ALWAYS", True), "NEW": ("NEVER", True), "HERS": ("ALLOWED", True)}


def test_what_is_no_longer_believed_counts_for_nothing(world):
    world.cdr("A")
    known = versions(world, believed("ALWAYS", LONG_AGO, known_to=START), believed("NEVER", LONG_AGO))
    assert settings(world, known) == {"A": ("NEVER", True)}


def test_of_a_token_that_was_only_known_later_nothing_is_certain(world):
    world.cdr("A")
    known = versions(world, believed("NEVER", START + 2 * DAY), believed("ALWAYS", START + DAY, START + 2 * DAY))
    assert settings(world, known) == {"A": ("ALWAYS", False)}


@pytest.mark.parametrize("history", [[], [believed("ALWAYS", None)]], ids=["none", "without a date"])
def test_without_a_history_the_newest_version_counts(world, history):
    world.cdr("A")
    assert settings(world, versions(world, *history)) == {"A": ("ALLOWED", True)}
