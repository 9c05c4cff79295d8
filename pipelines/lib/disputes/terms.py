"""What an agreement says about disputes: how long the CPO has to answer, and when a case lapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import polars as pl

from models.reconciliation.thresholds import DEFAULTS, limits_of

_NO_AGREEMENT_DAYS: Final = 30
"""deadline of a case against a CPO without an agreement: it has to be long enough for somebody to look"""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of all agreements."""

    deadline_days: Mapping[str, int] = field(default_factory=dict[str, int])
    """per CPO: from telling it until it must answer"""
    limit_days: Mapping[str, int] = field(default_factory=dict[str, int])
    """per CPO: from telling it until the case lapses without an answer"""

    @classmethod
    def of(cls, agreements: pl.DataFrame) -> Self:
        """Read them from `master/agreements`."""
        limits = {cpo: each.case_limit_days for cpo, each in limits_of(agreements).by_cpo.items()}
        return cls(dict(agreements.select("cpo_id", "dispute_deadline_days").iter_rows()), limits)

    def days_to_answer(self, cpo_id: str) -> int:
        """Give the days that a CPO has to answer."""
        return self.deadline_days.get(cpo_id, _NO_AGREEMENT_DAYS)

    def days_to_lapse(self, cpo_id: str) -> int:
        """Give the days after which a case lapses."""
        return self.limit_days.get(cpo_id, DEFAULTS.case_limit_days)
