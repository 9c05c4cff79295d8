"""Events of one case, a day apart, as short as a test can say them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from models.reconciliation.cases import CaseEvent, DisputeEventKind

CASE = "DE*LDW*C1"
OPENED = datetime(2026, 11, 5, 6, tzinfo=UTC)
RULES, PERSON = "roamledger", "ada"
BY_ITSELF = {"opened", "credited", "replaced", "expired"}


def event(index, kind, **facts):
    """Make an event: opened disputes 8.00 of 20.00 EUR; people do what only people do."""
    opened = {"amount": Decimal("8.00"), "claimed": Decimal("20.00"), "deadline_on": date(2027, 1, 4)}
    common = {
        "case_id": CASE,
        "event_index": index,
        "kind": DisputeEventKind(kind),
        "rule_ids": ("R21",),
        "reason": f"because {kind}",
        "amount_at_stake": Decimal("8.00"),
        "currency": "EUR",
        "deadline_on": None,
        "actor": RULES if kind in BY_ITSELF else PERSON,
        "happened_at": OPENED + timedelta(days=index),
        "cpo_id": "DE*LDW",
        "billing_month": date(2026, 10, 1),
    }
    return CaseEvent(**(common | (opened if kind == "opened" else {}) | facts))


def history(*kinds):
    """Make a history; a kind may come with facts, as `("accepted", {"amount": Decimal(3)})`."""
    told = [(kind, {}) if isinstance(kind, str) else kind for kind in kinds]
    return [event(index, kind, **facts) for index, (kind, facts) in enumerate(told)]


def credit(amount, key="DE*LDW*C1-C", **facts):
    """Say that a credit CDR came."""
    return ("credited", {"amount": Decimal(amount), "related_cdr_key": key, **facts})
