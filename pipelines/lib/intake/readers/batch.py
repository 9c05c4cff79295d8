"""Some pages of one module: every record becomes a row, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

import polars as pl

from models.ocpi.acceptance import hold_to_parties
from models.ocpi.envelope import read_names, read_page
from models.ocpi.plain import PLAIN_VERSION
from models.ocpi.problems import RecordProblem
from pipelines.lib.intake.identity import names_in, owner_in, record_id, record_key
from pipelines.lib.intake.readers.cdrs import CdrReader
from pipelines.lib.intake.readers.decoding import as_object, canonical_sha256, decoded_record, own_sha256
from pipelines.lib.intake.readers.reader import PageContext, Reader

PAGE: Final = -1
"""page position of a page that could not be cut into records"""

RecordRow = tuple[object, ...]
"""a row of `landing.RECORD_SCHEMA`"""


@dataclass(frozen=True, slots=True)
class _CutPage:
    """A page that was cut into its records."""

    context: PageContext
    records: list[bytes]
    is_text: bool
    """UTF-8 throughout"""


@dataclass
class Batch:
    """Some pages of one module: their records with what became of each, and the rows of the good ones.

    Add the pages, then `read` them once: what is plain is read all at once, through all pages.
    """

    module: str
    reader: Reader
    parties: frozenset[str] = frozenset()
    """those for whom its connection may speak; none: for anybody"""
    records: list[RecordRow] = field(default_factory=list)
    plain: list[pl.DataFrame] = field(default_factory=list)
    """rows of `landing.RECORD_SCHEMA` for records that were read all at once"""
    _pages: list[_CutPage] = field(default_factory=list)
    _taken: list[tuple[int, int]] = field(default_factory=list)

    def add_page(self, context: PageContext, content: bytes) -> int:
        """Cut a page into its records and give their number; one that cannot be cut is one row of its own."""
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
            return 1
        self._pages.append(_CutPage(context, records, _is_utf8(content)))
        return len(records)

    def read(self) -> dict[int, list[bytes]]:
        """Read the pages; give those records that were not plain and had to be read one by one, by page sequence."""
        taken = self._take_plain([page for page in self._pages if page.is_text and page.records])
        others: dict[int, list[bytes]] = {}
        for page in self._pages:
            plain = taken.get(page.context.sequence, frozenset())
            left = [(position, record) for position, record in enumerate(page.records) if position not in plain]
            self.records.extend(self._row(page.context.of(position), position, record) for position, record in left)
            others[page.context.sequence] = [record for _, record in left]
        self._pages.clear()
        return others

    def _take_plain(self, pages: list[_CutPage]) -> dict[int, frozenset[int]]:
        """Let the reader take what is plain all at once; give the positions of that by page sequence."""
        plain_pages = [page for page in pages if page.context.ocpi_version == PLAIN_VERSION]
        if not (plain_pages and isinstance(self.reader, CdrReader)):
            return {}
        plain = self.reader.take_plain([(page.context, page.records) for page in plain_pages], self.parties).cdrs
        if plain.is_empty():
            return {}
        places = list(zip(plain["page"].to_list(), plain["position"].to_list(), strict=True))
        hashes = [own_sha256(plain_pages[page].records[position]) for page, position in places]
        contexts = pl.DataFrame(
            [
                (context.sequence, context.sha256, context.received_at)
                for context in (page.context for page in plain_pages)
            ],
            schema={"sequence": pl.Int32, "page_sha256": pl.String, "received_at": pl.Datetime("us", "UTC")},
            orient="row",
        )
        self.plain.append(
            contexts.select(pl.all().gather(plain["page"])).with_columns(
                plain["position"].alias("page_position"),
                plain["cdr_id"].alias("record_id"),
                plain["cdr_key"].alias("record_key"),
                pl.Series("content_sha256", hashes, pl.String),
                *(pl.lit(None, pl.String).alias(name) for name in ("rule", "reason", "record_json")),
                plain["ended_at"].alias("at"),
                plain["last_updated_at"],
            )
        )
        positions = plain.group_by("page").agg("position")
        return {plain_pages[page].context.sequence: frozenset(found) for page, found in positions.rows()}

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
        owner_and_version = context.owner_id, context.ocpi_version
        try:
            decoded = decoded_record(record)
            content_sha256 = own_sha256(record) if self.module == "cdrs" else canonical_sha256(decoded)
            found = as_object(decoded, record)
            hold_to_parties(self.module, owner_in(names_in(found), *owner_and_version), self.parties)
            read = self.reader.take(found, context, position)
        except RecordProblem as problem:
            text = record.decode("utf-8", errors="replace")
            content_sha256 = content_sha256 or own_sha256(record)
            became = (problem.rule, problem.message, text, None, None)
        except RecursionError:  # from whatever reads it: one record may cost itself, and never its page
            text = record.decode("utf-8", errors="replace")
            content_sha256 = own_sha256(record)
            became = ("not_json", "its objects and lists are nested too deeply to be read", text, None, None)
        else:
            self._taken.append((context.sequence, position))
            became = (None, read.remark, None, read.at, read.last_updated_at)
        names = names_in(cast("dict[str, object]", decoded)) if isinstance(decoded, dict) else read_names(record)
        said = (record_id(self.module, names), record_key(self.module, names, *owner_and_version))
        return (context.sequence, context.sha256, position, *said, content_sha256, *became, context.received_at)


def _is_utf8(content: bytes) -> bool:
    try:
        return content.isascii() or bool(content.decode())
    except UnicodeDecodeError:
        return False
