"""The score is the sum of documented points, its reasons say why, and the action follows from both."""

from datetime import timedelta
from decimal import Decimal

import pytest

from models.reconciliation.token_risk.scoring import SIGNALS, token_risks, token_signals
from models.reconciliation.token_risk.thresholds import (
    RISK_NAMES,
    RiskThresholdError,
    RiskThresholds,
    read_risk_thresholds,
    risk_bounds,
)
from models.schemas.registry import Layer, table
from tests.unit.token_risk.risk_world import NOON, RiskWorld

HOUR = timedelta(hours=1)


@pytest.fixture
def world():
    return RiskWorld()


def test_points_and_names_are_these():
    assert [(each.signal_id, each.name, each.points) for each in SIGNALS] == [
        ("T01", "velocity of authorizations", 20),
        ("T02", "overlapping sessions", 20),
        ("T03", "impossible travel", 40),
        ("T04", "use after block", 60),
        ("T05", "use after contract end", 60),
        ("T06", "energy spike", 15),
        ("T07", "cost spike", 15),
        ("T08", "many tokens on one EVSE", 20),
        ("T09", "cloned card", 60),
    ]


def test_every_threshold_belongs_to_a_signal_or_to_the_score_and_both_say_so():
    used = {(name, each.signal_id) for each in SIGNALS for name in each.thresholds}
    said = {(name, signal) for name, bound in risk_bounds().items() for signal in bound.rules.split()}
    assert said == used
    assert set(RISK_NAMES) - {name for name, _ in used} == {"watch_score", "block_score"}


def test_an_honest_token_has_a_row_and_no_score(world):
    world.charge()
    world.ask()
    (risk,) = world.risks().values()
    assert (risk["score"], risk["signal_ids"], risk["reasons"]) == (0, [], [])
    assert (risk["sessions"], risk["authorizations"], risk["energy_kwh"]) == (1, 1, Decimal(20))
    assert (risk["recommended_action"], risk["contract_id"]) == ("none", "DE-NST-T1")


def test_points_add_up_and_every_one_has_its_reason(world):
    world.charge()
    world.charge(NOON + 2 * HOUR, place="HAMBURG")
    world.charge(NOON + 2.5 * HOUR, place="HAMBURG")
    (risk,) = world.risks().values()
    assert (risk["score"], risk["signal_ids"]) == (60, ["T02", "T03"])
    assert [reason[:25] for reason in risk["reasons"]] == ["T02 overlapping sessions:", "T03 impossible travel: 25"]
    assert risk["recommended_action"] == "block"


def test_a_copied_card_is_replaced(world):
    world.charge(minutes=180)
    world.charge(NOON + HOUR, place="HAMBURG")
    assert world.risks()["T1"]["recommended_action"] == "replace"


def test_a_score_ends_at_a_hundred(world):
    world.token("T1", is_valid=False, last_updated_at=NOON - 9 * HOUR)
    world.charge(minutes=180)
    world.charge(NOON + HOUR, place="HAMBURG")
    world.charge(NOON + 1.5 * HOUR, place="MITTE")
    (risk,) = world.risks().values()
    assert (risk["signal_ids"], risk["score"]) == (["T02", "T04", "T09"], 100)


def test_thresholds_of_the_settings_decide(world):
    world.charge()
    world.charge(NOON + 2 * HOUR, place="HAMBURG")
    assert world.risks(limits=RiskThresholds(travel_kmh=300))["T1"]["score"] == 0
    assert world.risks(limits=RiskThresholds(watch_score=50))["T1"]["recommended_action"] == "none"


def test_a_month_without_any_use_has_the_tables_all_the_same(world):
    activity = world.activity()
    signals = token_signals(activity)
    risks = token_risks(activity, signals)
    for name, frame in (("token_signals", signals), ("token_risks", risks)):
        table(Layer.MATCHED, name).contract.validate(frame)
        assert frame.is_empty()


def test_frames_fit_their_contracts(world):
    world.charge(minutes=180)
    world.charge(NOON + HOUR, place="HAMBURG")
    activity = world.activity()
    signals = token_signals(activity)
    table(Layer.MATCHED, "token_signals").contract.validate(signals)
    table(Layer.MATCHED, "token_risks").contract.validate(token_risks(activity, signals))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("travel_speed", 100, "no threshold is called 'travel_speed'"),
        ("travel_kmh", Decimal("1.5"), "travel_kmh must be a whole number from 0 to 100000000, found 1.5"),
        ("travel_kmh", -1, "found -1"),
        ("spike_percentile", 101, "spike_percentile must be a whole number from 1 to 100"),
    ],
)
def test_a_threshold_that_is_none_is_refused_by_name(name, value, said):
    with pytest.raises(RiskThresholdError, match=said):
        read_risk_thresholds({name: value})


def test_thresholds_that_are_named_replace_the_defaults():
    assert read_risk_thresholds({"travel_kmh": Decimal(900)}) == RiskThresholds(travel_kmh=900)
