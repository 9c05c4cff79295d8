"""Each rule finds its fault, and leaves alone the true session that looks most like it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

START = datetime(2026, 10, 10, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def test_a_clean_cdr_breaks_no_rule(world):
    world.cdr()
    assert world.found() == {}
    assert world.verdicts()["verdict"].to_list() == ["accept"]


def test_free_home_charging_passes(world):
    world.cdr(is_home_charging=True, total_cost_excl_vat=Decimal(0))
    assert world.found() == {}


class TestDuplicates:
    def test_session_twice_holds_the_one_written_later(self, world):
        world.cdr("B", session_id="S1", last_updated_at=START + 2 * HOUR)
        world.cdr("A", session_id="s1", started_at=START + 3 * HOUR, last_updated_at=START + 5 * HOUR)
        assert world.found() == {("A", "R02"): "block"}

    def test_the_original_may_lie_in_the_month_before(self, world):
        world.cdr("B", session_id="S1", started_at=START - 48 * HOUR, neighbour=True)
        world.cdr("A", session_id="S1")
        assert world.found() == {("A", "R02"): "block"}

    def test_a_replacement_after_a_credit_is_clean(self, world):
        world.cdr("C1", session_id="S1", authorized=False)
        credit = {"is_credit": True, "credit_reference_id": "c1", "total_cost_excl_vat": Decimal("-3.00")}
        world.cdr("C1-C", session_id="S1", authorized=False, last_updated_at=START + 3 * HOUR, **credit)
        world.cdr("C2", session_id="S1", last_updated_at=START + 4 * HOUR)
        assert world.found() == {}

    def test_the_same_session_id_at_another_cpo_is_clean(self, world):
        world.cdr("A", session_id="S1", started_at=START - 5 * HOUR)
        row = world.cdr("B", session_id="S1")
        row |= {"cpo_id": "NL*VLT", "cdr_key": "NL*VLT*B"}
        assert ("B", "R02") not in world.found()

    @pytest.mark.parametrize("shift", [-60, -20, 0, 60])
    def test_duplicate_under_a_new_id_holds_the_copy_only(self, world, shift):
        world.cdr("ORIGINAL")
        copy = {"started_at": START + shift * SECOND, "last_updated_at": START + 4 * HOUR}
        world.cdr("COPY", authorization_reference="R-ORIGINAL", authorized=False, **copy)
        found = world.found()
        assert found[("COPY", "R03")] == "block"
        assert {name for name, _ in found} == {"COPY"}

    @pytest.mark.parametrize(
        "other",
        [{"token_uid": "T2"}, {"evse_uid": "E2"}, {"location_id": "L2"}],
        ids=["another token", "another EVSE", "another place"],
    )
    def test_other_partners_at_the_same_second_are_no_duplicate(self, world, other):
        world.token("T2")
        world.connector("L1", evse="E2")
        world.cdr("A")
        world.cdr("B", last_updated_at=START + 4 * HOUR, **other)
        assert ("B", "R03") not in world.found()

    def test_a_charge_that_failed_and_was_started_again_is_clean(self, world):
        free = {"total_cost_excl_vat": Decimal(0), "total_hours": Decimal("0.0056")}
        world.cdr("A", started_at=START, ended_at=START + 20 * SECOND, total_energy_kwh=Decimal("0.05"), **free)
        world.cdr("B", started_at=START + 50 * SECOND)
        assert world.found() == {}


class TestPlausibility:
    @pytest.mark.parametrize("minutes", [0, -5])
    def test_ends_before_start(self, world, minutes):
        world.cdr(minutes=minutes, total_hours=Decimal(1))
        assert world.found() == {("C1", "R04"): "block"}

    def test_a_night_through_the_end_of_summer_time_is_clean(self, world):
        world.cdr(started_at=datetime(2026, 10, 24, 23, 30, tzinfo=UTC), minutes=120)
        assert world.found() == {}

    def test_in_the_future_is_held_against_the_receipt(self, world):
        world.cdr("LATER", received_at=START + HOUR - 5 * MINUTE - SECOND)
        world.cdr("EDGE", started_at=START + 2 * HOUR, received_at=START + 3 * HOUR - 5 * MINUTE)
        assert world.found() == {("LATER", "R05"): "block"}

    def test_negative_values(self, world):
        world.cdr("A", total_cost_excl_vat=Decimal(-3), price=Decimal(-3))
        world.cdr("B", started_at=START + 2 * HOUR, total_hours=Decimal(-1))
        assert world.found() == {("A", "R09"): "block", ("B", "R09"): "block", ("B", "R12"): "review"}

    def test_a_credit_may_be_negative(self, world):
        credit = {"is_credit": True, "credit_reference_id": "x", "total_cost_excl_vat": Decimal(-3)}
        world.cdr("X", authorized=False)
        world.cdr(authorized=False, price=Decimal(-3), **credit)
        assert world.found() == {}
        assert world.verdicts()["difference_excl_vat"].to_list() == [Decimal("0.00"), Decimal("0.00")]

    @pytest.mark.parametrize(
        ("energy", "severity"),
        [("22", None), ("22.001", "review"), ("23.1", "review"), ("23.101", "block")],
        ids=["at the limit", "above it", "at 105 %", "above 105 %"],
    )
    def test_energy_above_power(self, world, energy, severity):
        world.cdr(total_energy_kwh=Decimal(energy))
        assert world.found() == ({} if severity is None else {("C1", "R10"): severity})

    def test_energy_is_not_judged_where_the_power_is_unknown(self, world):
        world.connectors[0]["max_power_kw"] = None
        world.cdr(total_energy_kwh=Decimal(200))
        assert world.found() == {}
        assert world.abstained()["C1", "R10"] == "the power of the connector is not known"

    @pytest.mark.parametrize(("summed", "found"), [("5.01", False), ("5.011", True), ("4.98", True)])
    def test_periods_do_not_add_up(self, world, summed, found):
        world.cdr()
        world.periods[0]["energy_kwh"] = Decimal(summed)
        assert world.found() == ({("C1", "R11"): "review"} if found else {})


class TestOverlaps:
    def test_one_token_in_two_places_holds_the_later_start(self, world):
        world.cdr("A", minutes=120)
        world.cdr("B", started_at=START + HOUR, location_id="L2")
        assert world.found() == {("B", "R15"): "block"}

    def test_within_a_kilometre_it_is_a_review(self, world):
        world.connector("L1", evse="E2", latitude=Decimal("52.52"), longitude=Decimal("13.41"))
        world.connectors[0] |= {"latitude": Decimal("52.52"), "longitude": Decimal("13.40")}
        world.cdr("A", minutes=120)
        world.cdr("B", started_at=START + HOUR, evse_uid="E2")
        assert world.found() == {("B", "R15"): "review"}

    def test_without_coordinates_it_is_a_review(self, world):
        world.connectors[1]["latitude"] = None
        world.cdr("A", minutes=120)
        world.cdr("B", started_at=START + HOUR, location_id="L2")
        assert world.found() == {("B", "R15"): "review"}

    @pytest.mark.parametrize(("after", "found"), [(3600, False), (3540, False), (3539, True)])
    def test_up_to_a_minute_is_clean(self, world, after, found):
        world.cdr("A")
        world.cdr("B", started_at=START + after * SECOND, location_id="L2")
        assert (("B", "R15") in world.found()) is found

    def test_a_true_session_after_a_false_one_is_clean(self, world):
        world.cdr("TRUE", minutes=60)
        world.cdr("FALSE", started_at=START + 30 * MINUTE, minutes=120, location_id="L2")
        world.cdr("TRUE2", started_at=START + 2 * HOUR)
        assert world.found() == {("FALSE", "R15"): "block"}

    def test_the_month_before_is_a_witness(self, world):
        world.cdr("A", minutes=120, neighbour=True)
        world.cdr("B", started_at=START + HOUR, location_id="L2")
        assert world.found() == {("B", "R15"): "block"}

    def test_two_tokens_at_one_evse_are_a_review(self, world):
        world.token("T2")
        world.cdr("A", minutes=120)
        world.cdr("B", started_at=START + HOUR, token_uid="T2")
        assert world.found() == {("B", "R14"): "review"}


class TestAuthorization:
    def test_no_authorization(self, world):
        world.cdr(authorized=False)
        assert world.found() == {("C1", "R18"): "block"}

    @pytest.mark.parametrize(
        ("whitelist", "found"), [("ALWAYS", False), ("ALLOWED", False), ("ALLOWED_OFFLINE", False), ("NEVER", True)]
    )
    def test_a_whitelisted_session_needs_the_tokens_leave(self, world, whitelist, found):
        world.tokens[0]["whitelist"] = whitelist
        world.cdr(authorized=False, auth_method="WHITELIST", authorization_reference=None)
        assert world.found() == ({("C1", "R18"): "block"} if found else {})

    def test_a_refused_authorization_is_none(self, world):
        world.cdr()
        world.authorizations[0]["result"] = "BLOCKED"
        assert world.found() == {("C1", "R18"): "block"}

    def test_unknown_token(self, world):
        world.cdr(token_uid="X9")
        assert world.found() == {("C1", "R19"): "block"}

    @pytest.mark.parametrize(("changed", "found"), [(-SECOND, True), (timedelta(), True), (SECOND, False)])
    def test_a_token_blocked_after_the_start_was_good(self, world, changed, found):
        world.tokens[0] |= {"is_valid": False, "last_updated_at": START + changed}
        world.cdr()
        assert world.found() == ({("C1", "R19"): "block"} if found else {})

    def test_token_ids_compare_without_case(self, world):
        world.cdr(token_uid="t1")
        assert world.found() == {}


class TestPrice:
    @pytest.mark.parametrize(
        ("claimed", "found"),
        [("3.00", False), ("3.01", False), ("3.0149", False), ("3.015", True), ("2.99", False), ("2.98", True)],
    )
    def test_price_difference_beyond_a_cent(self, world, claimed, found):
        world.cdr(total_cost_excl_vat=Decimal(claimed), price=Decimal(3))
        assert world.found() == ({("C1", "R21"): "block"} if found else {})

    @pytest.mark.parametrize(("claimed", "found"), [("100.50", False), ("100.51", True)])
    def test_a_share_is_tolerated_where_the_agreement_says_so(self, world, claimed, found):
        world.agreement(tolerance_pct=Decimal("0.5"))
        world.cdr(total_cost_excl_vat=Decimal(claimed), price=Decimal(100))
        assert world.found().get(("C1", "R21")) == ("block" if found else None)

    def test_the_difference_is_at_stake_and_stands_in_the_sentence(self, world):
        world.cdr(total_cost_excl_vat=Decimal("7.5"), price=Decimal("6.249999"))
        row = world.findings().row(0, named=True)
        assert row["amount_at_stake"] == Decimal("1.25")
        assert row["message"] == "claims 7.50 EUR excl. VAT, recomputed 6.25 EUR: a difference of 1.25 EUR"
        assert (row["expected"], row["found"]) == ("6.25 EUR", "7.50 EUR")

    def test_gross_prices_are_compared_gross(self, world):
        world.cdr(total_cost_excl_vat=Decimal("3.00"), total_cost_incl_vat=Decimal("4.00"))
        world.prices[0] |= {"total_excl_vat": None, "total_incl_vat": Decimal("3.57")}
        assert world.found() == {("C1", "R21"): "block"}

    def test_tariff_other_than_published(self, world):
        world.version("v2", price="0.79", source="cdr")
        world.cdr(tariff_version_ids=["v2"], price=Decimal("2.50"))
        assert world.found() == {("C1", "R21"): "block", ("C1", "R22"): "block"}

    def test_the_same_prices_under_another_validity_are_clean(self, world):
        world.version("v2", valid_from=datetime(2026, 5, 1, tzinfo=UTC), source="cdr")
        world.cdr(tariff_version_ids=["v2"])
        assert world.found() == {}

    def test_the_version_before_a_price_change_is_clean(self, world):
        world.version("v2", price="0.79", last_updated_at=START + MINUTE)
        world.cdr(tariff_version_ids=["v1"])
        assert world.found() == {}

    def test_a_tariff_that_nobody_published_is_a_review(self, world):
        world.versions = []
        world.version("v9", source="cdr")
        world.cdr(tariff_version_ids=["v9"])
        assert world.found() == {("C1", "R22"): "review"}

    @pytest.mark.parametrize(("listed_at", "found"), [(START, True), (START + SECOND, False)])
    def test_a_tariff_that_the_connector_does_not_offer(self, world, listed_at, found):
        world.connectors[0] |= {"tariff_ids": ["T-DC"], "last_updated_at": listed_at}
        world.cdr()
        assert world.found() == ({("C1", "R22"): "block"} if found else {})

    def test_tariff_ids_compare_without_case(self, world):
        world.connectors[0]["tariff_ids"] = ["t-ac"]
        world.cdr()
        assert world.found() == {}

    def test_a_claim_that_cannot_be_priced_is_held(self, world):
        world.cdr()
        world.prices[0] |= {"outcome": "not_priced", "reason": "no tariff", "total_excl_vat": None}
        assert world.found() == {("C1", "R23"): "block"}
        assert world.findings()["message"].to_list() == ["cannot be priced: no tariff"]

    def test_no_agreement(self, world):
        world.agreement(valid_from=datetime(2026, 10, 11).date())  # noqa: DTZ001 - a calendar day
        world.cdr()
        assert world.found() == {("C1", "R23"): "block"}

    def test_another_currency(self, world):
        world.cdr(currency="DKK")
        assert world.found() == {("C1", "R24"): "block"}
