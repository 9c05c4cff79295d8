"""Which runs bring a home up to date: after a pull, and for a close.

A closed month stays closed, but records that arrive for it later must still be priced, judged and charged, so that the
next close can bill them. Hence a run recomputes the partitions of every month that has records newer than its close.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import polars as pl

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.closes import finished_closes
from pipelines.lib.register.disputes import case_states
from pipelines.lib.runs import StepFinished, run_assets, silent

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

INTAKE: Final = ("intake",)
MONTHLY: Final = ("rating", "reconciliation", "billing")
ISSUING: Final = ("ledger/documents", "ledger/document_lines", "ledger/document_vat", "ledger/closes")
"""the assets that issue: left out wherever a month is only worked through"""


def stale_months(lake: Lake, register: Register, upto: BillingMonth | None = None) -> list[BillingMonth]:
    """List the months whose partitions must be worked through again, in order.

    A month counts when it was never closed, has a record that was received after its close's `as_of`, a CDR that nobody
    has judged, or one whose dispute has ended since so that it is billed.
    """
    with register.reading() as tx:
        closed = {close.billing_month: close.as_of for close in finished_closes(tx)}
        decided = _decided_since(tx, closed)
    months = lake.months(Layer.TYPED, "cdrs")
    return [
        m
        for m in months
        if (upto is None or m <= upto) and (m.first_day in decided or _has_news(lake, m, closed.get(m.first_day)))
    ]


def _decided_since(tx: Connection, closed: Mapping[date, datetime]) -> set[date]:
    """Give the closed months in which a dispute has ended since so that its CDR is billed: by the next close."""
    settled = [state for state in case_states(tx).values() if state.settled_rules]
    return {
        state.billing_month
        for state in settled
        if state.billing_month in closed and state.changed_at > closed[state.billing_month]
    }


def work_through(
    months: list[BillingMonth],
    report: Callable[[BillingMonth, StepFinished], None] = lambda _month, step: silent(step),
) -> None:
    """Price, match, judge and charge some months, without issuing anything."""
    for month in months:
        run_assets(
            MONTHLY,
            partition=str(month),
            without=ISSUING,
            report=lambda step, month=month: report(month, step),
        )


def _has_news(lake: Lake, month: BillingMonth, closed_as_of: datetime | None) -> bool:
    if closed_as_of is None:
        return True
    cdrs = lake.read(Layer.TYPED, "cdrs", month).select("cdr_key", "received_at")
    newest = cdrs.select(pl.col("received_at").max()).item()
    # Pushed before the close and read only after it: older than `as_of`, and yet nothing was worked through for it.
    unjudged = cdrs.join(lake.read(Layer.MATCHED, "verdicts", month), on="cdr_key", how="anti")
    return unjudged.height > 0 or (newest is not None and newest > closed_as_of)
