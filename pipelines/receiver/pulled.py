"""Objects that came by pull or as files: found through the typed tables, read from their raw page.

What is looked up for nearly every push, whether a CDR came before, costs no reading: the keys of `typed/cdrs` are held
sorted, and a month of them is read again when intake wrote it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

import polars as pl

from models.ocpi.envelope import read_names
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import RecordOutcome
from pipelines.lib.intake.identity import record_key
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Provenance, RawStore

_CDRS: Final = "cdrs"
_KEY: Final = "cdr_key"
_PLACE: Final = ("connection_id", "page_sha256", "page_position")


class FirstCdr(NamedTuple):
    """The body of a CDR that came before all others under its key."""

    body: bytes
    ocpi_version: str


@dataclass
class PulledObjects:
    """The records of one lake as they stand after the last intake."""

    lake: Lake
    _lock: Lock = field(default_factory=Lock, repr=False)
    """pushes ask from several threads, and one of them reads for all"""
    _stamp: object = None
    _months: dict[BillingMonth, tuple[object, pl.DataFrame]] = field(default_factory=dict, repr=False)
    """the stamp of a month's file, and its keys with their places, sorted by key"""
    _pages: dict[tuple[str, str], Provenance] = field(default_factory=dict, repr=False)
    """pages of CDRs by connection and SHA-256"""

    def newest(self, connection_id: str, module: str, key: str) -> bytes | None:
        """Give the own bytes of the last record received for an object; None where there is none."""
        for place in self._places(connection_id, module, key):
            found = RawStore(self.lake).record(*place)
            if _is_of(module, key, found):
                return found
        return None

    def versions(self, connection_id: str, module: str, key: str) -> list[bytes]:
        """Give the own bytes of every version of an object that intake could read, the last received first."""
        found = RawStore(self.lake).records(self._places(connection_id, module, key))
        return [each for each in found if _is_of(module, key, each)]

    def first_cdr(self, key: str) -> FirstCdr | None:
        """Give the body of a CDR that intake took for the first, in its own bytes, whoever brought it; else None."""
        with self._lock:
            self._refresh()
            places = [place for _, keys in self._months.values() if (place := _place_of(keys, key)) is not None]
            return self._record(*places[0]) if places else None

    def _places(self, connection_id: str, module: str, key: str) -> list[tuple[str, str, str, int]]:
        """Give where the records with the id of an object stand, the last received first; its owner is in them."""
        records = self.lake.read(Layer.TYPED, "records").filter(
            pl.col("outcome") == str(RecordOutcome.TYPED),
            connection_id=connection_id,
            module=module,
        )
        named = records.filter(pl.col("record_id").str.to_uppercase() == key.split("*", 2)[-1])
        rows = named.select("page_sha256", "page_position").rows()
        return [(connection_id, module, page_sha256, position) for page_sha256, position in reversed(rows)]

    def _refresh(self) -> None:
        """Read the months that intake wrote since. `typed/records` is written last and with every new record."""
        stamp = self.lake.stamp(self.lake.path(Layer.TYPED, "records"))
        if stamp == self._stamp:
            return
        found: dict[BillingMonth, tuple[object, pl.DataFrame]] = {}
        for month in self.lake.months(Layer.TYPED, _CDRS):
            path = self.lake.path(Layer.TYPED, _CDRS, month)
            before, now = self._months.get(month), self.lake.stamp(path)
            found[month] = before if before is not None and before[0] == now else (now, self._keys(path))
        self._months, self._stamp = found, stamp

    def _keys(self, path: str) -> pl.DataFrame:
        keys = pl.read_parquet(self.lake.read_bytes(path), columns=[_KEY, *_PLACE])
        # Few pages have many CDRs: their names are held once.
        return keys.with_columns(pl.col("connection_id", "page_sha256").cast(pl.Categorical)).sort(_KEY)

    def _record(self, connection_id: str, page_sha256: str, position: int) -> FirstCdr:
        store, place = RawStore(self.lake), (connection_id, page_sha256)
        if place not in self._pages:
            for manifest in store.manifests(connection_id, _CDRS):
                self._pages |= {(connection_id, page.sha256): page for page in manifest.pages}
        page = self._pages[place]
        return FirstCdr(store.read_records(page)[position], page.ocpi_version)


def _is_of(module: str, key: str, record: bytes) -> bool:
    """Tell whether a record is of an object; one that names no owner (2.1.1) is taken for the owner's asked for."""
    return record_key(module, read_names(record), key.rsplit("*", 1)[0]) == key


def _place_of(keys: pl.DataFrame, key: str) -> tuple[str, str, int] | None:
    """Give where a CDR stands, by halving: connection, page and position."""
    row = keys[_KEY].search_sorted(key)
    if row >= keys.height or keys[_KEY][row] != key:
        return None
    connection_id, page_sha256, position = keys.select(_PLACE).row(row)
    return connection_id, page_sha256, position
