"""Every planted fault is what its name says, and nothing else is wrong."""

from collections import Counter
from decimal import Decimal

import pytest

from pipelines.sandbox.claims import Fault
from pipelines.sandbox.places import kilometres


def having(world, fault):
    return [(each, row) for each, row in zip(world.cdrs, world.truth.cdrs, strict=True) if row.faults == fault]


def test_the_demo_has_at_least_three_of_each_and_two_and_a_half_per_cent_in_all(world):
    counts = Counter(row.faults for row in world.truth.cdrs if row.faults)
    assert set(counts) == {str(fault) for fault in Fault}
    assert min(counts.values()) >= 3
    assert 0.02 < sum(counts.values()) / len(world.cdrs) < 0.03


def test_a_small_world_has_one_of_each(small_world):
    assert {row.faults for row in small_world.truth.cdrs} == {"", *map(str, Fault)}


def test_faulty_cdrs_are_to_be_held_and_clean_ones_accepted(world):
    assert all((row.expected_verdict == "hold") == bool(row.faults) for row in world.truth.cdrs)


def test_a_wrong_total_is_off_by_more_than_any_tolerance(world):
    for published, row in having(world, "wrong_total"):
        off = abs(published.cdr.total_cost.excl_vat - row.right_wholesale_excl_vat)
        assert off >= Decimal("0.50")
        assert off / row.right_wholesale_excl_vat >= Decimal("0.029")


def test_a_wrong_tariff_has_the_agreed_id_and_dearer_prices(world):
    for published, row in having(world, "wrong_tariff"):
        (carried,) = published.cdr.tariffs
        agreed = published.claim.session.prices.tariff()
        assert carried.tariff_id == agreed.tariff_id
        assert carried.elements != agreed.elements
        assert published.cdr.total_cost.excl_vat > row.right_wholesale_excl_vat + Decimal("0.02")


def test_too_much_energy_exceeds_the_connector_over_the_whole_session(world):
    for published, _ in having(world, "energy_above_power"):
        most = published.claim.session.evse.power_kw * published.cdr.total_hours
        assert published.cdr.total_energy_kwh > Decimal("1.3") * most


def test_a_copy_repeats_another_cdr_under_a_later_id(world):
    for published, _ in having(world, "duplicate_new_id"):
        session = published.claim.session
        (original,) = [c for c in world.cdrs if c.claim.session is session and c is not published]
        assert original.claim.fault is None
        assert original.cdr.cdr_id != published.cdr.cdr_id
        assert original.cdr.last_updated_at < published.cdr.last_updated_at
        assert original.cdr.started_at == published.cdr.started_at


def test_an_unknown_token_was_never_issued_or_authorized(world):
    issued = {token.uid for token in world.people.tokens}
    contracts = {contract.contract_id for contract in world.people.contracts}
    asked = {row.token.uid for row in world.authorizations}
    for published, _ in having(world, "unknown_token"):
        assert published.cdr.token_uid not in issued | asked
        assert published.cdr.contract_id not in contracts


def test_without_authorization_nothing_in_the_log_is_within_half_a_day(world):
    for published, _ in having(world, "no_authorization"):
        cdr = published.cdr
        assert (cdr.auth_method, cdr.authorization_reference) == ("AUTH_REQUEST", None)
        started = published.claim.session.started
        near = [r for r in world.authorizations if r.token.uid == cdr.token_uid and abs(r.at - started) < 11 * 3600]
        assert near == []


def test_a_cloned_card_charges_elsewhere_while_the_real_one_does(world):
    for published, _ in having(world, "overlapping_session"):
        clone = published.claim.session
        (real,) = [
            c.claim.session
            for c in world.cdrs
            if c.claim.session.token.uid == clone.token.uid
            and c.claim.session.started < clone.started < c.claim.session.ended
        ]
        assert kilometres(real.evse.location, clone.evse.location) > 5
        assert clone.started < real.started + real.charge.charging_seconds


def test_every_clean_session_was_authorized_at_its_plug_before_it_began(world):
    log = {row.authorization_id: row for row in world.authorizations}
    by_cdr = {row.cdr_key: log[row.authorization_id] for row in world.truth.authorizations if row.cdr_key}
    for published in world.cdrs:
        if published.claim.fault is None:
            row, session = by_cdr[published.cdr_key], published.claim.session
            assert (row.token, row.evse, row.allowed) == (session.token, session.evse, "ALLOWED")
            assert 0 < session.started - row.at < 120
            assert published.cdr.authorization_reference in {None, row.reference}


def test_some_cards_were_held_to_a_reader_in_vain(world):
    fruitless = [row for row in world.truth.authorizations if not row.cdr_key]
    assert len(fruitless) > 10


@pytest.mark.parametrize("party", ["DE*SWM", "BE*CHB"])
def test_some_cpos_carry_neither_tariffs_nor_references(world, party):
    found = [c.cdr for c in world.cdrs if c.cdr.owner_id == party]
    assert found
    assert all(cdr.tariffs == () and cdr.authorization_reference is None for cdr in found)
