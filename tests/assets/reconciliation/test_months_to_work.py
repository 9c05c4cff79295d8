"""Which months are worked through again: those with news since their close, decisions of people among them."""

from datetime import UTC, datetime, timedelta

import pytest

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.lake import Lake
from pipelines.lib.month_runs import stale_months
from pipelines.lib.register import Register
from pipelines.lib.register.closes import FinishedClose, finish_close, start_close
from pipelines.lib.register.disputes import append_events, case_events
from tests.unit.disputes.histories import CASE, event
from tests.unit.reconciliation.roaming_world import START, World, rows_of

OCTOBER = BillingMonth(2026, 10)
AS_OF = datetime(2026, 11, 5, tzinfo=UTC)


@pytest.fixture
def home(tmp_path):
    """Give a lake and a register in which October is closed, with one case that was opened before."""
    lake, register = Lake(str(tmp_path / "lake")), Register(f"sqlite:///{tmp_path}/register.sqlite")
    world = World()
    world.cdr("C1", started_at=START)
    lake.write(Layer.TYPED, "cdrs", rows_of(Layer.TYPED, "cdrs", world.cdrs), OCTOBER)
    facts = {name: world.cdrs[0][name] for name in ("cdr_key", "cpo_id", "currency", "billing_month")}
    lake.write(Layer.MATCHED, "verdicts", rows_of(Layer.MATCHED, "verdicts", [facts | {"verdict": "accept"}]), OCTOBER)
    with register.transaction() as tx:
        start_close(tx, OCTOBER.first_day, AS_OF)
        finish_close(tx, FinishedClose(OCTOBER.first_day, AS_OF, "a" * 64, "b" * 64, 1, AS_OF))
    say(register, "opened", happened_at=AS_OF - timedelta(days=1))
    return lake, register


def say(register, kind, **facts):
    with register.transaction() as tx:
        append_events(tx, [event(len(case_events(tx, CASE)), kind, **facts)])


def test_a_closed_month_without_news_is_left_alone(home):
    assert stale_months(*home) == []


def test_a_cdr_pushed_before_the_close_and_read_after_it_is_news(home):
    """It is older than the close, and was in nothing that the close looked at: nobody else would ever bill it."""
    lake, _ = home
    world = World()
    world.cdr("C1", started_at=START)
    world.cdr("C2", started_at=START)
    assert all(each["received_at"] < AS_OF for each in world.cdrs)
    lake.write(Layer.TYPED, "cdrs", rows_of(Layer.TYPED, "cdrs", world.cdrs), OCTOBER)
    assert stale_months(*home) == [OCTOBER]


def test_a_claim_that_a_person_accepted_since_the_close_is_news(home):
    _, register = home
    say(register, "sent", happened_at=AS_OF + timedelta(days=1))
    assert stale_months(*home) == []
    say(register, "withdrawn", happened_at=AS_OF + timedelta(days=2))
    assert stale_months(*home) == [OCTOBER]
    assert stale_months(*home, upto=BillingMonth(2026, 9)) == []
