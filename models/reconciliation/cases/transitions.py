"""What may follow what in a dispute: one table, and everything that it does not list is refused.

Credits and replacements are facts of arriving CDRs and have no place in it: they may come at any time
(`models/reconciliation/cases/state.py`).
"""

from typing import Final

from models.types.vocabularies import CaseStatus, DisputeEventKind

_EVENT = DisputeEventKind
_STATUS = CaseStatus

FIRST_LEVEL: Final = 1
"""of escalation: the CPO's operations desk, from the first message on"""
LAST_LEVEL: Final = 3
"""finance and legal; the second are the account managers"""

LIVE: Final = frozenset(
    {_STATUS.OPEN, _STATUS.SENT, _STATUS.ACKNOWLEDGED, _STATUS.ACCEPTED, _STATUS.REFUSED, _STATUS.ESCALATED}
)
"""in dispute: the disputed part is neither paid nor billed"""

PAID: Final = frozenset({_STATUS.WRITTEN_OFF, _STATUS.PAID_UNDER_PROTEST, _STATUS.WITHDRAWN})
"""ended for the CPO: what no credit took back is payable"""

PRICE_RULES: Final = ("R21", "R22", "R26", "R28", "R29")
"""rules that doubt the price and not the session: once the price is settled, the session is billed"""

_ENDINGS: Final = {
    _EVENT.WRITTEN_OFF: _STATUS.WRITTEN_OFF,
    _EVENT.PAID_UNDER_PROTEST: _STATUS.PAID_UNDER_PROTEST,
    _EVENT.WITHDRAWN: _STATUS.WITHDRAWN,
}
"""what we may do with any live case"""
_ANSWERS: Final = {_EVENT.ACCEPTED: _STATUS.ACCEPTED, _EVENT.REFUSED: _STATUS.REFUSED}
_ESCALATION: Final = {_EVENT.ESCALATED: _STATUS.ESCALATED}
_EXPIRY: Final = {_EVENT.EXPIRED: _STATUS.EXPIRED}

_FOLLOWS: Final[dict[CaseStatus | None, dict[DisputeEventKind, CaseStatus]]] = {
    None: {_EVENT.OPENED: _STATUS.OPEN},
    # Opened again on other grounds: nobody was told of the first ones yet.
    _STATUS.OPEN: {_EVENT.OPENED: _STATUS.OPEN, _EVENT.SENT: _STATUS.SENT, **_ENDINGS},
    _STATUS.SENT: {
        _EVENT.ACKNOWLEDGED: _STATUS.ACKNOWLEDGED,
        **(_ANSWERS | _ESCALATION | _EXPIRY | _ENDINGS),
    },
    _STATUS.ACKNOWLEDGED: _ANSWERS | _ESCALATION | _EXPIRY | _ENDINGS,
    # A promise that is not kept goes up, or is taken back.
    _STATUS.ACCEPTED: {_EVENT.REFUSED: _STATUS.REFUSED, **(_ESCALATION | _EXPIRY | _ENDINGS)},
    # It was answered, so it cannot lapse for want of an answer.
    _STATUS.REFUSED: {_EVENT.ACCEPTED: _STATUS.ACCEPTED, **(_ESCALATION | _ENDINGS)},
    _STATUS.ESCALATED: _ANSWERS | _ESCALATION | _EXPIRY | _ENDINGS,
    _STATUS.WITHDRAWN: {_EVENT.OPENED: _STATUS.OPEN},
}


class IllegalEventError(ValueError):
    """An event that cannot follow the events before it; its text says where the case stands and what may follow."""


def status_after(before: CaseStatus | None, kind: DisputeEventKind) -> CaseStatus:
    """Give the status that an event leads to.

    Raises:
        IllegalEventError: where it cannot follow; the text names what can.
    """
    possible = _FOLLOWS.get(before, {})
    if kind not in possible:
        names = ", ".join(each for each in possible if each is not _EVENT.OPENED) or "nothing: it is closed"
        msg = f"{kind} cannot follow {before or 'nothing'} (possible: {names})"
        raise IllegalEventError(msg)
    return possible[kind]
