"""Ids that a CPO did not send are taken out of texts, whole ones only."""

import pytest

from models.reconciliation.packs.discretion import Discretion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("still charges at CDR DK*STR*C9 until 12:00", "still charges at CDR (withheld) until 12:00"),
        ("DK*STR*C9", "(withheld)"),
        ("dk*str*c9, again DK*STR*C9", "(withheld), again (withheld)"),
        (
            "DK*STR*C99 and XDK*STR*C9 and DK*STR*C9-2 are others",
            "DK*STR*C99 and XDK*STR*C9 and DK*STR*C9-2 are others",
        ),
        ("on DE-NST-C1(1)", "on (withheld)"),
    ],
)
def test_whole_ids_are_withheld(text, expected):
    assert Discretion(["DK*STR*C9", "DE-NST-C1(1)"]).text(text) == expected


def test_without_ids_nothing_changes():
    discretion = Discretion([None, ""])
    assert discretion.text("CDR DK*STR*C9") == "CDR DK*STR*C9"
    assert discretion.optional(None) is None
