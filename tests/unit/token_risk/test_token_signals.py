"""Each signal finds what it is for, tells it in numbers, and leaves alone what only looks like it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.unit.token_risk.risk_world import NOON, RiskWorld

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world():
    return RiskWorld()


def ids(found):
    return sorted(signal for _, signal in found)


def test_seven_authorizations_in_ten_minutes_are_too_many_and_six_are_not(world):
    for number in range(6):
        world.ask(NOON + number * MINUTE)
    assert world.signals() == {}
    last = world.ask(NOON + 9 * MINUTE)
    (found,) = world.signals().values()
    assert (found["signal_id"], found["measured"], found["permitted"]) == ("T01", 7, 6)
    assert found["message"] == "7 authorizations within 600 s up to 2026-10-10 12:09:00 UTC"
    assert (found["use_key"], found["seconds_between"], found["occurrences"]) == (last, 540, 1)


def test_authorizations_of_the_month_before_count_as_witnesses_only(world):
    midnight = datetime(2026, 10, 1, tzinfo=UTC)
    for number in range(7):
        world.ask(midnight + (number - 7) * MINUTE)
    assert world.signals() == {}
    world.ask(midnight + MINUTE)
    assert ids(world.signals()) == ["T01"]


def test_a_second_session_beside_a_running_one_is_an_overlap(world):
    first = world.charge()
    second = world.charge(NOON + 20 * MINUTE, place="MITTE")
    found = world.signals()["T1", "T02"]
    assert (found["use_key"], found["other_key"], found["measured"]) == (second, first, 40 * 60)
    assert (found["amount"], found["currency"]) == (Decimal("10.00"), "EUR")


def test_an_overlap_within_the_tolerance_is_none(world):
    world.charge()
    world.charge(NOON + HOUR - MINUTE)
    assert world.signals() == {}


def test_a_session_without_a_cdr_counts_and_one_that_its_cdr_tells_counts_once(world):
    world.charge(session_id="R1")
    world.run()
    assert world.signals() == {}
    world.run(NOON + 20 * MINUTE)
    assert ids(world.signals()) == ["T02"]


def test_a_credited_session_and_a_copy_are_no_uses(world):
    first = world.charge()
    world.charge(NOON + 20 * MINUTE)
    world.charge(NOON + 20 * MINUTE, is_credit=True, credit_reference_id="c2", eur="-10.00", session_id=None)
    world.charge(session_id="sc1")
    (risk,) = world.risks().values()
    assert (first, risk["score"], risk["sessions"]) == ("DE*LDW*C1", 0, 1)


def test_nobody_is_in_hamburg_an_hour_after_berlin(world):
    world.charge()
    world.charge(NOON + 2 * HOUR, place="HAMBURG")
    found = world.signals()["T1", "T03"]
    assert found["distance_km"] == pytest.approx(Decimal("255.3"), abs=Decimal("0.5"))
    assert (found["seconds_between"], found["permitted"], found["unit"]) == (3600, 130, "km/h")
    assert "km in 3600 s after DE*LDW*C1: 255 km/h" in found["message"]


def test_a_long_drive_and_a_ferry_are_no_impossible_travel(world):
    world.charge()
    world.charge(NOON + 4 * HOUR, place="HAMBURG")
    world.charge(NOON + DAY, place="PUTTGARDEN", uid="T2")
    world.charge(NOON + DAY + 2 * HOUR, place="RODBY", uid="T2")
    assert not {key for key in world.signals() if key[1] in {"T02", "T03", "T09"}}


def test_travel_looks_past_a_place_without_coordinates_and_says_that_it_could_not_look_there(world):
    world.charge(minutes=30)
    world.charge(NOON + HOUR, place="NOWHERE", minutes=5)
    world.charge(NOON + 90 * MINUTE, place="HAMBURG")
    risk = world.risks()["T1"]
    assert risk["signal_ids"] == ["T03"]
    assert risk["not_checked"][0] == "1 of 3 uses at a place without coordinates: travel is not looked at"


def test_an_app_starts_a_session_from_anywhere(world):
    world.token("APP", token_type="APP_USER")
    world.charge(uid="APP", token_type="APP_USER")
    world.charge(NOON + 2 * HOUR, uid="APP", token_type="APP_USER", place="HAMBURG")
    assert world.signals() == {}


def test_a_card_used_elsewhere_while_it_charges_is_a_copy(world):
    first = world.charge(minutes=180)
    second = world.charge(NOON + 30 * MINUTE, place="HAMBURG")
    found = world.signals()
    assert ids(found) == ["T09"]
    told = found["T1", "T09"]
    assert (told["use_key"], told["other_key"], told["seconds_between"]) == (second, first, 1800)


def test_a_refused_question_from_elsewhere_shows_a_copy_too(world):
    world.charge(minutes=180)
    asked = world.ask(NOON + 30 * MINUTE, place="HAMBURG", result="NOT_ALLOWED")
    found = world.signals()
    assert (ids(found), found["T1", "T09"]["use_key"]) == (["T09"], asked)


def test_a_card_that_can_have_been_carried_is_an_overlap_and_no_copy(world):
    world.charge(minutes=480)
    world.charge(NOON + 4 * HOUR, place="HAMBURG")
    assert ids(world.signals()) == ["T02"]


def test_two_cards_of_one_group_charge_at_once(world):
    world.token("T2", group_id="G", contract_id="DE-NST-T1")
    world.token("T3", group_id="G", contract_id="DE-NST-T1")
    world.charge(uid="T2")
    world.charge(NOON + 10 * MINUTE, uid="T3", place="HAMBURG")
    assert world.signals() == {}


def test_use_after_the_platform_made_a_token_invalid(world):
    world.token("T1", is_valid=False, last_updated_at=NOON)
    world.charge(NOON + 10 * MINUTE)
    assert world.signals() == {}
    late = world.charge(NOON + 3 * HOUR)
    found = world.signals()["T1", "T04"]
    assert (found["use_key"], found["measured"], found["occurrences"]) == (late, 3 * 3600, 1)
    assert found["message"] == "starts at 2026-10-10 15:00:00 UTC, blocked since 2026-10-10 12:00:00 UTC"


def test_a_block_that_was_lifted_or_came_later_is_none(world):
    world.token("T1", is_valid=False, last_updated_at=NOON - 2 * DAY)
    world.token("T1", last_updated_at=NOON - DAY)
    world.charge()
    blocks = pl.DataFrame(
        [("T1", "RFID", NOON + DAY, None), ("T1", "RFID", NOON - 9 * DAY, NOON - 8 * DAY)],
        schema=["token_uid", "token_type", "blocked_at", "unblocked_at"],
        orient="row",
    ).with_columns(pl.col("blocked_at", "unblocked_at").dt.cast_time_unit("us"))
    assert world.signals(blocks=blocks) == {}
    world.charge(NOON + 2 * DAY)
    assert ids(world.signals(blocks=blocks)) == ["T04"]


def test_a_contract_ends_at_the_company_s_midnight(world):
    world.contract("DE-NST-T2", "A", valid_to=date(2026, 10, 10))
    world.token("T2", contract_id="DENSTT2")
    world.charge(datetime(2026, 10, 9, 21, 59, tzinfo=UTC), uid="T2")
    berlin = ZoneInfo("Europe/Berlin")
    assert world.signals(zone=berlin) == {}
    world.charge(datetime(2026, 10, 9, 23, tzinfo=UTC), uid="T2")
    found = world.signals(zone=berlin)["T2", "T05"]
    assert (found["occurrences"], found["measured"]) == (1, 0)


def test_a_day_of_three_times_the_usual_is_a_spike_of_energy_and_of_cost(world):
    for day, kwh in enumerate((20, 30, 30, 25, 40, 30, 30, 20, 25, 900)):
        world.charge(NOON - (20 + day) * DAY, kwh=str(kwh), eur=f"{kwh / 2:.2f}")
    world.charge(kwh="60", eur="30.00")
    world.charge(NOON + 2 * HOUR, kwh="60.000000001", eur="30.01")
    found = world.signals()
    energy, cost = found["T1", "T06"], found["T1", "T07"]
    assert (energy["measured"], energy["permitted"]) == (Decimal("120.000000001"), Decimal(40))
    assert (cost["amount"], cost["currency"], cost["permitted"]) == (Decimal("60.01"), "EUR", Decimal(20))
    assert energy["message"].startswith("120.000000001 kWh on 2026-10-10")
    assert cost["message"] == "60.01 EUR on 2026-10-10; 90 of 100 of its days before stay at or below 20.00"


def test_exactly_three_times_the_usual_is_none(world):
    for day in range(5):
        world.charge(NOON - (20 + day) * DAY, kwh="40", eur="20.00")
    world.charge(kwh="120", eur="60.00")
    assert world.signals() == {}


def test_a_young_token_has_no_usual_and_that_is_said(world):
    world.charge(NOON - 20 * DAY)
    world.charge(kwh="500", eur="250.00")
    risk = world.risks()["T1"]
    assert (risk["score"], risk["not_checked"]) == (0, ["1 of 5 days of history: spikes are not looked at"])


def test_costs_in_two_currencies_are_never_added_up(world):
    for day in range(5):
        world.charge(NOON - (20 + day) * DAY, eur="15.00")
    world.charge(eur="40.00")
    world.charge(NOON + 2 * HOUR, eur="40.00", currency="SEK")
    assert world.signals() == {}


def test_six_customers_cards_at_one_evse_in_a_quarter_of_an_hour(world):
    for number in range(6):
        world.token(f"K{number}")
        world.ask(NOON + 2 * number * MINUTE, uid=f"K{number}")
    found = world.signals()
    assert sorted(found) == [(f"K{number}", "T08") for number in range(6)]
    assert found["K0", "T08"]["measured"] == 6


def test_a_depot_where_one_fleet_s_cards_charge_in_a_row(world):
    for number in range(12):
        world.contract(f"DE-NST-F{number}", "FLEET")
        world.token(f"F{number}")
        world.ask(NOON + number * MINUTE, uid=f"F{number}")
    assert world.signals() == {}


def test_an_offline_session_without_an_authorization_is_no_signal(world):
    world.charge(auth_method="WHITELIST")
    assert world.risks()["T1"]["recommended_action"] == "none"


def test_tokens_are_one_whatever_case_they_come_in_and_apart_by_type(world):
    world.charge(uid="t1")
    world.charge(NOON + 20 * MINUTE, uid="T1")
    world.charge(NOON + 40 * MINUTE, uid="T1", token_type="OTHER")
    assert sorted(world.signals()) == [("T1", "T02")]
