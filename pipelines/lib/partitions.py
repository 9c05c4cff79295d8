"""Dagster's partitions: one per billing month, on the billing company's calendar."""

from typing import Final

import dagster as dg

from models.types.time import BillingMonth

BILLING_MONTHS: Final = dg.MonthlyPartitionsDefinition(
    start_date="2025-01",
    fmt="%Y-%m",
    timezone="Europe/Berlin",
    end_offset=1,  # the running month is worked on daily; only its close waits for its end
)


def month_of(context: dg.AssetExecutionContext) -> BillingMonth:
    """Give the billing month of a partitioned run."""
    return BillingMonth.parse(context.partition_key)
