"""The catalogue is whole, its page is current, and thresholds are read as agreements write them."""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from models.reconciliation.rules.catalogue import catalogue
from models.reconciliation.rules.page import catalogue_page
from models.reconciliation.rules.rule import Subject
from models.reconciliation.thresholds import DEFAULTS, ThresholdError, bounds, read_thresholds
from models.types.vocabularies import Severity
from pipelines.sandbox.exhibits.plan import CountError, read_counts

PAGE = Path(__file__).parents[3] / "docs" / "reconciliation-rules.md"


def test_all_thirty_eight_rules_are_there_in_order():
    assert [rule.rule_id for rule in catalogue()] == [f"R{number:02d}" for number in range(1, 39)]
    assert len({rule.name for rule in catalogue()}) == 38


def test_every_rule_says_what_it_finds_and_how_grave_it_is():
    for rule in catalogue():
        assert rule.description.endswith("."), rule.rule_id
        assert list(rule.severities) == sorted(rule.severities, key=list(Severity).index), rule.rule_id
        assert rule.subject in Subject


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == catalogue_page(), "run: roamledger rules > docs/reconciliation-rules.md"


def test_every_threshold_is_said_with_the_rules_that_use_it():
    known = {rule.rule_id for rule in catalogue()}
    assert set(bounds()) == {each.name for each in fields(DEFAULTS)}
    assert all(set(bound.rules.split()) <= known for bound in bounds().values())


def test_an_agreement_names_what_differs():
    read = read_thresholds("late_days=14; least_kwh=0.5")
    assert (read.late_days, read.least_kwh, read.ac_hours) == (14, Decimal("0.5"), DEFAULTS.ac_hours)
    assert read_thresholds("") == DEFAULTS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("late_day=14", "no threshold is called 'late_day': it is one of authorized_before_seconds,"),
        ("late_days=1.5", "late_days must be a whole number of at least 0, found '1.5'"),
        ("late_days=-1", "late_days must be a whole number of at least 0, found '-1'"),
        ("least_kwh=NaN", "least_kwh must be a number of at least 0, found 'NaN'"),
        ("least_kwh=1_5", "least_kwh must be a number of at least 0, found '1_5'"),
        ("late_days=1e-9999999", "late_days must be a whole number of at least 0, found '1e-9999999'"),
        ("least_kwh", "least_kwh must be a number of at least 0, found ''"),
    ],
)
def test_what_is_no_threshold_is_refused_by_name(text, said):
    with pytest.raises(ThresholdError, match=said.replace("(", "\\(")):
        read_thresholds(text)


def test_exhibits_are_asked_for_by_rule():
    assert read_counts("R21=5,combined=2") == {"R21": 5, "combined": 2}
    assert read_counts("") == {}
    with pytest.raises(CountError, match="found 'R99=1'"):
        read_counts("R99=1")
