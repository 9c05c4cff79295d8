"""Rating and reconciliation in Dagster: a month of claims materialised to verdicts and disputes, on a real home."""

from datetime import timedelta
from decimal import Decimal

import dagster as dg
import pytest

from models.schemas.registry import Layer
from models.types.vocabularies import DisputeEventKind
from pipelines.defs.rating import assets as rating
from pipelines.defs.reconciliation import assets as reconciliation
from pipelines.defs.resources import Home
from pipelines.lib.disputes.decisions import Decision, rule_on
from pipelines.lib.disputes.recording import Moment
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import append_events, case_states, events_by_case
from pipelines.lib.settings import load_settings
from tests.assets.reconciliation.claims_home import OCTOBER, claims_home, write_month
from tests.unit.reconciliation.roaming_world import START, rows_of

NOTHING_MOVED = dict.fromkeys(("opened", "withdrawn", "credited", "replaced", "expired"), 0)
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


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give the home of three claims, and its world."""
    return claims_home(tmp_path, monkeypatch)


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
    assert metadata_of(result, "matched", "findings") == {
        "rows": 2,
        "R18": 1,
        "R21": 1,
        "at_stake_eur": "4.25",
        "default_thresholds": "DE*LDW",
    }
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
