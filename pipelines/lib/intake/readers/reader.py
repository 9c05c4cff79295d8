"""What a reader is told of a page, and what it says of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    told_at: Mapping[int, datetime] = field(default_factory=dict)
    """when a record was received, by position, where it did not come with its page as a whole"""

    def of(self, position: int) -> PageContext:
        """Give the context of one record: with the time at which that was received."""
        told_at = self.told_at.get(position)
        return self if told_at is None else replace(self, received_at=told_at)


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

    def take(self, record: Mapping[str, object], context: PageContext, position: int = 0) -> Read:
        """Read the record at a position of its page and keep it; raise `RecordProblem` where it cannot be read.

        Who only wants to know whether a record can be read, leaves the position out.
        """
        ...

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give the rows of the records taken by table name, with `row` numbering the records taken."""
        ...
