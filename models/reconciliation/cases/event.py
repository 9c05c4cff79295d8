"""One event of a dispute: what happened, when, by whom, and which amount it is about."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from models.types.vocabularies import DisputeEventKind

RULES: Final = "roamledger"
"""the actor where no person acts: rules, and the CDRs that arrive"""

FROM_DATA: Final = frozenset({DisputeEventKind.CREDITED, DisputeEventKind.REPLACED})
"""kinds that CDRs tell: facts, which are never out of place, and are counted once per CDR"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One thing that happened to a case. Amounts are excl. VAT, rounded to the minor unit."""

    case_id: str
    """the key of the CDR"""
    event_index: int
    """the order in which events were written down, from 0, without gaps"""
    kind: DisputeEventKind
    rule_ids: tuple[str, ...]
    reason: str
    amount_at_stake: Decimal | None
    """the largest amount that a rule puts in question; None where none puts a figure on it"""
    currency: str
    deadline_on: date | None
    actor: str
    happened_at: datetime
    """when it happened, which may be long before it was written down"""
    cpo_id: str
    billing_month: date
    """of the CDR, its first day"""
    amount: Decimal | None = None
    """opened: disputed; accepted: what the CPO gives up; credited: the credit; replaced: the new claim; withdrawn: what
    we no longer dispute, None for all of it"""
    claimed: Decimal | None = None
    """opened: what the CDR claims"""
    related_cdr_key: str | None = None
    """credited and replaced: the CDR that tells it"""
    recorded_at: datetime | None = None
    """when it was written down; None of what was written before this was kept"""

    @property
    def is_by_person(self) -> bool:
        """Whether a person decided it."""
        return self.actor != RULES
