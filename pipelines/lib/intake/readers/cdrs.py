"""CDRs and the tariffs inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from models.ocpi.acceptance import hold_to_acceptance
from models.ocpi.canonical import Cdr, Tariff
from models.ocpi.cdr_frames import cdr_columns, period_columns
from models.ocpi.fields import Fields
from models.ocpi.frames import tariff_version_id
from models.ocpi.plain import CarriedTariffs, PlainCdrs, plain_cdrs
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr
from models.ocpi.tariffs import owner_of, read_tariff
from models.types.vocabularies import TariffSource
from pipelines.lib.intake.readers.decoding import CANONICAL, DECODE, UNREADABLE
from pipelines.lib.intake.readers.reader import PageContext, Read
from pipelines.lib.intake.readers.tariffs import Told, tariff_rows


@dataclass
class CdrReader:
    """Reads CDRs and the tariffs inside them. The same tariffs come in thousands of CDRs and are read once."""

    alpha2: Mapping[str, str]
    _cdrs: list[Cdr] = field(default_factory=list)
    _version_ids: list[tuple[str, ...]] = field(default_factory=list)
    _notes: list[tuple[str, ...]] = field(default_factory=list)
    _tariffs: dict[str, Told] = field(default_factory=dict)
    _read_before: dict[tuple[str, str, bytes], tuple[tuple[str, ...], tuple[str, ...], tuple[Tariff, ...]]] = field(
        default_factory=dict
    )
    _plain: list[tuple[PageContext, PlainCdrs]] = field(default_factory=list)

    def take_plain(self, records: list[bytes], context: PageContext) -> PlainCdrs:
        """Take the plain ones among the records of a page, and keep them."""

        def carried(owner: str, tariffs: bytes) -> CarriedTariffs | None:
            try:
                return self._read_tariffs(owner, DECODE(tariffs), context)[:2]
            except (RecordProblem, *UNREADABLE):
                return None

        plain = plain_cdrs(records, context.received_at, self.alpha2, carried)
        for owner, content in plain.carried:
            version_ids, _, tariffs = self._read_tariffs(owner, DECODE(content), context)
            self._keep_tariffs(version_ids, tariffs, context)
        self._plain.append((context, plain))
        return plain

    def plain_frames(self) -> dict[str, list[pl.DataFrame]]:
        """Give the rows of what was taken all at once."""
        return {
            name: [_placed(frame, context) for context, plain in self._plain for frame in (getattr(plain, part),)]
            for name, part in (("cdrs", "cdrs"), ("charging_periods", "periods"))
        }

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a CDR and hold it to what a typed row needs."""
        own = {name: value for name, value in record.items() if name != "tariffs"}
        cdr = parse_cdr(own, context.ocpi_version, owner_id=context.owner_id)
        version_ids, notes, tariffs = self._tariffs_of(record, context)
        changed = hold_to_acceptance(cdr, context.received_at)
        self._keep_tariffs(version_ids, tariffs, context)
        self._cdrs.append(cdr)
        self._version_ids.append(version_ids)
        self._notes.append(cdr.notes + notes)
        return Read(changed, cdr.ended_at)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give CDRs, their periods and their tariffs."""
        cdrs = cdr_columns(self._cdrs, self._version_ids, self._notes, self.alpha2).with_row_index("row")
        periods = period_columns(self._cdrs)
        rows = pl.Series("row", [row for row, cdr in enumerate(self._cdrs) for _ in cdr.periods], pl.UInt32)
        return {"cdrs": cdrs, "charging_periods": periods.with_columns(rows), **tariff_rows(self._tariffs)}

    def _keep_tariffs(self, version_ids: tuple[str, ...], tariffs: tuple[Tariff, ...], context: PageContext) -> None:
        for version_id, tariff in zip(version_ids, tariffs, strict=True):
            told = (tariff, TariffSource.CDR, context.received_at)
            self._tariffs[version_id] = min(self._tariffs.get(version_id, told), told, key=_first_told)

    def _tariffs_of(
        self, record: Mapping[str, object], context: PageContext
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Tariff, ...]]:
        carried = record.get("tariffs")
        if not carried:
            return (), (), ()
        return self._read_tariffs(owner_of(Fields("cdr", record), context.owner_id), carried, context)

    def _read_tariffs(
        self, owner: str, carried: object, context: PageContext
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Tariff, ...]]:
        """Give version ids, notes and values of the tariffs that a CDR carries, each list of them read once."""
        if not carried:
            return (), (), ()
        seen = (owner, context.ocpi_version, CANONICAL(carried))
        if seen not in self._read_before:
            cdr = Fields("cdr", {"tariffs": carried})
            tariffs = tuple(read_tariff(tariff, owner, context.ocpi_version) for tariff in cdr.children("tariffs"))
            self._read_before[seen] = (tuple(map(tariff_version_id, tariffs)), tuple(cdr.notes), tariffs)
        return self._read_before[seen]


def _first_told(told: Told) -> tuple[datetime, bool, datetime]:
    """Order tellings of one tariff by when they came; of one page the earliest date counts, in whatever order.

    Plain records are taken before the others of their page, and a set of them has no order at all.
    """
    tariff, _, received_at = told
    return received_at, tariff.last_updated_at is None, tariff.last_updated_at or received_at


def _placed(frame: pl.DataFrame, context: PageContext) -> pl.DataFrame:
    """Say of rows on which page and at which position their record stands."""
    own = frame.drop("record_key", strict=False).rename({"position": "page_position"})
    return own.with_columns(pl.lit(context.sequence, pl.Int32).alias("sequence"))
