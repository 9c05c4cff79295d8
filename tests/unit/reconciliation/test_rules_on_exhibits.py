"""Planted faults are found, by the rules that are to find them and by no other; true sessions are left alone.

Five fixed seeds draw their own exhibits; all stand in one small world, because none disturbs another.
"""

from dataclasses import replace

import polars as pl
import pytest

from models.reconciliation.rules.catalogue import catalogue
from models.types.time import BillingMonth
from models.types.vocabularies import Severity
from pipelines.sandbox.exhibits.plan import ALL_RULES, build_exhibits, together
from pipelines.sandbox.streams import stream
from pipelines.sandbox.world import build_world
from tests.unit.reconciliation.sandbox_month import fired_rules, lake_of, reconciled, scores_of

OCTOBER = BillingMonth(2026, 10)
SEEDS = {"A": 101, "B": 102, "C": 103, "D": 104, "E": 105}
CHECKED = [rule.rule_id for rule in catalogue() if rule.rule_id in ALL_RULES]


@pytest.fixture(scope="module")
def world():
    parts = [build_exhibits(ALL_RULES, stream(seed, "exhibits"), OCTOBER, series) for series, seed in SEEDS.items()]
    return replace(build_world(100, 320, OCTOBER), exhibits=together(parts))


@pytest.fixture(scope="module")
def tables(world, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return reconciled(lake_of(world, tmp_path_factory.mktemp("exhibits"), patch))


@pytest.fixture(scope="module")
def fired(tables):
    return fired_rules(tables)


@pytest.fixture(scope="module")
def scores(world, fired):
    return scores_of(world.exhibits, fired)


@pytest.mark.parametrize("rule", CHECKED)
def test_recall_and_precision_of(rule, scores, record_property):
    hits, misses, false = (scores[rule, kind] for kind in ("hit", "miss", "false"))
    severities = {each.rule_id: each.severities for each in catalogue()}[rule]
    least = 0.99 if severities[0] in (Severity.REJECT, Severity.BLOCK) else 0.95
    assert hits >= len(SEEDS) * 3
    record_property("recall", hits / (hits + misses))
    record_property("precision", hits / (hits + false))
    assert hits / (hits + misses) >= least
    assert hits / (hits + false) >= least


def test_no_true_session_of_an_exhibit_is_found(world, fired):
    innocent = [truth.cdr_key for truth in world.exhibits.truth if not truth.must_fire | truth.may_fire]
    assert len(innocent) > 100
    assert {key: fired[key] for key in innocent if key in fired} == {}


def test_no_clean_cdr_is_held_or_rejected(world, tables):
    verdicts = dict(tables["verdicts"].select("cdr_key", "verdict").iter_rows())
    assert {truth.cdr_key: verdicts[truth.cdr_key] for truth in world.truth.cdrs} == {
        truth.cdr_key: truth.expected_verdict for truth in world.truth.cdrs
    }


def test_every_record_ends_in_one_outcome(world, tables):
    outcomes = tables["record_outcomes"]
    assert (
        not outcomes.filter(pl.col("record_kind") != "tariff").select("record_kind", "record_key").is_duplicated().any()
    )
    counts = dict(outcomes.group_by("record_kind").len().iter_rows())
    assert counts["cdr"] == tables["verdicts"].height
    assert counts["session"] == len(world.exhibits.sessions) + sum(not each.claim.is_copy for each in world.cdrs)
    assert counts["authorization"] == len(world.authorizations) + len(world.exhibits.authorizations)
    used = tables["matches"]["authorization_id"].drop_nulls()
    assert not used.is_duplicated().any()


def test_what_a_missing_cdr_would_have_cost_is_accrued(world, tables):
    missing = tables["expected_cdrs"].filter(pl.col("record_kind") == "session")
    claimed = {each.cdr.session_id: each.cdr.total_cost.excl_vat for each in world.exhibits.sessions}
    assert missing.height == len(SEEDS) * 3
    for key, estimated in missing.select("record_key", "estimated_excl_vat").iter_rows():
        assert abs(estimated - claimed[key.removeprefix("DE*LDW*")]) < 0.01


def test_a_wrong_time_of_day_and_a_step_per_period_are_proven(world, tables):
    causes = dict(tables["findings"].filter(pl.col("rule_id") == "R21").select("cdr_key", "causes").iter_rows())
    for rule, cause in (("R26", "utc_for_local"), ("R28", "step_per_period")):
        keys = [truth.cdr_key for truth in world.exhibits.truth if rule in truth.must_fire]
        assert all(cause in causes[key] for key in keys)
