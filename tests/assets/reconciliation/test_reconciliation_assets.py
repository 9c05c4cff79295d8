"""Rating and reconciliation in Dagster: a month of claims materialised to verdicts and disputes, on a real home."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest

from models.ocpi.exact_json import decode_json
from models.ocpi.frames import tariff_frames
from models.ocpi.reading import parse_tariff
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import DisputeEventKind, TariffSource
from pipelines.defs.rating import assets as rating
from pipelines.defs.reconciliation import assets as reconciliation
from pipelines.defs.resources import Home
from pipelines.lib.disputes.decisions import Decision, rule_on
from pipelines.lib.disputes.recording import Moment
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import append_events, case_states, events_by_case
from pipelines.lib.settings import load_settings
from tests.unit.reconciliation.roaming_world import COMPANY, START, World, rows_of

NOTHING_MOVED = dict.fromkeys(("opened", "withdrawn", "credited", "replaced", "expired"), 0)
OCTOBER = BillingMonth(2026, 10)
ASSETS = [
    rating.wholesale,
    reconciliation.matches,
    reconciliation.record_outcomes,
    reconciliation.expected,
    reconciliation.findings,
    reconciliation.verdicts,
    reconciliation.disputes,
    *rating.checks,
    *reconciliation.matched_checks,
    *reconciliation.ledger_checks,
]
TARIFF = """{"country_code": "DE", "party_id": "LDW", "id": "T-AC", "currency": "EUR", "elements": [
  {"price_components": [{"type": "ENERGY", "price": 0.60, "vat": 19, "step_size": 1}]}],
  "last_updated": "2026-01-01T00:00:00Z"}"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a home with 5 kWh at 0.60 EUR three times: claimed right, claimed too high, and never authorized."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", "2026-11-04T23:30:00Z")
    versions, components = tariff_frames(
        [(parse_tariff(decode_json(TARIFF), "2.2.1"), TariffSource.PUBLISHED, datetime(2026, 11, 1, tzinfo=UTC))]
    )
    world = World()
    carried = {"tariff_version_ids": versions["tariff_version_id"].to_list()}
    world.cdr("RIGHT", **carried)
    world.cdr("HIGH", started_at=START + timedelta(days=1), total_cost_excl_vat=Decimal("4.25"), **carried)
    world.cdr("ALONE", started_at=START + timedelta(days=2), authorized=False, **carried)
    lake = Lake(load_settings().lake)
    lake.write(Layer.TYPED, "tariff_versions", versions)
    lake.write(Layer.TYPED, "tariff_components", components)
    lake.write(Layer.MASTER, "legal_entities", rows_of(Layer.MASTER, "legal_entities", [COMPANY]))
    lake.write(Layer.MASTER, "agreements", rows_of(Layer.MASTER, "agreements", world.agreements))
    for name in ("connectors", "tokens"):
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, getattr(world, name)))
    write_month(lake, world)
    return lake, world


def write_month(lake, world):
    by_month = {"cdrs": world.cdrs, "charging_periods": world.periods, "authorizations": world.authorizations}
    for name, rows in by_month.items():
        lake.write(Layer.TYPED, name, rows_of(Layer.TYPED, name, rows), OCTOBER)


def materialise():
    return dg.materialize(ASSETS, resources={"home": Home()}, partition_key="2026-10")


def verdicts_of(lake):
    verdicts = lake.read(Layer.MATCHED, "verdicts", OCTOBER)
    return {key: (verdict, rules) for key, verdict, rules in verdicts.select("cdr_key", "verdict", "rule_ids").rows()}


def metadata_of(result, layer, name):
    (event,) = (e for e in result.get_asset_materialization_events() if e.asset_key.path == [layer, name])
    return {key: value.value for key, value in event.step_materialization_data.materialization.metadata.items()}


def test_a_month_is_priced_judged_and_disputed_and_doing_it_again_changes_nothing(home):
    lake, _ = home
    result = materialise()
    assert result.success
    assert verdicts_of(lake) == {
        "DE*LDW*ALONE": ("hold", ["R18"]),
        "DE*LDW*HIGH": ("hold", ["R21"]),
        "DE*LDW*RIGHT": ("accept", []),
    }
    priced = lake.read(Layer.PRICED, "wholesale_cdrs", OCTOBER)
    assert priced["total_excl_vat"].to_list() == [Decimal(3)] * 3
    assert metadata_of(result, "priced", "wholesale_cdrs")["priced"] == 3
    assert metadata_of(result, "matched", "findings") == {"rows": 2, "R18": 1, "R21": 1, "at_stake_eur": "4.25"}
    assert metadata_of(result, "matched", "verdicts") == {"rows": 3, "accept": 1, "hold": 2, "held_eur": "7.25"}
    events = lake.read(Layer.LEDGER, "dispute_events")
    rows = events.select("case_id", "kind", "amount_at_stake").rows()
    assert rows == [("DE*LDW*ALONE", "opened", Decimal("3.00")), ("DE*LDW*HIGH", "opened", Decimal("1.25"))]
    # It is already the 5th in Berlin, from where 60 days count.
    assert [str(day) for day in events["deadline_on"]] == ["2027-01-04", "2027-01-04"]
    assert all(check.passed for check in result.get_asset_check_evaluations())

    again = materialise()
    assert metadata_of(again, "ledger", "dispute_events") == {"rows": 2, **NOTHING_MOVED}
    assert lake.read(Layer.LEDGER, "dispute_events").equals(events)


def test_an_authorization_that_arrives_late_withdraws_the_case(home):
    lake, world = home
    assert materialise().success
    late = world.cdrs[2]["started_at"] - timedelta(minutes=2)
    world.authorization("LATE", authorization_reference="R-ALONE", authorized_at=late)
    write_month(lake, world)
    assert metadata_of(materialise(), "ledger", "dispute_events") == {"rows": 3, **NOTHING_MOVED, "withdrawn": 1}
    with Register(load_settings().register).transaction() as tx:
        assert {case: state.is_live for case, state in case_states(tx).items()} == {
            "DE*LDW*ALONE": False,
            "DE*LDW*HIGH": True,
        }


def test_what_a_person_withdrew_is_accepted_the_next_time(home):
    lake, _ = home
    assert materialise().success
    now = load_settings().clock()
    said = Decision("DE*LDW*HIGH", DisputeEventKind.WITHDRAWN, "ada", "they proved it")
    register = Register(load_settings().register)
    with register.transaction() as tx:
        append_events(tx, rule_on([said], events_by_case(tx), Terms(), Moment(now, now.date())).events)
    again = materialise()
    assert metadata_of(again, "ledger", "dispute_events") == {"rows": 3, **NOTHING_MOVED}
    assert verdicts_of(lake)["DE*LDW*HIGH"] == ("accept", ["R21"])
    states = lake.read(Layer.LEDGER, "disputes").select("case_id", "state", "payable_excl_vat").rows()
    assert states == [("DE*LDW*ALONE", "open", Decimal("0.00")), ("DE*LDW*HIGH", "withdrawn", Decimal("4.25"))]


def test_a_session_that_nobody_claims_is_accrued_and_chased(home):
    lake, world = home
    world.session("LOST", started_at=START + timedelta(days=3), ended_at=START + timedelta(days=3, hours=1))
    world.cdr("LAST", started_at=START + timedelta(days=15), tariff_version_ids=world.cdrs[0]["tariff_version_ids"])
    write_month(lake, world)
    lake.write(Layer.TYPED, "sessions", rows_of(Layer.TYPED, "sessions", world.sessions), OCTOBER)
    result = materialise()
    missing = lake.read(Layer.MATCHED, "expected_cdrs", OCTOBER)
    assert missing.select("record_key", "estimated_excl_vat").rows() == [("DE*LDW*LOST", Decimal("3.00"))]
    assert metadata_of(result, "matched", "expected_cdrs") == {"rows": 1, "session": 1, "accrued_eur": "3.00"}
    assert metadata_of(result, "matched", "record_outcomes")["session_missing_partner"] == 1
