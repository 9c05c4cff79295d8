"""Assets of intake: raw pages, master data, typed tables.

What belongs here: when to pull, what to read and write, and what to report. How a peer is spoken to is in
`pipelines/lib/ocpi_client`, how a record is read in `models/ocpi`, what becomes of it in `pipelines/lib/intake`.
Typed and master assets have no partitions although their files are split by month: a pull touches whatever months
arrive. Concepts: https://docs.dagster.io/guides/build/assets/defining-assets
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
import polars as pl
from pydantic import Field

from models.schemas.registry import TABLES, Layer, Table
from models.types.vocabularies import RecordOutcome
from pipelines.defs.resources import Home
from pipelines.lib.asset_keys import asset_key
from pipelines.lib.intake.drops.folder import take_book_drops, take_drops
from pipelines.lib.intake.drops.report import keep_drop_report
from pipelines.lib.intake.drops.stray_folders import stray_folders
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.receiver.waiting import take_over

GROUP = "intake"
MASTER = tuple(table for table in TABLES if table.layer == Layer.MASTER)
TYPED = tuple(table for table in TABLES if table.layer == Layer.TYPED)

DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
"""The pull runs once a day: two hours late is worth a look, a second missed day is a failure.

Whether the peers answered it is another question: the checks `every_peer_answered` and `modules_are_fresh` ask it.
"""


class PullConfig(dg.Config):
    """Which peers and modules to pull, and which window; by default all, from the watermark to now."""

    connections: list[str] = Field(default_factory=list)
    modules: list[str] = Field(default_factory=list)
    since: str | None = None
    until: str | None = None


def _spec(table: Table, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    grain = (table.contract.__doc__ or "").strip()
    return dg.AssetSpec(
        asset_key(table.layer, table.name),
        deps=deps,
        group_name=GROUP,
        description=grain,
        metadata={"grain_key": ", ".join(table.key)},
    )


@dg.asset(key_prefix="raw", group_name=GROUP, kinds={"ocpi"}, freshness_policy=DAILY)
def ocpi_pages(context: dg.AssetExecutionContext, config: PullConfig, home: Home) -> dg.MaterializeResult:
    """One received page, byte for byte, with its provenance; a failing peer never stops the others.

    Dropped files are taken first, and what a receiver that is gone left in its spool: they need no peer.
    """
    taken_over = take_over(home.settings, home.lake)
    drops, strays = take_drops(home.settings, home.lake), stray_folders(home.settings)
    for drop in drops:
        (context.log.warning if drop.problems else context.log.info)(str(drop))
    for stray in strays:
        context.log.warning(stray)
    keep_drop_report(home.lake, "records", drops, strays)
    report = pull(
        home.settings,
        home.lake,
        home.register,
        connections=config.connections,
        modules=config.modules,
        since=_instant(config.since),
        until=_instant(config.until),
        progress=lambda module: (context.log.warning if module.failure else context.log.info)(str(module)),
    )
    return dg.MaterializeResult(
        metadata={
            "pages": report.pages,
            "records": report.records,
            "failures": len(report.failures),
            "taken_over_pushes": taken_over,
            "dropped_files": len(drops),
            "dropped_records": sum(drop.records for drop in drops),
            "rejected_files": sum(drop.outcome == "rejected" for drop in drops),
            "stray_folders": len(strays),
            "per_module": dg.MetadataValue.md("\n".join(f"- {module}" for module in report.modules)),
        }
    )


@dg.multi_asset(name="master", specs=[_spec(table, []) for table in MASTER], can_subset=False)
def master(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
    """Read the eMSP's own books from their files, held against each other; dropped ones are laid over them first."""
    drops = take_book_drops(home.settings)
    for drop in drops:
        (context.log.warning if drop.problems else context.log.info)(str(drop))
    keep_drop_report(home.lake, "books", drops)
    lake, tables = home.lake, load_master(home.settings.master)
    for table in MASTER:
        lake.write(Layer.MASTER, table.name, tables[table.name])
        yield dg.MaterializeResult(
            asset_key=asset_key(table.layer, table.name), metadata={"rows": tables[table.name].height}
        )


_UPSTREAM = [
    dg.AssetKey(["raw", "ocpi_pages"]),
    asset_key(Layer.MASTER, "contracts"),  # whose history is kept
    asset_key(Layer.MASTER, "legal_entities"),  # whose calendar decides the billing month
    asset_key(Layer.MASTER, "plan_tariffs"),  # whose price lists are tariff versions of source `plan`
]


@dg.multi_asset(name="typed", specs=[_spec(table, _UPSTREAM) for table in TYPED], can_subset=False)
def typed(home: Home) -> Iterator[dg.MaterializeResult]:
    """Bring the typed tables up to the raw pages: every record typed, quarantined or a proven duplicate."""
    lake = home.lake
    report = normalise(home.settings, lake)
    remember(home.settings, lake)
    records = lake.read(Layer.TYPED, "records")
    for table in TYPED:
        yield dg.MaterializeResult(
            asset_key=asset_key(table.layer, table.name),
            metadata=_metadata(lake, table, records) or {"months": ", ".join(map(str, sorted(report.months)))},
        )


def _metadata(lake: Lake, table: Table, records: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Give what is worth seeing about a table at a glance; nothing for most."""
    match table.name:
        case "records":
            return _outcomes(records)
        case "freshness":
            return _freshness(lake.read(Layer.TYPED, "freshness"))
        case "protocol_violations" | "tariff_lint":
            counts = lake.read(Layer.TYPED, table.name).group_by("code").len().sort("code")
            return {str(code): dg.MetadataValue.int(count) for code, count in counts.iter_rows()}
        case _:
            return {}


def _freshness(rows: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Say per connection and module when it was last pulled, how old its news was, and what share was faulty."""
    lines = [
        f"- {row['connection_id']}/{row['module']}: pulled {row['last_pull_at'] or 'never'}, "
        f"lag {'unknown' if row['lag_seconds'] is None else row['lag_seconds']} s, {row['records']} records, "
        f"{row['quarantined_records']} quarantined, {row['failed_pulls']} of {row['pulls']} pulls failed"
        for row in rows.iter_rows(named=True)
    ]
    return {
        "modules": dg.MetadataValue.int(rows.height),
        "failing": dg.MetadataValue.int(rows.filter(pl.col("last_failure").is_not_null()).height),
        "per_module": dg.MetadataValue.md("\n".join(lines)),
    }


def _outcomes(records: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Count what became of the records, in all and per connection and module."""
    counts = records.group_by("connection_id", "module", "outcome").len().sort("connection_id", "module", "outcome")
    lines = (f"- {connection}/{module}: {count} {outcome}" for connection, module, outcome, count in counts.iter_rows())
    totals = {str(outcome): records.filter(outcome=str(outcome)).height for outcome in RecordOutcome}
    return {
        "rows": dg.MetadataValue.int(records.height),
        **{name: dg.MetadataValue.int(count) for name, count in totals.items()},
        "per_module": dg.MetadataValue.md("\n".join(lines)),
    }


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
