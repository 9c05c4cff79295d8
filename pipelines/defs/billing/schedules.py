"""When billing runs by itself: the close of the previous month.

Belongs here: jobs and schedules of the area. Does not: the decision whether a month may be closed, which the close
makes itself. Concept: https://docs.dagster.io/guides/automate/schedules
"""

import dagster as dg

from models.types.time import BillingMonth
from pipelines.defs.resources import Home
from pipelines.lib.books import company_zone, load_books
from pipelines.lib.partitions import BILLING_MONTHS
from pipelines.lib.register.closes import finished_close

monthly_close = dg.define_asset_job(
    "monthly_close",
    selection=dg.AssetSelection.groups("rating", "reconciliation", "billing", "documents", "warehouse"),
    partitions_def=BILLING_MONTHS,
    description="Work a month through once more, close it, render its documents and publish the warehouse.",
)


@dg.schedule(
    job=monthly_close,
    cron_schedule="0 6 5 * *",  # the fifth: by then the last sessions of a month have been delivered
    execution_timezone="Europe/Berlin",
    description="Close the previous month on the fifth at six, unless it is closed.",
)
def close_previous_month(context: dg.ScheduleEvaluationContext, home: Home) -> dg.RunRequest | dg.SkipReason:
    """Ask for the close of the month before the scheduled day."""
    zone = company_zone(load_books(home.lake).master)
    month = BillingMonth.of(context.scheduled_execution_time, zone).previous
    with home.register.transaction() as tx:
        if finished_close(tx, month.first_day) is not None:
            return dg.SkipReason(f"{month} is closed already")
    return dg.RunRequest(run_key=f"close-{month}", partition_key=str(month))
