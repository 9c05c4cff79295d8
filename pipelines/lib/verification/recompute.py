"""Every table of the lake, made again from the raw pages and the master data, and compared row by row.

The scratch lake shares nothing with the real one but the raw pages, so a cent changed in any stored table, or in a
table that it was made from, shows as a difference at the place where it was changed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from models.schemas.registry import TABLES, Layer, Table
from models.types.time import BillingMonth
from pipelines.lib.intake.landing import LANDING
from pipelines.lib.lake import Lake
from pipelines.lib.month_runs import INTAKE, ISSUING, MONTHLY
from pipelines.lib.runs import StepFinished, run_assets
from pipelines.lib.settings import Settings
from pipelines.lib.verification.breach import Breach, differences

_NOT_RECOMPUTED: Final = frozenset({Layer.LEDGER})
"""the ledger is a projection of the register, which is compared with it directly"""

WRITING: Final = (*ISSUING, "ledger/dispute_events", "ledger/disputes", "documents/evidence_packs")
"""assets that write to the register or among the documents: never run for a recomputation"""


def recomputed_tables(
    settings: Settings, months: Sequence[BillingMonth], report: Callable[[str, StepFinished], None]
) -> list[Breach]:
    """Make all tables again beside the real ones and name every value that differs."""
    stored = Lake(settings.lake)
    with _scratch_lake(stored) as scratch:
        run_assets(
            INTAKE,
            without=("raw/ocpi_pages",),
            report=lambda step: report("recompute typed", step),
        )
        for month in months:
            run_assets(
                MONTHLY,
                partition=str(month),
                without=WRITING,
                report=lambda step, month=month: report(f"recompute {month}", step),
            )
        breaches = [breach for table in TABLES for breach in _compare(table, stored, scratch, months)]
        return [*_landed(stored, scratch), *breaches]


def _landed(stored: Lake, scratch: Lake) -> Iterator[Breach]:
    """Compare what is landed, part by part: a typed table may still be right although what it is next made of is not.

    A part that only one lake has is no breach: the next pull lands it anew, or reads it no more.
    """
    for path in sorted(map(str, stored.fs.glob(f"{stored.root}/landed/{LANDING}/*/*/*/*/*.parquet"))):
        place = path[len(stored.root) + 1 :]
        if scratch.fs.exists(f"{scratch.root}/{place}"):
            frames = (pl.read_parquet(lake.read_bytes(f"{lake.root}/{place}")) for lake in (stored, scratch))
            yield from differences("landed rows", place, ["row"], *(frame.with_row_index("row") for frame in frames))


def _compare(table: Table, stored: Lake, scratch: Lake, months: Sequence[BillingMonth]) -> Iterator[Breach]:
    if table.layer in _NOT_RECOMPUTED:
        return
    check, place = f"recomputed {table.layer}", f"{table.layer}/{table.name}"
    if not table.by_month:
        yield from differences(check, place, table.key, *(_read(lake, table, None) for lake in (stored, scratch)))
        return
    for month in months:
        frames = [_read(lake, table, month) for lake in (stored, scratch)]
        yield from differences(check, f"{place} {month}", table.key, *frames)


def _read(lake: Lake, table: Table, month: BillingMonth | None) -> pl.DataFrame:
    return lake.read(table.layer, table.name, month).sort(table.key)


@contextmanager
def _scratch_lake(stored: Lake) -> Iterator[Lake]:
    """Give an empty lake over the same raw pages, and point the settings of this process at it."""
    with tempfile.TemporaryDirectory(prefix="roamledger-verify-") as folder:
        (Path(folder) / "raw").symlink_to(Path(stored.root).resolve() / "raw")
        before = os.environ.get("ROAMLEDGER_LAKE_URL")
        os.environ["ROAMLEDGER_LAKE_URL"] = folder
        try:
            yield Lake(folder)
        finally:
            if before is None:
                del os.environ["ROAMLEDGER_LAKE_URL"]
            else:
                os.environ["ROAMLEDGER_LAKE_URL"] = before
