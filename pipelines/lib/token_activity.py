"""What token risk of a month reads: the month, months of history, the company's calendar, and what people decided."""

from __future__ import annotations

from typing import Final

from models.reconciliation.token_risk.activity import Activity
from models.reconciliation.token_risk.thresholds import RiskThresholdError, RiskThresholds, read_risk_thresholds
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.company import company_zone
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.token_decisions import blocked_spans
from pipelines.lib.settings import Settings

_MONTHS_OF_HISTORY: Final = 3
"""what is usual for a token is what it did in these months; older habits may be another car's"""


def read_activity(settings: Settings, lake: Lake, register: Register, month: BillingMonth) -> Activity:
    """Read what the signals look at in a month.

    Raises:
        UserError: when the setting `token_risk` names what is no threshold.
    """
    around = (month.previous, month)
    with register.reading() as tx:
        blocks = blocked_spans(tx)
    return Activity(
        month=month.first_day,
        cdrs=lake.read_months(Layer.TYPED, "cdrs", _with_history(month)),
        sessions_open=lake.read_months(Layer.TYPED, "sessions", around),
        authorized=lake.read_months(Layer.TYPED, "authorizations", around),
        connectors=lake.read(Layer.TYPED, "connectors"),
        tokens=lake.read(Layer.TYPED, "tokens"),
        contracts=lake.read(Layer.MASTER, "contracts"),
        blocks=blocks,
        limits=risk_thresholds(settings),
        zone=company_zone(lake),
    )


def risk_thresholds(settings: Settings) -> RiskThresholds:
    """Give the thresholds of the settings; a wrong one is a `UserError` that names it."""
    try:
        return read_risk_thresholds(settings.token_risk)
    except RiskThresholdError as error:
        msg = f"setting token_risk: {error}"
        raise UserError(msg) from None


def _with_history(month: BillingMonth) -> list[BillingMonth]:
    months = [month]
    for _ in range(_MONTHS_OF_HISTORY):
        months.append(months[-1].previous)
    return months
