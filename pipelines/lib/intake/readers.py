"""Reading the pages of one module: every record becomes a row, or one quarantine record with rule and reason.

A reader gathers canonical values of one batch of pages and turns them into columns at the end; an unreadable record
costs nobody but itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol, cast

import msgspec
import polars as pl

from models.ocpi.acceptance import hold_to_acceptance, hold_to_calendar
from models.ocpi.authorizations import read_authorization
from models.ocpi.canonical import Cdr, Tariff
from models.ocpi.cdr_frames import cdr_columns, columns_of, period_columns
from models.ocpi.envelope import PageFormat, read_page
from models.ocpi.fields import Fields
from models.ocpi.frames import tariff_frames, tariff_version_id
from models.ocpi.hub_clients import read_hub_client
from models.ocpi.invoice_records import read_invoice_record
from models.ocpi.locations import read_location
from models.ocpi.plain_cdrs import PLAIN_VERSION, CarriedTariffs, PlainCdrs, plain_cdrs
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_cdr, parse_tariff
from models.ocpi.sessions import read_session
from models.ocpi.tariffs import owner_of, read_tariff
from models.ocpi.tokens import read_token
from models.types.vocabularies import TariffSource
from pipelines.lib.intake.identity import names_in, read_names, record_id, record_key

PAGE: Final = -1
"""page position of a page that could not be cut into records"""

_DECODE: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_CANONICAL: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
"""the last for an exponent that no Decimal can hold, such as 1e9999999999999999999: without it one digit string in one
record would stop everybody's intake"""

RecordRow = tuple[object, ...]
"""a row of `landing.RECORD_SCHEMA`"""


@dataclass(frozen=True, slots=True)
class PageContext:
    """What the records of a page have in common."""

    sequence: int
    sha256: str
    received_at: datetime
    ocpi_version: str
    owner_id: str | None
    page_format: PageFormat = "envelope"


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader says about a record that it took."""

    last_updated_at: datetime | None
    at: datetime | None = None
    """the instant that decides the billing month"""
    remark: str | None = None


class Reader(Protocol):
    """Takes the records of one module and gives them back as columns."""

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a record and keep it; raise `RecordProblem` where it cannot be read."""
        ...

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give the rows of the records taken by table name, with `row` numbering the records taken."""
        ...


@dataclass
class Batch:
    """Some pages of one module: their records with what became of each, and the rows of the good ones."""

    module: str
    reader: Reader
    records: list[RecordRow] = field(default_factory=list)
    plain: list[pl.DataFrame] = field(default_factory=list)
    """rows of `landing.RECORD_SCHEMA` for records that were read all at once"""
    _taken: list[tuple[int, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Records and unreadable pages so far."""
        return len(self.records) + sum(map(len, self.plain))

    def add_page(self, context: PageContext, content: bytes) -> list[bytes]:
        """Read a page; one that cannot be cut into records is one row of its own.

        Returns those of its records that were not plain, and had to be read one by one.
        """
        try:
            records = read_page(content, context.page_format)
        except RecordProblem as problem:
            text = content.decode("utf-8", errors="replace")
            self.records.append(
                (
                    *(context.sequence, context.sha256, PAGE, None, None, context.sha256),
                    *(problem.rule, str(problem), text, None, None, context.received_at),
                )
            )
            return []
        taken = self._take_plain(context, records, is_text=_is_utf8(content))
        others = [(position, record) for position, record in enumerate(records) if position not in taken]
        self.records.extend(self._row(context, position, record) for position, record in others)
        return [record for _, record in others]

    def _take_plain(self, context: PageContext, records: list[bytes], *, is_text: bool) -> set[int]:
        """Let the reader take what is plain all at once; give the positions of that."""
        if not (is_text and records and isinstance(self.reader, CdrReader) and context.ocpi_version == PLAIN_VERSION):
            return set()
        plain = self.reader.take_plain(records, context).cdrs
        positions = plain["position"].to_list()
        self.plain.append(
            plain.select(
                pl.lit(context.sequence, pl.Int32).alias("sequence"),
                pl.lit(context.sha256).alias("page_sha256"),
                pl.col("position").alias("page_position"),
                pl.col("cdr_id").alias("record_id"),
                "record_key",
                pl.Series("content_sha256", [_sha256(records[position]) for position in positions], pl.String),
                *(pl.lit(None, pl.String).alias(name) for name in ("rule", "reason", "record_json")),
                pl.col("ended_at").alias("at"),
                "last_updated_at",
                pl.lit(context.received_at).cast(pl.Datetime("us", "UTC")).alias("received_at"),
            )
        )
        return set(positions)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give the rows of the good records, each with the page and position it came from."""
        places = pl.DataFrame(
            self._taken, schema={"sequence": pl.Int32, "page_position": pl.Int32}, orient="row"
        ).with_row_index("row")
        found = {
            name: frame.join(places, on="row", how="left", maintain_order="left").drop("row")
            if "row" in frame.columns
            else frame
            for name, frame in self.reader.frames().items()
        }
        plain = self.reader.plain_frames() if isinstance(self.reader, CdrReader) else {}
        return {name: pl.concat([frame, *plain.get(name, ())], how="diagonal") for name, frame in found.items()}

    def _row(self, context: PageContext, position: int, record: bytes) -> RecordRow:
        """Read one record into its row; what cannot be read keeps its own bytes."""
        decoded: object = None
        content_sha256 = ""
        try:
            decoded = _decoded(record)
            content_sha256 = _sha256(record) if self.module == "cdrs" else canonical_sha256(decoded)
            read = self.reader.take(_as_object(decoded, record), context)
        except RecordProblem as problem:
            text = record.decode("utf-8", errors="replace")
            content_sha256 = content_sha256 or _sha256(record)
            became = (problem.rule, problem.message, text, None, None)
        else:
            self._taken.append((context.sequence, position))
            became = (None, read.remark, None, read.at, read.last_updated_at)
        names = names_in(cast("dict[str, object]", decoded)) if isinstance(decoded, dict) else read_names(record)
        said = (record_id(self.module, names), record_key(self.module, names, context.owner_id))
        return (context.sequence, context.sha256, position, *said, content_sha256, *became, context.received_at)


def canonical_sha256(decoded: object) -> str:
    """Give the SHA-256 of a record's canonical JSON: the same for the same content, however it is spelled."""
    return hashlib.sha256(_CANONICAL(decoded)).hexdigest()


def canonical_of(record: bytes) -> str:
    """Give the SHA-256 of a record's canonical JSON, or of its own bytes where it is no JSON."""
    try:
        return canonical_sha256(_DECODE(record))
    except _UNREADABLE:
        return _sha256(record)


def _sha256(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()


def _is_utf8(content: bytes) -> bool:
    try:
        return content.isascii() or bool(content.decode())
    except UnicodeDecodeError:
        return False


def _decoded(record: bytes) -> object:
    """Decode one record with exact decimals. msgspec, because the standard library takes four times as long."""
    try:
        return _DECODE(record)
    except _UNREADABLE as error:
        detail = "an exponent beyond all reason" if isinstance(error, ArithmeticError) else error
        message = f"expected JSON, found {_shown(record)}: {detail}"
        raise RecordProblem(rule="not_json", field="", message=message) from None


def _as_object(decoded: object, record: bytes) -> dict[str, object]:
    if not isinstance(decoded, dict):
        message = f"expected an object, found {_shown(record)}"
        raise RecordProblem(rule="wrong_type", field="", message=message)
    return cast("dict[str, object]", decoded)


def _shown(record: bytes) -> str:
    return repr(record[:60].decode("utf-8", errors="replace"))


@dataclass
class CdrReader:
    """Reads CDRs and the tariffs inside them. The same tariffs come in thousands of CDRs and are read once."""

    alpha2: Mapping[str, str]
    _cdrs: list[Cdr] = field(default_factory=list)
    _version_ids: list[tuple[str, ...]] = field(default_factory=list)
    _notes: list[tuple[str, ...]] = field(default_factory=list)
    _tariffs: dict[str, tuple[Tariff, TariffSource, datetime]] = field(default_factory=dict)
    _read_before: dict[tuple[str, str, bytes], tuple[tuple[str, ...], tuple[str, ...], tuple[Tariff, ...]]] = field(
        default_factory=dict
    )
    _plain: list[tuple[PageContext, PlainCdrs]] = field(default_factory=list)

    def take_plain(self, records: list[bytes], context: PageContext) -> PlainCdrs:
        """Take the plain ones among the records of a page, and keep them."""

        def carried(owner: str, tariffs: bytes) -> CarriedTariffs | None:
            try:
                return self._read_tariffs(owner, _DECODE(tariffs), context)[:2]
            except (RecordProblem, *_UNREADABLE):
                return None

        plain = plain_cdrs(records, context.received_at, self.alpha2, carried)
        for owner, content in plain.carried:
            version_ids, _, tariffs = self._read_tariffs(owner, _DECODE(content), context)
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
        return {"cdrs": cdrs, "charging_periods": periods.with_columns(rows), **_tariff_rows(self._tariffs)}

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
        seen = (owner, context.ocpi_version, _CANONICAL(carried))
        if seen not in self._read_before:
            cdr = Fields("cdr", {"tariffs": carried})
            tariffs = tuple(read_tariff(tariff, owner, context.ocpi_version) for tariff in cdr.children("tariffs"))
            self._read_before[seen] = (tuple(map(tariff_version_id, tariffs)), tuple(cdr.notes), tariffs)
        return self._read_before[seen]


def _first_told(told: tuple[Tariff, TariffSource, datetime]) -> tuple[datetime, bool, datetime]:
    """Order tellings of one tariff by when they came; of one page the earliest date counts, in whatever order.

    Plain records are taken before the others of their page, and a set of them has no order at all.
    """
    tariff, _, received_at = told
    return received_at, tariff.last_updated_at is None, tariff.last_updated_at or received_at


def _placed(frame: pl.DataFrame, context: PageContext) -> pl.DataFrame:
    """Say of rows on which page and at which position their record stands."""
    own = frame.drop("record_key", strict=False).rename({"position": "page_position"})
    return own.with_columns(pl.lit(context.sequence, pl.Int32).alias("sequence"))


@dataclass
class TariffReader:
    """Reads published tariffs into versions."""

    alpha2: Mapping[str, str]
    _tariffs: dict[str, tuple[Tariff, TariffSource, datetime]] = field(default_factory=dict)

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a tariff; the first to bring a content gives the version its time."""
        tariff = parse_tariff(record, context.ocpi_version, owner_id=context.owner_id)
        published = (tariff, TariffSource.PUBLISHED, context.received_at)
        self._tariffs.setdefault(tariff_version_id(tariff), published)
        return Read(tariff.last_updated_at)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give versions and components."""
        return _tariff_rows(self._tariffs)


@dataclass
class ValueReader:
    """Reads modules whose records become rows of one table: a record may give several rows, or none."""

    table: str
    read: Callable[[Mapping[str, object], PageContext], tuple[tuple[object, ...], Read]]
    _values: list[object] = field(default_factory=list)
    _rows: list[int] = field(default_factory=list)
    _count: int = 0

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a record into its rows."""
        values, read = self.read(record, context)
        hold_to_calendar(read.at)
        self._values += values
        self._rows += [self._count] * len(values)
        self._count += 1
        return read

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give the rows of the table."""
        rows = pl.Series("row", self._rows, pl.UInt32)
        return {self.table: columns_of(self.table, self._values).with_columns(rows)}


@dataclass(frozen=True)
class StatedReader:
    """Reads modules that land no rows of their own: their tables are made of statements (`stated.py`)."""

    read: Callable[[Mapping[str, object], PageContext], Read]

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a record only to know whether it can be read."""
        return self.read(record, context)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give nothing."""
        return {}


def _tariff_rows(tariffs: Mapping[str, tuple[Tariff, TariffSource, datetime]]) -> dict[str, pl.DataFrame]:
    versions, components = tariff_frames(tariffs.values())
    return {"tariff_versions": versions, "tariff_components": components}


def _sessions(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], context: PageContext) -> tuple[tuple[object, ...], Read]:
        session = read_session(Fields("session", record), context.owner_id)
        return (session,), Read(session.last_updated_at, session.ended_at or session.started_at)

    return ValueReader("sessions", read)


def _tokens(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], _context: PageContext) -> tuple[tuple[object, ...], Read]:
        token = read_token(Fields("token", record))
        return (token,), Read(token.last_updated_at)

    return ValueReader("tokens", read)


def _authorizations(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], _context: PageContext) -> tuple[tuple[object, ...], Read]:
        authorization = read_authorization(Fields("authorization", record))
        return (authorization,), Read(authorization.last_updated_at, authorization.authorized_at)

    return ValueReader("authorizations", read)


def _locations(alpha2: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], context: PageContext) -> tuple[tuple[object, ...], Read]:
        location = Fields("location", record)
        connectors = read_location(location, context.owner_id, alpha2)
        remark = "; ".join(note for note in location.notes if "time_zone" in note) or None
        return connectors, Read(location.instant("last_updated"), remark=remark)

    return ValueReader("connectors", read)


def _hub_clients(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], _context: PageContext) -> Read:
        return Read(read_hub_client(Fields("client", record)).last_updated_at)

    return StatedReader(read)


def _invoice_records(_: Mapping[str, str]) -> Reader:
    def read(record: Mapping[str, object], context: PageContext) -> Read:
        return Read(read_invoice_record(Fields("invoice record", record), context.owner_id)[0].last_updated_at)

    return StatedReader(read)


READERS: Final[Mapping[str, Callable[[Mapping[str, str]], Reader]]] = {
    "cdrs": CdrReader,
    "tariffs": TariffReader,
    "sessions": _sessions,
    "locations": _locations,
    "tokens": _tokens,
    "authorizations": _authorizations,
    "hubclientinfo": _hub_clients,
    "invoicereconciliation": _invoice_records,
}
"""a fresh reader per module; the argument is the table of country codes"""
