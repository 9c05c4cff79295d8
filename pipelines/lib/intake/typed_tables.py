"""How each typed table is made of landed rows, and put in the place of the one before where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from models.types.vocabularies import RecordOutcome
from pipelines.lib.intake.landed_rows import LandedRows, in_one_piece
from pipelines.lib.intake.location_zones import with_zone, zones_of
from pipelines.lib.intake.outcomes import CDR_CHANGED, CDRS, RECEIVED_ORDER, newest
from pipelines.lib.intake.tariff_tables import shown_components, shown_versions
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import plan_tariff_frames
from pipelines.lib.raw_store import RECORD_PLACE, RawStore

_MONTHLY: Final = {
    "cdrs": ("cdrs", ["cdr_key"]),
    "charging_periods": ("cdrs", ["cdr_key", "period_index"]),
    "sessions": ("sessions", ["session_key"]),
    "authorizations": ("authorizations", ["authorization_id"]),
}
"""monthly typed tables: the module whose records they are made of, and their order"""
MONTHLY_MODULES: Final = tuple(dict.fromkeys(module for module, _ in _MONTHLY.values()))
"""modules that have a monthly table of their own name"""


def shown_of(records: pl.DataFrame) -> pl.DataFrame:
    """Give the records that monthly tables show: every typed CDR, and the newest version of each other object.

    Of a CDR one version is typed, its first: there is no newest to look for.
    """
    typed = records.filter(_is_typed(), pl.col("module").is_in(MONTHLY_MODULES))
    is_cdr = pl.col("module") == CDRS
    return pl.concat([typed.filter(is_cdr), newest(typed.filter(~is_cdr), ("module", "record_key"))])


@dataclass(frozen=True, slots=True)
class TypedTables:
    """The typed tables of one lake, while they are brought up to what was received."""

    lake: Lake
    rows: LandedRows
    written: set[BillingMonth] = field(default_factory=set)
    """months of which a table was written again"""

    def write_months(self, months: Sequence[BillingMonth], shown: pl.DataFrame) -> None:
        """Write the monthly tables of some months, for which every landed row is read once."""
        zones = zones_of(self.lake.read(Layer.TYPED, "connectors"))
        chosen = shown.filter(pl.col("billing_month").is_in([month.first_day for month in months]))
        for name, (module, order) in _MONTHLY.items():
            found = self.rows.by_month(name, chosen.filter(module=module))
            for month in months:
                rows = in_one_piece(name, chosen, found.pop(month.first_day, []))
                rows = with_zone(rows, zones) if name == "cdrs" else rows
                rows = rows.sort(order)  # under the same name: of a large month two at once would be too many
                self._replace(name, rows, month)

    def write_connectors(self, records: pl.DataFrame) -> pl.DataFrame:
        """Write the connectors; give the locations whose zone became known or changed by it."""
        rows = self.rows.of("connectors", records.filter(_is_typed(), module="locations"))
        before = zones_of(self.lake.read(Layer.TYPED, "connectors"))
        fitted = _fitted("connectors", newest(rows, "connector_key"))
        self._replace("connectors", fitted)
        return zones_of(fitted).join(before, on=["_cpo", "_location", "time_zone"], how="anti", nulls_equal=True)

    def write_tokens(self, records: pl.DataFrame) -> None:
        """Write the newest version of every token; ids compare without case, or a block would miss its card."""
        rows = self.rows.of("tokens", records.filter(_is_typed(), module="tokens"))
        rows = rows.with_columns(
            _uid=pl.col("token_uid").str.to_uppercase(), _type=pl.col("token_type").str.to_uppercase()
        )
        self._replace("tokens", newest(rows, ("_uid", "_type")).sort("token_uid", "token_type"))

    def write_tariffs(self, master: Path) -> None:
        """Write every version of a tariff ever received, and those of our own plans, which stand in the books."""
        names = ("tariff_versions", "tariff_components")
        schemas = [table(Layer.TYPED, name).schema for name in names]
        received = (
            self.rows.landed.rows(self.rows.manifests, name, schema).select(list(schema))
            for name, schema in zip(names, schemas, strict=True)
        )
        of_plans = plan_tariff_frames(master)
        (versions, components), (plans, plan_components) = received, of_plans
        self._replace("tariff_versions", shown_versions(versions, plans))
        self._replace("tariff_components", shown_components(components, plan_components))

    def write_records(self, records: pl.DataFrame) -> None:
        """Write what became of every record; a changed CDR is kept with its own bytes, fetched from its page."""
        changed = records["rule"].eq_missing(CDR_CHANGED)
        places = records.filter(changed).select(RECORD_PLACE)
        texts = [record.decode("utf-8", errors="replace") for record in RawStore(self.lake).records(places.rows())]
        kept = records.filter(~changed)
        quarantined = records.filter(changed).with_columns(record_json=pl.Series(texts, dtype=pl.String))
        self._replace("records", pl.concat([kept, quarantined]).sort(RECEIVED_ORDER))

    def _replace(self, name: str, frame: pl.DataFrame, month: BillingMonth | None = None) -> None:
        """Write a table or partition where it differs from what stands there; an empty month never appears."""
        fitted = _fitted(name, frame)
        present = self.lake.fs.exists(self.lake.path(Layer.TYPED, name, month))
        if not present and month is not None and fitted.is_empty():
            return
        is_current = present and not self.lake.is_older(Layer.TYPED, name, month)
        if is_current and self.lake.read(Layer.TYPED, name, month).equals(fitted):
            return
        self.lake.write(Layer.TYPED, name, fitted, month)
        if month is not None:
            self.written.add(month)


def _fitted(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Select the contract's columns; one that nobody gave is a defect and fails here."""
    schema = table(Layer.TYPED, name).schema
    return frame.select(pl.col(column).cast(dtype) for column, dtype in schema.items())


def _is_typed() -> pl.Expr:
    return pl.col("outcome") == str(RecordOutcome.TYPED)
