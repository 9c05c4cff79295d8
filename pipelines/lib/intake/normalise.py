"""Normalising: landed pulls -> the typed tables. Only months that something new touches are written again.

`typed/records` is written last: a pull counts as normalised once its records stand there, so a process killed in
between does the same work again and arrives at the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import RecordOutcome
from pipelines.lib.company import company_zone
from pipelines.lib.compute import Compute
from pipelines.lib.intake.deciding import decided_with_bodies
from pipelines.lib.intake.landed_rows import LandedRows
from pipelines.lib.intake.landing import Landed
from pipelines.lib.intake.outcomes import PULL
from pipelines.lib.intake.touched_months import (
    all_months,
    are_made_otherwise,
    grouped_months,
    missing_months,
    months_at,
    months_of_objects,
    remember_how_made,
)
from pipelines.lib.intake.typed_tables import TypedTables, shown_of
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import alpha2_by_alpha3
from pipelines.lib.raw_store import Manifest, RawStore
from pipelines.lib.settings import Settings


@dataclass(frozen=True, slots=True)
class NormaliseReport:
    """What a normalisation did."""

    months: frozenset[BillingMonth]
    """months of which a typed table was written again"""
    pulls: int
    """pulls that were new"""
    typed: int
    quarantined: int
    duplicate: int

    @property
    def records(self) -> int:
        """All records ever received."""
        return self.typed + self.quarantined + self.duplicate


def normalise(settings: Settings, lake: Lake) -> NormaliseReport:
    """Bring the typed tables up to the raw pages.

    Args:
        settings: names the master data folder, where the plans' price lists are.
        lake: holds raw pages and master tables, receives landed rows and typed tables. Pulls count by their manifest,
            so it can be rebuilt from its raw pages alone.

    Raises:
        UserError: when master data does not name exactly one legal entity.
    """
    zone, store = company_zone(lake), RawStore(lake)
    landed = Landed(lake, alpha2_by_alpha3(), Compute(settings.workers))
    manifests = [each for each in store.manifests() if each.pages]
    for manifest in manifests:
        landed.land(manifest)
    records = _with_month(decided_with_bodies(store, landed.records(manifests)), zone)
    fresh, shown = _fresh_pulls(lake, manifests), shown_of(records)
    tables = TypedTables(lake, LandedRows(landed, manifests))

    touched = months_of_objects(records, fresh) | missing_months(lake, shown)
    touched |= all_months(lake, shown) if are_made_otherwise(lake) else set()
    touched |= months_at(lake, tables.write_connectors(records))
    tables.write_tokens(records)
    tables.write_tariffs(settings.master)
    for months in grouped_months(sorted(touched), shown):
        tables.write_months(months, shown)
    tables.write_records(records)
    remember_how_made(lake)
    return _report(records, tables.written, len(fresh))


def _fresh_pulls(lake: Lake, manifests: Iterable[Manifest]) -> set[tuple[str, str, str]]:
    """Give the pulls of which `typed/records` has nothing yet, as `PULL` names them."""
    known = set(lake.read(Layer.TYPED, "records").select(PULL).unique().rows())
    return {(each.connection_id, each.module, each.pull_id) for each in manifests} - known


def _with_month(records: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Add `billing_month`: the month of `at` on the company's calendar."""
    local = pl.col("at").dt.convert_time_zone(str(zone))
    return records.with_columns(billing_month=local.dt.date().dt.month_start())


def _report(records: pl.DataFrame, months: Iterable[BillingMonth], pulls: int) -> NormaliseReport:
    counts = dict(records.group_by("outcome").len().iter_rows())
    return NormaliseReport(
        months=frozenset(months),
        pulls=pulls,
        typed=counts.get(str(RecordOutcome.TYPED), 0),
        quarantined=counts.get(str(RecordOutcome.QUARANTINED), 0),
        duplicate=counts.get(str(RecordOutcome.DUPLICATE), 0),
    )
