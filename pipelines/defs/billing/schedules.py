"""When months are worked through and closed by themselves.

Belongs here: jobs and schedules of the area. Does not: the decision whether a month may be closed, which the close
makes itself. Concept: https://docs.dagster.io/guides/automate/schedules
"""

import dagster as dg

from models.types.time import BillingMonth
from pipelines.defs.resources import Home
from pipelines.lib.books import company_zone, load_books
from pipelines.lib.month_runs import ISSUING, MONTHLY, stale_months
from pipelines.lib.partitions import BILLING_MONTHS
from pipelines.lib.register.closes import finished_close

monthly_close = dg.define_asset_job(
    "monthly_close",
    selection=dg.AssetSelection.groups("rating", "reconciliation", "billing", "documents", "warehouse"),
    partitions_def=BILLING_MONTHS,
    description="Work a month through once more, close it, render its documents and publish the warehouse.",
)

work_month = dg.define_asset_job(
    "work_month",
    selection=dg.AssetSelection.groups(*MONTHLY) - dg.AssetSelection.assets(*(name.split("/") for name in ISSUING)),
    partitions_def=BILLING_MONTHS,
    description="Price, match, judge and charge a month, without issuing anything.",
)


@dg.schedule(
    job=work_month,
    cron_schedule="20 6 * * *",  # an hour after the daily pull
    execution_timezone="Europe/Berlin",
    description="Work through every month that is open or has news since its close.",
)
def work_open_months(context: dg.ScheduleEvaluationContext, home: Home) -> list[dg.RunRequest]:
    """Ask for a run of each month that received something: the same months as `roamledger pull` works through."""
    day = f"{context.scheduled_execution_time:%Y-%m-%d}"
    months = stale_months(home.lake, home.register)
    return [dg.RunRequest(run_key=f"work-{month}-{day}", partition_key=str(month)) for month in months]


@dg.schedule(
    job=monthly_close,
    cron_schedule="0 8 5 * *",  # the fifth, after the morning's pull and work: by then a month is delivered
    execution_timezone="Europe/Berlin",
    description="Close the previous month on the fifth at eight, unless it is closed.",
)
def close_previous_month(context: dg.ScheduleEvaluationContext, home: Home) -> dg.RunRequest | dg.SkipReason:
    """Ask for the close of the month before the scheduled day."""
    zone = company_zone(load_books(home.lake).master)
    month = BillingMonth.of(context.scheduled_execution_time, zone).previous
    with home.register.reading() as tx:
        if finished_close(tx, month.first_day) is not None:
            return dg.SkipReason(f"{month} is closed already")
    return dg.RunRequest(run_key=f"close-{month}", partition_key=str(month))
