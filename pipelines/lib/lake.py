"""The lake: Parquet tables under a contract, each partition replaced as a whole or not at all.

Layout: `<lake>/<layer>/<table>/part-0.parquet`, or `<lake>/<layer>/<table>/billing_month=2026-10/part-0.parquet`.
A reader sees the old partition or the new one: a file is written beside its place and renamed onto it.
"""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import fsspec
import polars as pl
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from models.schemas.registry import Layer, OlderTableError, Table, table
from models.types.time import BillingMonth
from pipelines.lib.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fsspec import AbstractFileSystem

_PART = "part-0.parquet"

COMPRESSION: Final = "lz4"
"""A table is read many times for each time that it is written: zstd would save a third of the disk, and reading a month
of charging periods would take twice the time."""


@dataclass(frozen=True)
class Lake:
    """The typed tables and raw pages of one home."""

    url: str
    fs: AbstractFileSystem = field(init=False, repr=False)
    root: str = field(init=False)

    def __post_init__(self) -> None:
        """Resolve the fsspec URL once."""
        fs, root = fsspec.url_to_fs(self.url)
        object.__setattr__(self, "fs", fs)
        object.__setattr__(self, "root", str(root).rstrip("/"))

    def path(self, layer: Layer, name: str, month: BillingMonth | None = None) -> str:
        """Give the file of a table, or of one partition of it."""
        hand_over = table(layer, name)
        if hand_over.by_month != (month is not None):
            msg = f"{layer}/{name} is {'' if hand_over.by_month else 'not '}partitioned by billing month"
            raise ValueError(msg)
        partition = f"/billing_month={month}" if month else ""
        return f"{self.root}/{layer}/{name}{partition}/{_PART}"

    def write(self, layer: Layer, name: str, frame: pl.DataFrame, month: BillingMonth | None = None) -> str:
        """Validate a frame against its contract and put it in the place of the partition; give the file's path."""
        hand_over = table(layer, name)
        hand_over.contract.validate(frame, lazy=True)
        path = self.path(layer, name, month)
        buffer = io.BytesIO()
        frame.select(list(hand_over.schema)).write_parquet(buffer, compression=COMPRESSION, statistics=True)
        self.write_bytes(path, buffer.getvalue())
        return path

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file beside its place and rename it onto it, so that no reader ever sees half of it."""
        folder, beside = path.rsplit("/", 1)[0], f"{path}.{uuid.uuid4().hex}.tmp"
        if isinstance(self.fs, LocalFileSystem):  # four times as fast, which a pull of many pages notices
            file = Path(beside)
            try:
                file.write_bytes(content)
            except FileNotFoundError:  # the first file of a folder: asking before each would cost all the others
                self.fs.makedirs(folder, exist_ok=True)
                file.write_bytes(content)
            file.replace(path)
        else:
            self.fs.makedirs(folder, exist_ok=True)
            self.fs.pipe_file(beside, content)
            self.fs.mv(beside, path)

    def read(self, layer: Layer, name: str, month: BillingMonth | None = None) -> pl.DataFrame:
        """Read one partition or one unpartitioned table; what was never written is an empty frame of the contract."""
        path = self.path(layer, name, month)
        hand_over = table(layer, name)
        if not self.fs.exists(path):
            return hand_over.empty()
        try:
            return hand_over.adopted(pl.read_parquet(self.read_bytes(path)))
        except OlderTableError as error:
            msg = f"{error}: delete {path} and run roamledger pull, which makes it again"
            raise UserError(msg) from None

    def is_older(self, layer: Layer, name: str, month: BillingMonth | None = None) -> bool:
        """Tell whether what is stored lacks a column of the contract, because an older version wrote it."""
        path = self.path(layer, name, month)
        if not self.fs.exists(path):
            return False
        with self.fs.open(path, "rb") as file:
            return not set(table(layer, name).schema) <= set(pq.read_schema(file).names)

    def read_bytes(self, path: str, begins: int | None = None, ends: int | None = None) -> bytes:
        """Read a file, or its bytes `[begins, ends)`."""
        return cast("bytes", self.fs.cat_file(path, begins, ends))

    def read_months(self, layer: Layer, name: str, months: Iterable[BillingMonth] | None = None) -> pl.DataFrame:
        """Read several partitions (all by default) as one frame, in the order of the months."""
        wanted = list(months) if months is not None else self.months(layer, name)
        frames = [self.read(layer, name, month) for month in sorted(wanted)]
        return pl.concat([table(layer, name).empty(), *frames], how="vertical")

    def read_columns(self, layer: Layer, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Read some columns of every partition, as one frame in the order of the months; the others are not decoded.

        Of columns that an older version did not write nothing is made up: name those that always were.
        """
        paths = [self.path(layer, name, month) for month in self.months(layer, name)]
        frames = [pl.read_parquet(self.read_bytes(path), columns=list(columns)) for path in paths]
        return pl.concat([table(layer, name).empty().select(columns), *frames], how="vertical")

    def stamp(self, path: str) -> tuple[object, ...] | None:
        """Give what is another once a file was replaced; None where there is none."""
        if not self.fs.exists(path):
            return None
        facts = self.fs.info(path)
        return facts.get("mtime") or facts.get("LastModified"), facts.get("size"), facts.get("ino")

    def months(self, layer: Layer, name: str) -> list[BillingMonth]:
        """List the months that a partitioned table has, in order."""
        pattern = f"{self.root}/{layer}/{name}/billing_month=*/{_PART}"
        return sorted(
            BillingMonth.parse(str(path).rsplit("billing_month=", 1)[1][:7]) for path in self.fs.glob(pattern)
        )


def sample_keys(frame: pl.DataFrame, hand_over: Table, limit: int = 5) -> list[str]:
    """Give up to `limit` keys of a frame for messages: keys only, never whole rows with personal data."""
    return ["|".join(str(part) for part in row) for row in frame.select(hand_over.key).head(limit).iter_rows()]
