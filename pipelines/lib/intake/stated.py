"""What peers stated about reference data, statement by statement: the ground of every history.

The landed tables keep each content once. Here each pull keeps every readable record of the modules of reference data
with its place, so that content which comes back is seen to come back. Layout:
`<lake>/stated/<STATING>/<connection_id>/<module>/<pull_id>.parquet`, made once from the pull's own pages.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec
import polars as pl

from models.ocpi.cdr_frames import column
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
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Manifest, Provenance, RawStore

STATING: Final = "2"
"""Raise it whenever statements are read differently: everything is then stated anew from the raw pages."""

_RECEIPTS: Final = "receipts.ndjson.gz"
_INSTANT: Final = pl.Datetime("us", "UTC")
_PLACE: Final[Mapping[str, pl.DataType]] = {
    "page_sha256": pl.String(),
    "page_position": pl.Int32(),
    "sequence": pl.Int32(),
    "told_at": _INSTANT,
}
_PULL: Final = ("connection_id", "ocpi_version", "pull_id")


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
class Context:
    """What the records of a page have in common."""

    version: str
    owner_id: str | None
    alpha2: Mapping[str, str]


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
    "locations": lambda record, at: read_location(Fields("location", record), at.owner_id, at.alpha2),
    "hubclientinfo": lambda record, _: (read_hub_client(Fields("client", record)),),
    "invoicereconciliation": lambda record, at: read_invoice_record(Fields("invoice record", record), at.owner_id),
}
_NOT_STATED: Final = frozenset({"received_at", "connection_id"})
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
        return every.sort("told_at", "pull_id", "connection_id", "sequence", "page_position", maintain_order=True)

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
        return frame.with_columns(pl.lit(getattr(manifest, name)).alias(name) for name in _PULL)

    def _made(self, manifest: Manifest) -> pl.DataFrame:
        values, places = list[object](), list[tuple[object, ...]]()
        for place, value in [*self._said(manifest), *self._deleted(manifest)]:
            places.append(place)
            values.append(value)
        return _frame(manifest.module, values, places)

    def _said(self, manifest: Manifest) -> Iterator[tuple[tuple[object, ...], object]]:
        """Read every readable record; what cannot be read is the quarantine's, and states nothing."""
        store, read = RawStore(self.lake), READ[manifest.module]
        for page in manifest.pages:
            context = Context(page.ocpi_version, manifest.owner_id, self.alpha2)
            for position, record in enumerate(_records(store, page)):
                for value in values_of(read, record, context):
                    yield (page.sha256, position, page.sequence, page.received_at), value

    def _deleted(self, manifest: Manifest) -> Iterator[tuple[tuple[object, ...], object]]:
        """Read the DELETEs of pushed tariffs from the receipts that lie beside the page."""
        path = f"{self.lake.root}/raw/{manifest.connection_id}/{manifest.module}/{manifest.pull_id}/{_RECEIPTS}"
        if manifest.module != "tariffs" or not self.lake.fs.exists(path):
            return
        for line in gzip.decompress(self.lake.read_bytes(path)).splitlines():
            receipt = msgspec.json.decode(line, type=_Receipt)
            if receipt.method == "DELETE":
                yield (None, None, None, receipt.received_at), StatedTariff(receipt.key, None)


class _Receipt(msgspec.Struct, frozen=True):
    """The part of a receipt that says that something was deleted."""

    method: str
    key: str
    received_at: datetime


def _records(store: RawStore, page: Provenance) -> list[bytes]:
    try:
        return store.read_records(page)
    except RecordProblem:
        return []


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
    return [pl.lit(None, pl.String).alias(name) for name in _PULL]
