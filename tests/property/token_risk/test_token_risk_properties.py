"""Token risk held to plain Python, on random small worlds: the frames are quick, the definitions are short."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

from hypothesis import given, settings
from hypothesis import strategies as st

from models.reconciliation.token_risk.scoring import SIGNALS, token_risks, token_signals
from models.reconciliation.token_risk.thresholds import RISK_DEFAULTS
from tests.unit.token_risk.risk_world import PLACES, RiskWorld

START = datetime(2026, 10, 10, tzinfo=UTC)
POINTS = {each.signal_id: each.points for each in SIGNALS}
UIDS = st.sampled_from(["T1", "T2"])
SESSIONS = st.lists(
    st.tuples(UIDS, st.integers(0, 1500), st.integers(1, 300), st.sampled_from(sorted(PLACES))), max_size=8
)
QUESTIONS = st.lists(st.tuples(UIDS, st.integers(0, 3600)), max_size=14)
quick = settings(derandomize=True, max_examples=12, deadline=None)


def world_of(sessions, questions=()):
    world = RiskWorld()
    world.token("T2")
    for uid, minute, minutes, place in sessions:
        world.charge(START + timedelta(minutes=minute), uid, place, minutes)
    for uid, second in questions:
        world.ask(START + timedelta(seconds=second), uid)
    return world


def kilometres(one, other):
    (latitude, longitude), (there, across) = (map(float, PLACES[name]) for name in (one, other))
    half = sin(radians(there - latitude) / 2) ** 2
    half += cos(radians(latitude)) * cos(radians(there)) * sin(radians(across - longitude) / 2) ** 2
    return 2 * 6371.0088 * asin(sqrt(half))


@quick
@given(QUESTIONS)
def test_velocity_is_what_counting_in_every_window_gives(questions):
    found = {uid for uid, signal in world_of((), questions).signals() if signal == "T01"}
    times = defaultdict(list)
    for uid, second in questions:
        times[uid].append(second)
    expected = {
        uid
        for uid, seconds in times.items()
        if any(sum(end - 600 <= second <= end for second in seconds) > 6 for end in seconds)
    }
    assert found == expected


@quick
@given(SESSIONS)
def test_travel_is_what_looking_at_neighbours_one_by_one_gives(sessions):
    found = {uid for uid, signal in world_of(sessions).signals() if signal == "T03"}
    expected = set()
    for uid in ("T1", "T2"):
        placed = sorted(
            (minute, number, minutes, place)
            for number, (who, minute, minutes, place) in enumerate(sessions)
            if who == uid and place != "NOWHERE"
        )
        for (before, _, lasted, there), (minute, _, _, here) in pairwise(placed):
            way, pause = kilometres(there, here), minute - before - lasted
            if pause >= 0 and way > 20 and way * 60 > pause * 130:
                expected.add(uid)
    assert found == expected


@quick
@given(SESSIONS, QUESTIONS)
def test_scores_are_the_sums_of_their_points_and_say_why(sessions, questions):
    activity = world_of(sessions, questions).activity()
    signals = token_signals(activity)
    risks = token_risks(activity, signals)
    assert set(risks["token_uid"]) == {uid for uid, *_ in (*sessions, *questions)}
    for row in risks.iter_rows(named=True):
        assert row["score"] == min(100, sum(POINTS[each] for each in row["signal_ids"]))
        assert [reason[:3] for reason in row["reasons"]] == row["signal_ids"]
        assert (row["recommended_action"] == "none") == (row["score"] < RISK_DEFAULTS.watch_score)


@quick
@given(SESSIONS, QUESTIONS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_score(sessions, questions, random):
    world = world_of(sessions, questions)
    before = world.risks()
    for rows in (world.cdrs, world.authorizations, world.tokens, world.connectors):
        random.shuffle(rows)
    after = world.risks()
    assert {uid: (row["score"], row["signal_ids"]) for uid, row in after.items()} == {
        uid: (row["score"], row["signal_ids"]) for uid, row in before.items()
    }


@quick
@given(SESSIONS)
def test_no_two_cards_disturb_each_other(sessions):
    both = world_of(sessions).signals()
    for uid in ("T1", "T2"):
        alone = world_of([each for each in sessions if each[0] == uid]).signals()
        assert {signal for who, signal in both if who == uid} == {signal for _, signal in alone}


def test_three_hundred_charges_one_after_another_give_no_signal():
    world = RiskWorld()
    for number in range(300):
        world.charge(START + timedelta(minutes=70 * number), "T1", "BERLIN")
    assert token_signals(world.activity()).is_empty()
