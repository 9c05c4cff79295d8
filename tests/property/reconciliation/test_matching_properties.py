"""Whatever the records: one-to-one, the greedy best assignment, and the same in any order of rows."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reconciliation.matching import match
from models.reconciliation.overlaps import later_starting
from models.schemas.registry import Layer
from tests.unit.reconciliation.roaming_world import rows_of

START = datetime(2026, 10, 24, 22, tzinfo=UTC)
BEFORE, AFTER = timedelta(minutes=15), timedelta(minutes=5)

minutes = st.integers(0, 40)
tokens = st.sampled_from(["T1", "T2"])
places = st.sampled_from(["L1", "L2"])
references = st.sampled_from([None, "R1", "R2"])
claims = st.lists(st.tuples(minutes, tokens, places, references), max_size=8)
offers = st.lists(st.tuples(minutes, tokens, places | st.none(), references, st.booleans()), max_size=8)


def cdrs_of(drawn):
    return rows_of(
        Layer.TYPED,
        "cdrs",
        [
            {
                "cdr_key": f"DE*LDW*C{number}",
                "cpo_id": "DE*LDW",
                "session_id": f"S{number}",
                "token_uid": token,
                "location_id": place,
                "authorization_reference": reference,
                "evse_uid": f"E{number}",
                "started_at": START + timedelta(minutes=minute),
                "ended_at": START + timedelta(minutes=minute + 30),
                "last_updated_at": START,
                "received_at": START,
                "billing_month": date(2026, 10, 1),
            }
            for number, (minute, token, place, reference) in enumerate(drawn)
        ],
    )


def authorizations_of(drawn):
    return rows_of(
        Layer.TYPED,
        "authorizations",
        [
            {
                "authorization_id": f"A{number}",
                "token_uid": token,
                "cpo_id": "DE*LDW",
                "location_id": place,
                "authorization_reference": reference,
                "result": "ALLOWED" if allowed else "BLOCKED",
                "authorized_at": START + timedelta(minutes=minute),
            }
            for number, (minute, token, place, reference, allowed) in enumerate(drawn)
        ],
    )


def matches_of(cdrs, authorizations):
    return match(cdrs, cdrs.clear(), authorizations, pl.Series("taken", [], pl.String))


def greedy(cdrs, authorizations):
    """Match one by one over all pairs, best pair first: the same rule written as a loop."""
    found, used = {}, set()
    granted = [a for a in authorizations.iter_rows(named=True) if a["result"] == "ALLOWED"]
    last = {(a["token_uid"], a["authorization_reference"]): a for a in sorted(granted, key=_age)}
    pairs = {"reference": [], "window": []}
    for cdr in cdrs.iter_rows(named=True):
        for offer in granted:
            key = (offer["token_uid"], offer["authorization_reference"])
            if key == (cdr["token_uid"], cdr["authorization_reference"]) and key[1] and last[key] is offer:
                pairs["reference"].append((_cost(cdr, offer), cdr, offer))
            near = cdr["started_at"] - BEFORE <= offer["authorized_at"] <= cdr["started_at"] + AFTER
            same = offer["token_uid"] == cdr["token_uid"] and offer["location_id"] in (None, cdr["location_id"])
            if near and same:
                pairs["window"].append((_cost(cdr, offer), cdr, offer))
    for kind in ("reference", "window"):
        for _, cdr, offer in sorted(pairs[kind], key=lambda pair: pair[0]):
            if cdr["cdr_key"] not in found and offer["authorization_id"] not in used:
                found[cdr["cdr_key"]] = offer["authorization_id"]
                used.add(offer["authorization_id"])
    return found


def _age(offer):
    return offer["authorized_at"], offer["authorization_id"]


def _cost(cdr, offer):
    distance = abs(cdr["started_at"] - offer["authorized_at"])
    return distance, offer["location_id"] != cdr["location_id"], cdr["cdr_key"], *_age(offer)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(claims, offers)
def test_it_is_the_greedy_assignment(drawn_claims, drawn_offers):
    cdrs, authorizations = cdrs_of(drawn_claims), authorizations_of(drawn_offers)
    found = matches_of(cdrs, authorizations)
    assert found.height == cdrs.height
    pairs = dict(found.drop_nulls("authorization_id").select("cdr_key", "authorization_id").iter_rows())
    assert len(set(pairs.values())) == len(pairs)
    assert pairs == greedy(cdrs, authorizations)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(claims, offers, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn_claims, drawn_offers, random):
    cdrs, authorizations = cdrs_of(drawn_claims), authorizations_of(drawn_offers)
    mixed = [frame.sample(fraction=1, shuffle=True, seed=random.randrange(1000)) for frame in (cdrs, authorizations)]
    assert matches_of(*mixed).equals(matches_of(cdrs, authorizations))


spans = st.lists(st.tuples(minutes, st.integers(1, 20), tokens), max_size=12)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(spans, st.integers(0, 3))
def test_what_is_left_after_the_later_starting_never_overlaps(drawn, tolerance_minutes):
    tolerance = timedelta(minutes=tolerance_minutes)
    sessions = [
        (number, START + timedelta(minutes=start), START + timedelta(minutes=start + length), token)
        for number, (start, length, token) in enumerate(drawn)
    ]
    schema = {
        "cdr_number": pl.UInt32,
        "started_at": pl.Datetime("us", "UTC"),
        "ended_at": pl.Datetime("us", "UTC"),
        "token": pl.String,
    }
    frame = pl.DataFrame(sessions, schema=schema, orient="row").sort("started_at", "ended_at", "cdr_number")
    named = later_starting(frame, "token", tolerance)
    assert dict(named.iter_rows()) == _by_hand(sessions, tolerance)


def _by_hand(sessions, tolerance):
    """Walk through each token's sessions in order, keeping those that stand; a false one is no witness."""
    latest, found = {}, {}
    for key, start, end, token in sorted(sessions, key=lambda s: (s[1], s[2], s[0])):
        witness, until = latest.get(token, (None, START))
        if witness is not None and until - start > tolerance:
            found[key] = witness
        elif witness is None or end >= until:
            latest[token] = (key, end)
    return found
