"""Rules about single records: what each finds, the nearest thing that it leaves alone, and where it abstains."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def severity(world, rule, name="C1"):
    return world.found().get((name, rule))


def row_of(world, rule):
    return next(row for row in world.findings().iter_rows(named=True) if row["rule_id"] == rule)


class TestR01:
    @pytest.mark.parametrize(("key", "found"), [("DE*LDW*C1", "block"), ("DE*LDW*C2", None)])
    def test_a_second_body_under_the_same_id_holds_the_first(self, world, key, found):
        world.around = {"changed_keys": pl.Series("cdr_key", [key])}
        world.cdr()
        assert severity(world, "R01") == found


class TestR02:
    def test_word_for_word_is_rejected_and_another_session_held(self, world):
        world.cdr("A", session_id="S1")
        world.cdr("B", session_id="S1", last_updated_at=START + 5 * HOUR, authorized=False)
        world.cdr("C", session_id="S1", started_at=START + 3 * HOUR, last_updated_at=START + 6 * HOUR)
        assert severity(world, "R02", "B") == "reject"
        assert severity(world, "R02", "C") == "block"
        verdicts = dict(world.verdicts().select("cdr_key", "verdict").iter_rows())
        assert verdicts == {"DE*LDW*A": "accept", "DE*LDW*B": "reject", "DE*LDW*C": "hold"}


class TestR06:
    @pytest.mark.parametrize(
        ("power_type", "hours", "found"),
        [("AC_3_PHASE", 24, None), ("AC_3_PHASE", 25, "review"), ("DC", 6, None), ("DC", 7, "review")],
    )
    def test_a_day_at_ac_and_six_hours_at_dc(self, world, power_type, hours, found):
        world.cdr(minutes=hours * 60, connector_power_type=power_type)
        assert severity(world, "R06") == found

    def test_the_agreement_may_allow_more(self, world):
        world.agreement(rule_thresholds="ac_hours=48; dc_hours=8")
        world.cdr(minutes=47 * 60)
        assert severity(world, "R06") is None

    def test_it_abstains_where_nobody_says_ac_or_dc(self, world):
        world.cdr(minutes=47 * 60, connector_power_type=None)
        assert severity(world, "R06") is None
        assert world.abstained()["C1", "R06"] == "neither the CDR nor its connector says whether it is AC or DC"


class TestR07:
    @pytest.mark.parametrize(
        ("seconds", "energy", "claimed", "found"),
        [
            (119, "0.5", "3", "reject"),
            (120, "0.5", "3", None),
            (3600, "0.199", "3", "reject"),
            (3600, "0.2", "3", None),
            (60, "0.1", "0", None),
        ],
    )
    def test_below_two_minutes_or_a_fifth_of_a_kwh_nothing_is_owed(self, world, seconds, energy, claimed, found):
        claim = {"total_energy_kwh": Decimal(energy), "total_cost_excl_vat": Decimal(claimed)}
        world.cdr(ended_at=START + seconds * SECOND, **claim)
        assert severity(world, "R07") == found
        assert world.verdicts()["verdict"].to_list() == ["reject" if found else "accept"]

    def test_an_expired_reservation_may_cost(self, world):
        world.cdr(total_energy_kwh=Decimal(0))
        world.periods[0]["reservation_hours"] = Decimal(1)
        assert severity(world, "R07") is None


class TestR08:
    @pytest.mark.parametrize(("energy", "found"), [("0", "review"), ("0.001", None)])
    def test_a_cost_without_energy(self, world, energy, found):
        world.cdr(total_energy_kwh=Decimal(energy))
        assert severity(world, "R08") == found


class TestR12:
    def test_periods_that_tell_too_little_time(self, world):
        world.cdr("A")
        world.cdr("B", started_at=START + 3 * HOUR)
        world.periods[0]["charging_hours"] = Decimal("0.98")
        world.periods[1]["charging_hours"] = Decimal("0.984")
        assert (severity(world, "R12", "A"), severity(world, "R12", "B")) == ("review", None)
        assert row_of(world, "R12")["message"] == "the periods tell 3528 s of 3600 s"

    @pytest.mark.parametrize(
        ("begins", "found"), [(-SECOND, "review"), (MINUTE, None), (61 * SECOND, "review"), (HOUR, "review")]
    )
    def test_a_first_period_elsewhere(self, world, begins, found):
        world.cdr()
        world.periods[0]["started_at"] = START + begins
        assert severity(world, "R12") == found

    def test_periods_listed_backwards(self, world):
        world.cdr(has_unordered_periods=True)
        assert row_of(world, "R12")["message"] == "periods are not in the order of time"

    def test_periods_that_say_no_hours_leave_time_open(self, world):
        world.cdr()
        world.periods[0]["charging_hours"] = None
        assert severity(world, "R12") is None


def metered(start=None, end=None, *, signed=True):
    """Give what a CDR's signed values say, as `typed/cdrs` keeps it."""
    read = {"meter_start_kwh": start and Decimal(start), "meter_end_kwh": end and Decimal(end)}
    return read | {"has_signed_values": signed}


class TestR13AndR36:
    @pytest.mark.parametrize(("start", "found"), [("99.98", "review"), ("99.99", None), ("100", None), ("105", None)])
    def test_a_meter_that_starts_below_where_it_was_left(self, world, start, found):
        world.cdr("A", **metered("95", "100"))
        world.cdr("B", started_at=START + 2 * HOUR, **metered(start, "110"))
        assert severity(world, "R13", "B") == found

    def test_it_abstains_without_a_reading(self, world):
        world.cdr("A")
        world.cdr("B", started_at=START + 2 * HOUR, **metered())
        assert world.abstained()["A", "R13"] == "the CDR carries no meter reading"
        assert world.abstained()["B", "R13"] == "the CDR carries no meter reading"

    @pytest.mark.parametrize(("said", "found"), [(None, None), ("requires_signed_data=1", "review")])
    def test_signed_values_are_missed_only_where_agreed(self, world, said, found):
        world.agreement(rule_thresholds=said)
        world.cdr("A", **metered(signed=False))
        world.cdr("B", started_at=START + 2 * HOUR, **metered())
        assert severity(world, "R36", "A") == found
        assert severity(world, "R36", "B") is None

    def test_signed_values_are_not_missed_where_the_version_has_no_place_for_them(self, world):
        world.agreement(rule_thresholds="requires_signed_data=1")
        world.cdr("A", **metered(signed=None))
        assert severity(world, "R36", "A") is None
        assert "OCPI 2.1.1 has no place" in world.abstained()["A", "R36"]


class TestR20:
    @pytest.mark.parametrize(
        ("contract", "found"),
        [("DE-NST-T1", None), ("denstt1", None), ("DE-NST-T2", "block"), ("DE-NST-X9", "review"), (None, None)],
        ids=["its own", "written otherwise", "of another token", "of nobody", "not said"],
    )
    def test_the_contract_is_that_of_the_token(self, world, contract, found):
        world.token("T2")
        world.cdr(contract_id=contract)
        assert severity(world, "R20") == found

    def test_two_cards_of_one_group_are_on_one_contract(self, world):
        world.token("T2", contract_id="DE-NST-T1")
        world.cdr(token_uid="T2", contract_id="DE-NST-T1")
        assert world.found() == {}

    def test_it_abstains_where_contract_or_token_is_unknown(self, world):
        world.cdr("A", contract_id=None)
        world.cdr("B", started_at=START + 2 * HOUR, token_uid="X9")
        told = world.abstained()
        assert told["A", "R20"] == "the CDR names no contract"
        assert told["B", "R20"] == "the token was never issued by us"


class TestR18:
    def test_the_setting_at_the_start_counts_and_not_the_one_since(self, world):
        world.tokens[0]["whitelist"] = "ALWAYS"
        world.token("T1", whitelist="NEVER", last_updated_at=START + DAY)
        world.cdr(authorized=False, auth_method="WHITELIST", authorization_reference=None)
        assert severity(world, "R18") is None
        world.tokens[1]["last_updated_at"] = START - DAY
        assert severity(world, "R18") == "block"

    def test_where_only_a_later_setting_is_known_it_is_a_review(self, world):
        world.tokens[0] |= {"whitelist": "NEVER", "last_updated_at": START + DAY}
        world.cdr(authorized=False, auth_method="WHITELIST", authorization_reference=None)
        assert severity(world, "R18") == "review"


class TestR30:
    @pytest.mark.parametrize(("days", "found"), [(10, None), (10.01, "review"), (90, "review"), (90.01, "reject")])
    def test_what_counts_is_when_the_cpo_wrote_it(self, world, days, found):
        world.cdr(last_updated_at=START + HOUR + timedelta(days=days), received_at=START + 200 * DAY)
        assert severity(world, "R30") == found

    def test_a_late_pull_of_ours_is_no_fault_of_the_cpo(self, world):
        world.cdr(received_at=START + 200 * DAY)
        assert severity(world, "R30") is None

    def test_the_agreement_may_grant_longer(self, world):
        world.agreement(rule_thresholds="late_days=31;refused_days=365")
        world.cdr(last_updated_at=START + 30 * DAY)
        assert severity(world, "R30") is None


class TestPlaces:
    @pytest.mark.parametrize(
        ("said", "found"),
        [
            ({}, None),
            ({"charge_country": "NL"}, "info"),
            ({"charge_country": "DK"}, "info"),
            ({"currency": "DKK"}, "info"),
        ],
    )
    def test_country_party_and_currency(self, world, said, found):
        rows = [("DE", "EUR"), ("NL", "EUR"), ("DK", "DKK")]
        world.around = {"currencies": pl.DataFrame(rows, schema=["country", "currency"], orient="row")}
        world.cdr(**said)
        assert severity(world, "R34") == found

    @pytest.mark.parametrize(
        ("power_type", "power", "found"),
        [("AC_3_PHASE", 43, None), ("AC_3_PHASE", 44, "review"), ("DC", 500, None), ("DC", 501, "review")],
    )
    def test_connectors_that_cannot_be(self, world, power_type, power, found):
        world.connectors[0]["max_power_kw"] = Decimal(power)
        world.cdr(connector_power_type=power_type)
        assert severity(world, "R35") == found

    @pytest.mark.parametrize(
        ("evse_id", "since", "found"),
        [
            ("DE*LDW*E1", date(2026, 1, 1), None),
            ("de*ldw*e1", date(2026, 10, 10), None),
            ("DE*LDW*E2", date(2026, 1, 1), "block"),
            ("DE*LDW*E1", date(2026, 10, 11), "block"),
        ],
        ids=["registered", "from this day on", "another one", "from tomorrow on"],
    )
    def test_home_charging_needs_a_registered_charger(self, world, evse_id, since, found):
        charger = {"evse_id": ["DE*LDW*E1"], "valid_from": [since], "valid_to": [None]}
        world.around = {"home_chargers": pl.DataFrame(charger, schema_overrides={"valid_to": pl.Date})}
        world.cdr(is_home_charging=True, evse_id=evse_id)
        assert severity(world, "R38") == found

    def test_without_any_registered_charger_it_abstains(self, world):
        world.cdr("HOME", is_home_charging=True)
        world.cdr("PUBLIC", started_at=START + 2 * HOUR)
        told = world.abstained()
        assert told["HOME", "R38"] == "no home charger is registered at all"
        assert ("PUBLIC", "R38") not in told
