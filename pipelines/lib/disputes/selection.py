"""Which cases a list or an export shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from models.reconciliation.cases import CaseState, CaseStatus
from models.types.time import BillingMonth
from pipelines.lib.errors import UserError
from pipelines.lib.settings import load_settings


@dataclass(frozen=True, slots=True)
class Selection:
    """What a case must be to be shown; an empty field asks for nothing."""

    states: tuple[CaseStatus, ...] = ()
    cpo_id: str = ""
    rule_id: str = ""
    month: BillingMonth | None = None
    is_live: bool = False
    is_overdue: bool = False
    """the CPO should have answered before `today`"""
    today: date = date.max

    def keeps(self, state: CaseState) -> bool:
        """Tell whether a case is shown."""
        return (
            (not self.states or state.status in self.states)
            and (not self.cpo_id or state.cpo_id == self.cpo_id)
            and (not self.rule_id or self.rule_id in state.rule_ids)
            and (self.month is None or state.billing_month == self.month.first_day)
            and (not self.is_live or state.is_live)
            and (not self.is_overdue or state.is_overdue(self.today))
        )

    def of(self, states: Iterable[CaseState]) -> list[CaseState]:
        """Give the cases that are shown: those in dispute first, then by id."""
        return sorted(filter(self.keeps, states), key=lambda state: (not state.is_live, state.case_id))


def selection(states: Iterable[str], cpo: str, rule: str, month: str, *, is_live: bool, is_overdue: bool) -> Selection:
    """Read a selection as a person types it.

    Raises:
        UserError: for a state or a month that is none.
    """
    words = {str(status): status for status in CaseStatus}
    wanted = [text.strip().lower().replace(" ", "_") for text in states]
    unknown = [text for text in wanted if text not in words]
    if unknown:
        msg = f"--state {unknown[0]} is none of {', '.join(words)}"
        raise UserError(msg)
    return Selection(
        states=tuple(words[text] for text in wanted),
        cpo_id=cpo.upper().replace("-", "*"),
        rule_id=rule.upper(),
        month=_month(month),
        is_live=is_live,
        is_overdue=is_overdue,
        today=load_settings().clock().date(),
    )


def _month(text: str) -> BillingMonth | None:
    try:
        return BillingMonth.parse(text) if text else None
    except ValueError as error:
        raise UserError(str(error)) from None
