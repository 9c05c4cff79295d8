"""Normalising: landed pulls -> the typed tables. Only months that something new touches are written again.

`typed/records` is written last: a pull counts as normalised once its records stand there, so a process killed in
between does the same work again and arrives at the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import polars as pl

from models.ocpi.canonical import Cdr
from models.ocpi.reading import parse_cdr
from models.ocpi.retelling import is_retold
from models.schemas.registry import Layer, table
from models.types.time import BillingMonth
from models.types.vocabularies import RecordOutcome
from pipelines.lib.compute import Compute
from pipelines.lib.errors import UserError
from pipelines.lib.intake.landed_rows import LandedRows, in_one_piece
from pipelines.lib.intake.landing import LANDING, Landed
from pipelines.lib.intake.location_zones import with_zone, zones_of
from pipelines.lib.intake.outcomes import CDR_CHANGED, CDRS, decided, newest, respelled, retold
from pipelines.lib.intake.readers import DECODE, canonical_of
from pipelines.lib.intake.tariff_tables import shown_components, shown_versions
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import alpha2_by_alpha3, plan_tariff_frames
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings

_BY_MONTH: Final = ("cdrs", "sessions", "authorizations")
"""monthly typed tables, named like the module they come from; charging periods follow their CDRs"""

_MONTHLY: Final = {
    "cdrs": ("cdrs", ["cdr_key"]),
    "charging_periods": ("cdrs", ["cdr_key", "period_index"]),
    "sessions": ("sessions", ["session_key"]),
    "authorizations": ("authorizations", ["authorization_id"]),
}
"""monthly typed tables: the module whose records they are made of, and their order"""

_READ_AS: Final = "read_as.txt"
_MOST_ROWS: Final = 1_000_000
"""Records of which the rows are in memory at once, some hundred bytes each; a month that has more is taken whole."""

_PULL: Final = ("connection_id", "module", "pull_id")


_TYPED: Final = pl.col("outcome") == str(RecordOutcome.TYPED)


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


def normalise(settings: Settings, lake: Lake, register: Register | None = None) -> NormaliseReport:
    """Bring the typed tables up to the raw pages.

    Args:
        settings: names the master data folder, where the plans' price lists are.
        lake: holds raw pages and master tables, receives landed rows and typed tables.
        register: unused by now; pulls count by their manifest, so the lake alone can be rebuilt from its raw pages.

    Raises:
        UserError: when master data does not name exactly one legal entity.
    """
    del register
    return _Normalisation(settings, lake).run()


def company_zone(lake: Lake) -> ZoneInfo:
    """Give the time zone of billing months: that of the one legal entity."""
    entities = lake.read(Layer.MASTER, "legal_entities")
    if entities.height != 1:
        found = ", ".join(entities["legal_entity_id"]) or "none"
        msg = f"legal_entities.csv: exactly one legal entity is supported, found {found}: keep one line"
        raise UserError(msg)
    return ZoneInfo(entities["time_zone"].item())


class _Normalisation:
    """One run over one lake."""

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self._settings = settings
        self._lake = lake
        self._zone = company_zone(lake)
        self._landed = Landed(lake, alpha2_by_alpha3(), Compute(settings.workers))
        self._manifests = [each for each in RawStore(lake).manifests() if each.pages]
        self._rows = LandedRows(self._landed, self._manifests)
        self._written: set[BillingMonth] = set()

    def run(self) -> NormaliseReport:
        for manifest in self._manifests:
            self._landed.land(manifest)
        landed = self._landed.records(self._manifests)
        records = self._with_month(self._decided(landed))
        shown = _shown(records)
        fresh = self._fresh_pulls()
        is_read_otherwise = self._is_read_otherwise()
        touched = _months_of_objects(records, fresh) | self._missing_months(shown)
        touched |= self._all_months(shown) if is_read_otherwise else set()
        touched |= self._write_connectors(records)
        self._write_tokens(records)
        self._write_tariffs()
        for months in _groups(sorted(touched), shown):
            self._write_months(months, shown.filter(pl.col("billing_month").is_in([each.first_day for each in months])))
        self._write_records(records)
        if is_read_otherwise:
            self._lake.write_bytes(self._read_as, LANDING.encode())
        counts = dict(records.group_by("outcome").len().iter_rows())
        return NormaliseReport(
            months=frozenset(self._written),
            pulls=len(fresh),
            typed=counts.get(str(RecordOutcome.TYPED), 0),
            quarantined=counts.get(str(RecordOutcome.QUARANTINED), 0),
            duplicate=counts.get(str(RecordOutcome.DUPLICATE), 0),
        )

    def _decided(self, landed: pl.DataFrame) -> pl.DataFrame:
        """Decide about landed records; only CDRs that came in several spellings are looked up and compared."""
        spellings = respelled(landed)
        places = spellings.select("connection_id", "module", "page_sha256", "page_position")
        bodies = RawStore(self._lake).records(places.rows())
        canonical = {
            sha256: canonical_of(body) for sha256, body in zip(spellings["content_sha256"], bodies, strict=True)
        }
        versions = spellings["ocpi_version"].to_list()
        owners = spellings["record_key"].str.extract(r"^([^*]*\*[^*]*)").to_list()

        def read(row: int) -> Cdr:
            return parse_cdr(cast("dict[str, Any]", DECODE(bodies[row])), versions[row], owner_id=owners[row])

        def compare(row: int, other: int) -> bool:
            return is_retold(read(row), versions[row], read(other), versions[other])

        return decided(landed, canonical, retold(spellings, canonical, compare))

    def _fresh_pulls(self) -> set[tuple[str, str, str]]:
        known = set(
            self._lake.read(Layer.TYPED, "records").select("connection_id", "module", "pull_id").unique().rows()
        )
        found = {(each.connection_id, each.module, each.pull_id) for each in self._manifests}
        return found - known

    def _with_month(self, records: pl.DataFrame) -> pl.DataFrame:
        """Add `billing_month`: the month of `at` on the company's calendar."""
        local = pl.col("at").dt.convert_time_zone(str(self._zone))
        return records.with_columns(billing_month=local.dt.date().dt.month_start())

    def _missing_months(self, shown: pl.DataFrame) -> set[BillingMonth]:
        """Give months whose partition is gone although records belong there, or was written by an older version.

        An older one lacks columns; what they say stands in the raw pages, and a warehouse reads all months alike.
        """
        missing: set[BillingMonth] = set()
        for name in _BY_MONTH:
            stored = self._lake.months(Layer.TYPED, name)
            missing |= _months(shown.filter(module=name)) - set(stored)
            missing |= {month for month in stored if self._lake.is_older(Layer.TYPED, name, month)}
        return missing

    @property
    def _read_as(self) -> str:
        """Name the file that says how the rows of the monthly tables were read: it is written after them."""
        return f"{self._lake.root}/{Layer.TYPED}/{_READ_AS}"

    def _is_read_otherwise(self) -> bool:
        """Tell whether records are read in another way since the monthly tables were written: any row may differ."""
        return not self._lake.fs.exists(self._read_as) or self._lake.read_bytes(self._read_as) != LANDING.encode()

    def _all_months(self, shown: pl.DataFrame) -> set[BillingMonth]:
        return _months(shown).union(*(self._lake.months(Layer.TYPED, name) for name in _BY_MONTH))

    def _write_months(self, months: Sequence[BillingMonth], shown: pl.DataFrame) -> None:
        """Write the monthly tables of some months, for which every landed row is read once."""
        zones = zones_of(self._lake.read(Layer.TYPED, "connectors"))
        for name, (module, order) in _MONTHLY.items():
            found = self._rows.by_month(name, shown.filter(module=module))
            for month in months:
                rows = in_one_piece(name, shown, found.pop(month.first_day, []))
                rows = with_zone(rows, zones) if name == "cdrs" else rows
                rows = rows.sort(order)  # under the same name: of a large month two at once would be too many
                self._replace(name, rows, month)

    def _write_connectors(self, records: pl.DataFrame) -> set[BillingMonth]:
        """Write the connectors; give the months of CDRs at locations whose zone became known or changed."""
        rows = self._rows.of("connectors", records.filter(_TYPED, module="locations"))
        before = zones_of(self._lake.read(Layer.TYPED, "connectors"))
        fitted = self._fit("connectors", newest(rows, "connector_key"))
        changed = zones_of(fitted).join(before, on=["_cpo", "_location", "time_zone"], how="anti", nulls_equal=True)
        self._replace("connectors", fitted)
        return self._months_at(changed) if changed.height else set()

    def _months_at(self, locations: pl.DataFrame) -> set[BillingMonth]:
        months: set[BillingMonth] = set()
        for month in self._lake.months(Layer.TYPED, "cdrs"):
            cdrs = self._lake.read(Layer.TYPED, "cdrs", month).select(
                pl.col("cpo_id").str.to_uppercase(), pl.col("location_id").str.to_uppercase()
            )
            if cdrs.join(locations, left_on=cdrs.columns, right_on=["_cpo", "_location"], how="semi").height:
                months.add(month)
        return months

    def _write_tokens(self, records: pl.DataFrame) -> None:
        """Write the newest version of every token; ids compare without case, or a block would miss its card."""
        rows = self._rows.of("tokens", records.filter(_TYPED, module="tokens"))
        rows = rows.with_columns(
            _uid=pl.col("token_uid").str.to_uppercase(), _type=pl.col("token_type").str.to_uppercase()
        )
        self._replace("tokens", newest(rows, ("_uid", "_type")).sort("token_uid", "token_type"))

    def _write_tariffs(self) -> None:
        """Write every version of a tariff ever received, and those of our own plans."""
        names = ("tariff_versions", "tariff_components")
        schemas = [table(Layer.TYPED, name).schema for name in names]
        received = (
            self._landed.rows(self._manifests, name, schema).select(list(schema))
            for name, schema in zip(names, schemas, strict=True)
        )
        of_plans = plan_tariff_frames(self._settings.master)
        (versions, components), (plans, plan_components) = received, of_plans
        self._replace("tariff_versions", shown_versions(versions, plans))
        self._replace("tariff_components", shown_components(components, plan_components))

    def _write_records(self, records: pl.DataFrame) -> None:
        """Write what became of every record; a changed CDR is kept with its own bytes, fetched from its page."""
        store = RawStore(self._lake)
        changed = records["rule"].eq_missing(CDR_CHANGED)
        places = records.filter(changed).select("connection_id", "module", "page_sha256", "page_position")
        texts = [record.decode("utf-8", errors="replace") for record in store.records(places.rows())]
        kept = records.filter(~changed)
        quarantined = records.filter(changed).with_columns(record_json=pl.Series(texts, dtype=pl.String))
        everything = pl.concat([kept, quarantined]).sort(
            "pull_id", "connection_id", "module", "sequence", "page_position"
        )
        self._replace("records", everything)

    def _fit(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Select the contract's columns; one that nobody gave is a defect and fails here."""
        schema = table(Layer.TYPED, name).schema
        return frame.select(pl.col(column).cast(dtype) for column, dtype in schema.items())

    def _replace(self, name: str, frame: pl.DataFrame, month: BillingMonth | None = None) -> None:
        """Write a table or partition where it differs from what stands there; an empty month never appears."""
        fitted = self._fit(name, frame)
        present = self._lake.fs.exists(self._lake.path(Layer.TYPED, name, month))
        if not present and month is not None and fitted.is_empty():
            return
        is_current = present and not self._lake.is_older(Layer.TYPED, name, month)
        if is_current and self._lake.read(Layer.TYPED, name, month).equals(fitted):
            return
        self._lake.write(Layer.TYPED, name, fitted, month)
        if month is not None:
            self._written.add(month)


def _groups(months: Iterable[BillingMonth], shown: pl.DataFrame) -> Iterator[list[BillingMonth]]:
    """Group months until their rows are as many as should be in memory at once; one month at least."""
    counts = dict(shown.group_by("billing_month").len().iter_rows())
    group: list[BillingMonth] = []
    rows = 0
    for month in months:
        count: int = counts.get(month.first_day, 0)
        if group and rows + count > _MOST_ROWS:
            yield group
            group, rows = [], 0
        group.append(month)
        rows += count
    if group:
        yield group


def _shown(records: pl.DataFrame) -> pl.DataFrame:
    """Give the records that monthly tables show: every typed CDR, and the newest version of each other object.

    Of a CDR one version is typed, its first: there is no newest to look for.
    """
    typed = records.filter(_TYPED, pl.col("module").is_in(_BY_MONTH))
    is_cdr = pl.col("module") == CDRS
    return pl.concat([typed.filter(is_cdr), newest(typed.filter(~is_cdr), ("module", "record_key"))])


def _months_of_objects(records: pl.DataFrame, pulls: Iterable[tuple[str, str, str]]) -> set[BillingMonth]:
    """Give every month that any version of an object from these pulls falls into."""
    fresh = pl.DataFrame(list(pulls), schema=dict.fromkeys(_PULL, pl.String), orient="row")
    objects = records.select(*_PULL, "record_key", "billing_month")
    told = objects.join(fresh, on=list(_PULL), how="semi")
    before = objects.join(fresh, on=list(_PULL), how="anti")
    again = before.join(told.select("module", "record_key"), on=["module", "record_key"], how="semi")
    return _months(told) | _months(again)


def _months(records: pl.DataFrame) -> set[BillingMonth]:
    days = records["billing_month"].drop_nulls().unique()
    return {BillingMonth(day.year, day.month) for day in days}
