"""Disputes: one case per held or rejected CDR, told as events.

`event.py` is one event; `transitions.py` says what may follow what; `amounts.py` divides the claim into what is
payable, held and conceded; `state.py` folds events into a state, whatever order they arrived in; `movements.py` finds
the credits and replacements that move cases by themselves; `holds.py` gives the grounds that a case is opened on.
"""

from models.reconciliation.cases.amounts import CaseAmounts
from models.reconciliation.cases.event import CaseEvent
from models.reconciliation.cases.state import CaseState, case_state, refuse_unless_possible
from models.reconciliation.cases.transitions import IllegalEventError
from models.types.vocabularies import CaseStatus, DisputeEventKind

__all__ = [
    "CaseAmounts",
    "CaseEvent",
    "CaseState",
    "CaseStatus",
    "DisputeEventKind",
    "IllegalEventError",
    "case_state",
    "refuse_unless_possible",
]
