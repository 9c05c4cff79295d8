"""When intake runs: a pull of every peer early each morning, on the company's calendar."""

import dagster as dg

daily_pull = dg.define_asset_job(
    "daily_pull",
    selection=dg.AssetSelection.groups("intake"),
    description="Pull what is new from every peer and normalise it.",
)

daily_pull_schedule = dg.ScheduleDefinition(
    name="daily_pull",
    job=daily_pull,
    cron_schedule="20 5 * * *",
    execution_timezone="Europe/Berlin",
    description="Once a day: OCPI asks for hours, not minutes, between pulls, and peers finish their CDRs overnight.",
)
