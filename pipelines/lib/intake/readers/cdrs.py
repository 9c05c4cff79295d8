"""CDRs and the tariffs inside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from models.ocpi.acceptance import hold_to_acceptance
from models.ocpi.canonical import Cdr, Tariff
from models.ocpi.cdr_frames import cdr_columns, period_columns
from models.ocpi.fields import Fields
from models.ocpi.frames import tariff_version_id
from models.ocpi.nesting import DEEPEST
from models.ocpi.plain import PLAIN_VERSION, CarriedTariffs, PlainCdrs, plain_cdrs
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr
from models.ocpi.tariffs import owner_of, read_tariff
from models.types.vocabularies import TariffSource
from pipelines.lib.intake.readers.decoding import CANONICAL, DECODE, decoded_record
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
    _plain: list[tuple[pl.DataFrame, pl.DataFrame]] = field(default_factory=list)

    def take_plain(self, pages: Sequence[tuple[PageContext, list[bytes]]], parties: Collection[str] = ()) -> PlainCdrs:
        """Take the plain ones among the records of some pages of OCPI 2.2.1, of these parties or any, and keep them."""

        def carried(owner: str, tariffs: bytes) -> CarriedTariffs | None:
            try:
                return self._read_tariffs(owner, decoded_record(tariffs, DEEPEST - 1), PLAIN_VERSION)[:2]
            except RecordProblem:
                return None

        received = [(context.received_at, records) for context, records in pages]
        plain = plain_cdrs(received, self.alpha2, carried, parties)
        for (owner, content), (page, position) in plain.carried.items():
            version_ids, _, tariffs = self._read_tariffs(owner, DECODE(content), PLAIN_VERSION)
            self._keep_tariffs(version_ids, tariffs, pages[page][0], position)
        sequences = pl.Series([context.sequence for context, _ in pages], dtype=pl.Int32)
        self._plain.append((_placed(plain.cdrs, sequences), _placed(plain.periods, sequences)))
        return plain

    def plain_frames(self) -> dict[str, list[pl.DataFrame]]:
        """Give the rows of what was taken all at once."""
        cdrs, periods = zip(*self._plain, strict=True) if self._plain else ((), ())
        return {"cdrs": list(cdrs), "charging_periods": list(periods)}

    def take(self, record: Mapping[str, object], context: PageContext, position: int = 0) -> Read:
        """Read a CDR and hold it to what a typed row needs."""
        own = {name: value for name, value in record.items() if name != "tariffs"}
        cdr = parse_cdr(own, context.ocpi_version, owner_id=context.owner_id)
        version_ids, notes, tariffs = self._tariffs_of(record, context)
        changed = hold_to_acceptance(cdr, context.received_at)
        self._keep_tariffs(version_ids, tariffs, context, position)
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

    def _keep_tariffs(
        self, version_ids: tuple[str, ...], tariffs: tuple[Tariff, ...], context: PageContext, position: int
    ) -> None:
        for version_id, tariff in zip(version_ids, tariffs, strict=True):
            told = Told(tariff, TariffSource.CDR, context, position)
            self._tariffs[version_id] = min(self._tariffs.get(version_id, told), told, key=_first_told)

    def _tariffs_of(
        self, record: Mapping[str, object], context: PageContext
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Tariff, ...]]:
        carried = record.get("tariffs")
        if not carried:
            return (), (), ()
        owner = owner_of(Fields("cdr", record), context.owner_id, context.ocpi_version)
        return self._read_tariffs(owner, carried, context.ocpi_version)

    def _read_tariffs(
        self, owner: str, carried: object, ocpi_version: str
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Tariff, ...]]:
        """Give version ids, notes and values of the tariffs that a CDR carries, each list of them read once."""
        if not carried:
            return (), (), ()
        seen = (owner, ocpi_version, CANONICAL(carried))
        if seen not in self._read_before:
            cdr = Fields("cdr", {"tariffs": carried})
            tariffs = tuple(read_tariff(tariff, owner, ocpi_version) for tariff in cdr.children("tariffs"))
            self._read_before[seen] = (tuple(map(tariff_version_id, tariffs)), tuple(cdr.notes), tariffs)
        return self._read_before[seen]


def _first_told(told: Told) -> tuple[datetime, bool, datetime, int, int]:
    """Order tellings of one tariff by when they came; of one page the earliest date counts, in whatever order.

    Plain records are taken before all others, so where on its page a telling stands decides last.
    """
    updated_at, came_at = told.tariff.last_updated_at, told.context.received_at
    return came_at, updated_at is None, updated_at or came_at, told.context.sequence, told.position


def _placed(frame: pl.DataFrame, sequences: pl.Series) -> pl.DataFrame:
    """Say of rows on which page of the pull, and at which position of it, their record stands."""
    sequence = sequences.gather(frame["page"]).alias("sequence")
    return frame.drop("page").rename({"position": "page_position"}).with_columns(sequence)
