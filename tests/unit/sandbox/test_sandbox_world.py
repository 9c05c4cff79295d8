"""The world is believable, physically possible, and the same on every machine."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from statistics import mean, median

import pytest

from models.types.time import BillingMonth
from pipelines.sandbox.places import SiteKind, kilometres
from pipelines.sandbox.wire import wire_modules
from pipelines.sandbox.world import build_world

DIGEST = """
import hashlib
from models.types.time import BillingMonth
from pipelines.sandbox.wire import wire_modules
from pipelines.sandbox.world import build_world
found = wire_modules(build_world(7, 300, BillingMonth(2026, 10), rubbish=True))
print(hashlib.sha256(b"".join(o.body for key in sorted(found) for o in found[key])).hexdigest())
"""


def second(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_the_same_seed_gives_the_same_bytes_in_another_process(small_world):
    modules = wire_modules(small_world)
    here = hashlib.sha256(b"".join(each.body for key in sorted(modules) for each in modules[key])).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", DIGEST],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert there.stdout.strip() == here


def test_another_seed_gives_another_world_with_the_same_network(small_world):
    other = build_world(8, 300, small_world.month)
    assert [each.cdr for each in other.cdrs] != [each.cdr for each in small_world.cdrs]
    assert [e.tariff_id for e in other.network.evses] == [e.tariff_id for e in small_world.network.evses]


def test_energy_and_time_of_the_periods_are_those_of_the_session(world):
    for published in world.cdrs:
        cdr, claim = published.cdr, published.claim
        assert sum(p.energy_kwh or 0 for p in cdr.periods) == cdr.total_energy_kwh
        assert sum(p.charging_hours or 0 for p in cdr.periods) == cdr.total_hours - cdr.total_parking_hours
        assert sum(p.parking_hours or 0 for p in cdr.periods) == cdr.total_parking_hours
        assert cdr.total_hours * 3600 == (cdr.ended_at - cdr.started_at).total_seconds()
        if claim.fault is None:
            assert cdr.total_energy_kwh * 1000 == claim.session.charge.energy_wh


def test_no_car_takes_more_than_its_connector_gives(world):
    for published in world.cdrs:
        if published.claim.fault is None:
            for period in published.cdr.periods:
                most = published.claim.session.evse.power_kw * (period.charging_hours or 0)
                assert (period.energy_kwh or 0) <= most


def test_no_plug_serves_two_cars(world):
    sessions = sorted({(c.claim.session.evse.uid, c.claim.session.started, c.claim.session.ended) for c in world.cdrs})
    for (plug, _, ended), (next_plug, started, _) in pairwise(sessions):
        assert plug != next_plug or ended < started


def test_an_honest_card_is_never_in_two_places_and_travels_at_a_lawful_speed(world):
    stays = sorted(
        (
            (c.claim.session.token.contract_id, c.claim.session.started, c.claim.session)
            for c in world.cdrs
            if c.claim.fault is None
        ),
        key=lambda row: row[:2],
    )
    for (contract, _, before), (next_contract, _, after) in pairwise(stays):
        if contract == next_contract:
            hours = (after.started - before.ended) / 3600
            assert hours > 0
            assert kilometres(before.evse.location, after.evse.location) / hours < 100


@pytest.mark.parametrize("moment", ["2026-09-30T22:00:00", "2026-10-25T01:00:00", "2026-10-31T23:00:00"])
def test_sessions_run_across_month_ends_and_the_change_of_the_clocks(world, moment):
    at = second(moment)
    assert any(c.claim.session.started < at < c.claim.session.ended for c in world.cdrs if c.claim.fault is None)


def test_the_second_month_has_two_thirds_of_the_sessions(world):
    months = Counter(row.billing_month for row in world.truth.cdrs)
    assert months[date(2026, 10, 1)] >= 2200
    assert 1000 <= months[date(2026, 9, 1)] <= 1400
    assert set(months) <= {date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)}


def test_cdrs_appear_in_time_for_the_close_but_for_a_handful(world):
    first_close, first_of_next = second("2026-10-04T00:00:00"), second("2026-09-30T22:00:00")
    late = [c for c in world.cdrs if c.claim.session.ended < first_of_next and c.claim.published_at >= first_close]
    assert 3 <= len(late) <= 12
    assert all(second("2026-10-07T22:00:00") <= c.claim.published_at < second("2026-10-12T00:00:00") for c in late)
    assert max(c.claim.published_at for c in world.cdrs) < second("2026-11-04T00:00:00")


def test_sessions_are_of_believable_size(world):
    honest = [c.claim.session for c in world.cdrs if c.claim.fault is None]
    fast = [s.charge for s in honest if s.evse.location.kind is SiteKind.FAST]
    office = [s for s in honest if s.evse.location.kind is SiteKind.WORKPLACE]
    assert 25 < mean(charge.energy_wh for charge in fast) / 1000 < 36
    assert 20 < median(charge.charging_seconds for charge in fast) / 60 < 40
    arrivals = Counter((s.started + 7200) // 3600 % 24 for s in office)
    assert sum(arrivals[hour] for hour in range(6, 11)) > 0.7 * len(office)


def test_every_cpo_and_every_country_is_charged_in(world):
    assert {c.cdr.owner_id for c in world.cdrs} == {"DE*LDW", "DE*SWM", "NL*VLT", "DK*STR", "BE*CHB", "FR*RCH"}
    assert {c.cdr.currency for c in world.cdrs} == {"EUR", "DKK"}
    assert 55 <= len(world.network.locations) <= 75


def test_prices_of_one_tariff_change_in_the_first_month(world):
    versions = [version for version in world.network.prices.versions if version.tariff_id == "VLT-AC"]
    assert [version.per_kwh for version in versions] == [Decimal("0.35"), Decimal("0.37")]
    assert versions[0].valid_to == versions[1].valid_from == second("2026-09-15T02:00:00")
    used = {c.claim.session.prices for c in world.cdrs if c.claim.session.prices.tariff_id == "VLT-AC"}
    assert used == set(versions)


@pytest.mark.parametrize(("sessions", "month"), [(50, "2026-10"), (120, "2027-01"), (700, "2026-03")])
def test_small_worlds_and_other_months_can_be_built(sessions, month):
    found = build_world(3, sessions, BillingMonth.parse(month))
    assert len(found.cdrs) >= sessions
