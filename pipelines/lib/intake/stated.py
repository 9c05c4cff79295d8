"""What peers stated about reference data, statement by statement: the ground of every history.

The landed tables keep each content once. Here each pull keeps every readable record of the modules of reference data
with its place, so that content which comes back is seen to come back. What was pushed was told with its own request:
its time, its turn, and the fact of a DELETE stand in the receipts beside the page. Layout:
`<lake>/stated/<STATING>/<connection_id>/<module>/<pull_id>.parquet`, made once from the pull's own pages.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import polars as pl

from models.ocpi.acceptance import hold_to_parties
from models.ocpi.cdr_frames import column
from models.ocpi.envelope import read_names
from models.ocpi.exact_json import decode_json
from models.ocpi.fields import Fields
from models.ocpi.frames import tariff_key, tariff_version_id
from models.ocpi.hub_clients import read_hub_client
from models.ocpi.invoice_records import read_invoice_record
from models.ocpi.known_fields import unknown_fields
from models.ocpi.locations import read_location
from models.ocpi.problems import RecordProblem
from models.ocpi.reading import parse_tariff
from models.ocpi.tokens import read_token
from models.schemas.registry import Layer, table
from pipelines.lib.intake.identity import owner_in
from pipelines.lib.intake.receipts import Receipt, receipts_of
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, Provenance, RawStore

STATING: Final = "5"
"""Raise it whenever statements are read differently: everything is then stated anew from the raw pages."""

_INSTANT: Final = pl.Datetime("us", "UTC")
_PLACE: Final[Mapping[str, pl.DataType]] = {
    "page_sha256": pl.String(),
    "page_position": pl.Int32(),
    "told_index": pl.Int32(),
    "told_at": _INSTANT,
}
_SAID_IN: Final = ("connection_id", "ocpi_version", "pull_id")


@dataclass(frozen=True, slots=True)
class StatedTariff:
    """What one record, or one DELETE, says about a published tariff."""

    tariff_key: str
    tariff_version_id: str | None
    """None: it was deleted"""
    tariff_type: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    last_updated_at: datetime | None = None
    unknown: tuple[str, ...] = ()
    """fields that OCPI does not know, in words"""


@dataclass(frozen=True, slots=True)
class WithdrawnInvoice:
    """What a DELETE says about an invoice record: the columns of `InvoicedCdr`, of which only the key is left."""

    record_key: str
    cpo_id: None = None
    record_id: None = None
    invoice_id: None = None
    cdr_key: None = None
    cdr_id: None = None
    last_updated_at: None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What the records of a page have in common."""

    version: str
    owner_id: str | None
    alpha2: Mapping[str, str]
    parties: tuple[str, ...] = ()
    """those for whom its connection may speak; none: for anybody"""


_Read = Callable[[Mapping[str, object], Context], Sequence[object]]


def _tariff(record: Mapping[str, object], context: Context) -> tuple[StatedTariff, ...]:
    tariff = parse_tariff(record, context.version, owner_id=context.owner_id)
    return (
        StatedTariff(
            tariff_key(tariff),
            tariff_version_id(tariff),
            tariff.tariff_type,
            tariff.valid_from,
            tariff.valid_to,
            tariff.last_updated_at,
            unknown_fields("tariffs", context.version, record),
        ),
    )


READ: Final[Mapping[str, _Read]] = {
    "tariffs": _tariff,
    "tokens": lambda record, _: (read_token(Fields("token", record)),),
    "locations": lambda record, at: read_location(Fields("location", record), at.owner_id, at.version, at.alpha2),
    "hubclientinfo": lambda record, _: (read_hub_client(Fields("client", record)),),
    "invoicereconciliation": lambda record, at: read_invoice_record(Fields("invoice record", record), at.owner_id),
}
_DELETED: Final[Mapping[str, Callable[[str], object]]] = {
    "tariffs": lambda key: StatedTariff(key, None),
    "invoicereconciliation": WithdrawnInvoice,
}
"""what a DELETE states, by the modules that have one; the argument is the key of the object"""

_NOT_STATED: Final = frozenset({"received_at", "connection_id", "ocpi_version", "page_sha256", "page_position"})
"""columns of the typed tables that say where a statement came from, and not what it says"""


def _of_table(name: str) -> dict[str, pl.DataType]:
    return {column: dtype for column, dtype in table(Layer.TYPED, name).schema.items() if column not in _NOT_STATED}


COLUMNS: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    "tariffs": {
        "tariff_key": pl.String(),
        "tariff_version_id": pl.String(),
        "tariff_type": pl.String(),
        "valid_from": _INSTANT,
        "valid_to": _INSTANT,
        "last_updated_at": _INSTANT,
        "unknown": pl.List(pl.String()),
    },
    "tokens": _of_table("tokens"),
    "locations": _of_table("connectors"),
    "hubclientinfo": _of_table("hub_clients"),
    "invoicereconciliation": _of_table("invoice_reconciliations"),
}
"""what is stated, by module"""


@dataclass(frozen=True)
class Stated:
    """The statements of one lake."""

    lake: Lake
    alpha2: Mapping[str, str]

    def statements(self, module: str, manifests: Sequence[Manifest]) -> pl.DataFrame:
        """Give every statement of a module, in the order told, reading only the pages of pulls that are new."""
        frames = [self._of_pull(each) for each in manifests if each.module == module]
        every = pl.concat([_frame(module, [], []).with_columns(_nobody()), *frames])
        return every.sort("told_at", "pull_id", "connection_id", "told_index", maintain_order=True)

    def _of_pull(self, manifest: Manifest) -> pl.DataFrame:
        path = (
            f"{self.lake.root}/stated/{STATING}/{manifest.connection_id}/{manifest.module}/{manifest.pull_id}.parquet"
        )
        if self.lake.fs.exists(path):
            frame = pl.read_parquet(self.lake.read_bytes(path))
        else:
            frame = self._made(manifest)
            buffer = io.BytesIO()
            frame.write_parquet(buffer, compression="zstd")
            self.lake.write_bytes(path, buffer.getvalue())
        return frame.with_columns(pl.lit(getattr(manifest, name)).alias(name) for name in _SAID_IN)

    def _made(self, manifest: Manifest) -> pl.DataFrame:
        values, places = list[object](), list[tuple[object, ...]]()
        for index, telling in enumerate(self._tellings(manifest)):
            for value in self._values(manifest, telling):
                places.append((telling.page_sha256, telling.position, index, telling.told_at))
                values.append(value)
        return _frame(manifest.module, values, places)

    def _tellings(self, manifest: Manifest) -> Iterator[_Telling]:
        """Give what was told in a pull, in its order."""
        store, receipts = RawStore(self.lake), receipts_of(self.lake, manifest)
        for page in manifest.pages:
            records = _records(store, page)
            yield from _pushed(page, records, receipts) if receipts else _listed(page, records)

    def _values(self, manifest: Manifest, telling: _Telling) -> Sequence[object]:
        """Read a readable record, or a DELETE; what cannot be read is the quarantine's, and states nothing."""
        if telling.record is not None:
            context = Context(telling.ocpi_version, manifest.owner_id, self.alpha2, manifest.parties)
            if _is_foreign(manifest.module, telling.record, context):
                return ()
            return values_of(READ[manifest.module], telling.record, context)
        if telling.deleted_key is not None and manifest.module in _DELETED:
            return (_DELETED[manifest.module](telling.deleted_key),)
        return ()


@dataclass(frozen=True, slots=True)
class _Telling:
    """A record as it was told, or that an object was deleted."""

    ocpi_version: str
    told_at: datetime
    page_sha256: str | None = None
    position: int | None = None
    record: bytes | None = None
    deleted_key: str | None = None


def _listed(page: Provenance, records: Sequence[bytes]) -> Iterator[_Telling]:
    """Give the records of a page that came as a whole."""
    for position, record in enumerate(records):
        yield _Telling(page.ocpi_version, page.received_at, page.sha256, position, record)


def _pushed(page: Provenance, records: Sequence[bytes], receipts: Sequence[Receipt]) -> Iterator[_Telling]:
    """Give the records of a pushed page, each at the time of its own request: the page has that of its last."""
    for each in receipts:
        if each.position is not None:
            yield _Telling(page.ocpi_version, each.received_at, page.sha256, each.position, records[each.position])
        elif each.method == "DELETE":
            yield _Telling(page.ocpi_version, each.received_at, deleted_key=each.key)


def _records(store: RawStore, page: Provenance) -> list[bytes]:
    try:
        return store.read_records(page)
    except RecordProblem:
        return []


def _is_foreign(module: str, record: bytes, context: Context) -> bool:
    """Tell whether a record is of a party for which its connection may not speak: quarantined, it states nothing."""
    if not context.parties:
        return False
    try:
        hold_to_parties(module, owner_in(read_names(record), context.owner_id, context.version), context.parties)
    except RecordProblem:
        return True
    return False


def values_of(read: _Read, record: bytes, context: Context) -> Sequence[object]:
    """Give what a record states; one that cannot be read states nothing."""
    try:
        decoded = decode_json(record)
        return read(decoded, context) if isinstance(decoded, dict) else ()
    except (RecordProblem, UnicodeDecodeError, RecursionError):
        return ()


def _frame(module: str, values: Sequence[object], places: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    turned: list[Sequence[Any]] = [*zip(*places, strict=True)] if places else [()] * len(_PLACE)
    return pl.DataFrame(
        [
            *(column(name, list(map(attrgetter(name), values)), dtype) for name, dtype in COLUMNS[module].items()),
            *(column(name, found, dtype) for (name, dtype), found in zip(_PLACE.items(), turned, strict=True)),
        ]
    )


def _nobody() -> list[pl.Expr]:
    return [pl.lit(None, pl.String).alias(name) for name in _SAID_IN]
