"""What a run fails with becomes one line where a user can mend it, and never keeps the command from ending."""

import pytest

from pipelines.lib.errors import UserError
from pipelines.lib.runs import _raise_for_user, _Watch


def test_errors_that_are_each_others_cause_end_the_search():
    first, second = ValueError("year 0 is out of range"), RuntimeError("the step failed")
    first.__context__, second.__cause__ = second, first
    _raise_for_user(second, _Watch(1, lambda _: None))


def test_what_a_user_can_mend_is_found_below_what_the_orchestrator_says():
    outer = RuntimeError("the step failed")
    outer.__cause__ = UserError("legal_entities.csv: keep one line")
    with pytest.raises(UserError, match="keep one line"):
        _raise_for_user(outer, _Watch(1, lambda _: None))
