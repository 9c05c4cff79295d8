"""A CDR finds its own authorization: by reference, else by token, window and place, and never one that is used."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from models.reconciliation.matching import taken_authorizations

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def matched(world, taken=()):
    """Give {cdr id: (authorization, kind)}."""
    rows = world.matches(taken).select("cdr_key", "authorization_id", "match_kind").iter_rows()
    return {key.rsplit("*", 1)[-1]: (authorization, kind) for key, authorization, kind in rows}


def without_reference(world, name="C1", **fields):
    world.cdr(name, authorized=False, authorization_reference=None, **fields)


def test_by_reference_whatever_the_hour(world):
    world.cdr(authorized=False)
    world.authorization("A1", authorization_reference="r-c1", authorized_at=START - timedelta(hours=30))
    world.authorization("A2", authorized_at=START)
    assert matched(world) == {"C1": ("A1", "by_reference")}
    assert world.matches()["seconds_from_authorization"].to_list() == [30 * 3600]


def test_of_several_under_one_reference_the_last_counts(world):
    world.cdr()
    world.authorization("A9", authorization_reference="R-C1", authorized_at=START - 30 * SECOND)
    assert matched(world) == {"C1": ("A9", "by_reference")}


def test_a_reference_given_to_another_token_is_none(world):
    world.cdr(authorized=False)
    world.authorization("A1", authorization_reference="R-C1", token_uid="T2")
    assert matched(world) == {"C1": (None, "none")}


@pytest.mark.parametrize(
    ("authorized", "found"),
    [(-15 * MINUTE, True), (-15 * MINUTE - SECOND, False), (5 * MINUTE, True), (5 * MINUTE + SECOND, False)],
)
def test_the_window_reaches_from_15_minutes_before_to_5_after(world, authorized, found):
    without_reference(world)
    world.authorization("A1", authorized_at=START + authorized)
    assert matched(world) == {"C1": ("A1", "by_token_window_location") if found else (None, "none")}


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ({"location_id": "L1"}, True),
        ({"location_id": "L2"}, False),
        ({"location_id": None}, True),
        ({"location_id": None, "cpo_id": "NL*VLT"}, False),
        ({"location_id": None, "cpo_id": None}, True),
    ],
)
def test_the_places_must_not_differ(world, place, found):
    without_reference(world)
    world.authorization("A1", **place)
    assert (matched(world)["C1"][0] == "A1") is found


def test_the_nearest_in_time_is_taken(world):
    without_reference(world)
    for name, minutes in (("A1", -9), ("A2", -2), ("A3", 4)):
        world.authorization(name, authorized_at=START + minutes * MINUTE)
    assert matched(world)["C1"][0] == "A2"


def test_one_authorization_serves_one_cdr(world):
    without_reference(world, "A", started_at=START)
    without_reference(world, "B", started_at=START + 6 * MINUTE)
    world.authorization("A1", authorized_at=START + 5 * MINUTE)
    world.authorization("A2", authorized_at=START - MINUTE)
    assert matched(world) == {
        "A": ("A2", "by_token_window_location"),
        "B": ("A1", "by_token_window_location"),
    }


def test_a_copy_never_takes_the_authorization_of_its_original(world):
    world.cdr("ORIGINAL", authorized=False, authorization_reference="R")
    nearer = {"started_at": START - 50 * SECOND, "last_updated_at": START + timedelta(hours=5)}
    world.cdr("COPY", authorized=False, authorization_reference="R", **nearer)
    world.authorization("A1", authorization_reference="R", authorized_at=START - MINUTE)
    assert matched(world) == {"ORIGINAL": ("A1", "by_reference"), "COPY": (None, "none")}


def test_a_whitelisted_session_never_takes_what_another_asked_for(world):
    without_reference(world, "ASKED", started_at=START)
    without_reference(world, "OFFLINE", started_at=START + 4 * MINUTE, auth_method="WHITELIST")
    world.authorization("A1", authorized_at=START + 4 * MINUTE)
    assert matched(world) == {"ASKED": ("A1", "by_token_window_location"), "OFFLINE": (None, "none")}


def test_what_earlier_months_used_is_used(world):
    world.cdr()
    assert matched(world, taken=["A-C1"]) == {"C1": (None, "none")}


def test_a_credit_gives_the_authorization_back_to_the_replacement(world):
    world.cdr("C1-C", authorized=False, is_credit=True, credit_reference_id="c1", total_cost_excl_vat=Decimal(-3))
    earlier = pl.DataFrame({"cdr_key": ["DE*LDW*C1", "DE*LDW*C0"], "authorization_id": ["A1", "A0"]})
    cdrs = world.evidence().judged
    assert taken_authorizations(earlier, cdrs).to_list() == ["A0"]


def test_a_cdr_without_a_match_says_why(world):
    world.cdr(authorized=False)
    assert world.matches()["reason"].to_list() == [
        (
            "reference R-C1 is unknown, refused or used by another CDR, and no granted authorization of this token "
            "from 15 min before to 5 min after the start at this location is free"
        )
    ]
