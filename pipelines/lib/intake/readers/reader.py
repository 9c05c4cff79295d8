"""What a reader is told of a page, and what it says of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from models.ocpi.envelope import PageFormat


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
    """what had to be done to understand it; of a CDR that stands in the notes of its row"""


class Reader(Protocol):
    """Takes the records of one module and gives them back as columns."""

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a record and keep it; raise `RecordProblem` where it cannot be read."""
        ...

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give the rows of the records taken by table name, with `row` numbering the records taken."""
        ...
