"""What a CPO reads of a case that is closed, or that it has answered: nothing that it could take for the contrary."""

import pytest

from models.types.vocabularies import CaseStatus, Severity
from reports.evidence_words import headline, severity_words, status_words
from tests.documents.evidence_samples import sample

CLOSED = [
    ("credited", "credited by you"),
    ("withdrawn", "withdrawn by us"),
    ("written_off", "not pursued any further, and paid"),
    ("paid_under_protest", "paid under protest"),
    ("expired", "no answer in time, the disputed part is not paid"),
]


@pytest.mark.parametrize(("status", "words"), CLOSED)
def test_a_closed_case_holds_nothing_any_more(status, words):
    case = sample(case={"status": status, "is_live": False}).case
    assert (headline(case), status_words(case)) == (f"Closed: {words}", words)
    assert severity_words(Severity.BLOCK, case) == severity_words(Severity.REJECT, case) == "what was disputed"
    assert severity_words(Severity.INFO, case) == "for information"


def test_an_accepted_dispute_waits_for_the_credit():
    case = sample(case={"status": "accepted"}).case
    assert (headline(case), status_words(case)) == ("Held: your credit is awaited", "accepted by you")
    assert severity_words(Severity.BLOCK, case) == "payment is held"


def test_every_state_has_words():
    for status in CaseStatus:
        words = status_words(sample(case={"status": str(status)}).case)
        assert words
        assert "_" not in words
