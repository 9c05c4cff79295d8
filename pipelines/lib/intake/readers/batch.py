"""Some pages of one module: every record becomes a row, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

import polars as pl

from models.ocpi.envelope import read_page
from models.ocpi.plain import PLAIN_VERSION
from models.ocpi.problems import RecordProblem
from pipelines.lib.intake.identity import names_in, read_names, record_id, record_key
from pipelines.lib.intake.readers.cdrs import CdrReader
from pipelines.lib.intake.readers.decoding import as_object, canonical_sha256, decoded_record, own_sha256
from pipelines.lib.intake.readers.reader import PageContext, Reader

PAGE: Final = -1
"""page position of a page that could not be cut into records"""

RecordRow = tuple[object, ...]
"""a row of `landing.RECORD_SCHEMA`"""


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
                pl.Series("content_sha256", [own_sha256(records[position]) for position in positions], pl.String),
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
            decoded = decoded_record(record)
            content_sha256 = own_sha256(record) if self.module == "cdrs" else canonical_sha256(decoded)
            read = self.reader.take(as_object(decoded, record), context)
        except RecordProblem as problem:
            text = record.decode("utf-8", errors="replace")
            content_sha256 = content_sha256 or own_sha256(record)
            became = (problem.rule, problem.message, text, None, None)
        else:
            self._taken.append((context.sequence, position))
            became = (None, read.remark, None, read.at, read.last_updated_at)
        names = names_in(cast("dict[str, object]", decoded)) if isinstance(decoded, dict) else read_names(record)
        said = (record_id(self.module, names), record_key(self.module, names, context.owner_id))
        return (context.sequence, context.sha256, position, *said, content_sha256, *became, context.received_at)


def _is_utf8(content: bytes) -> bool:
    try:
        return content.isascii() or bool(content.decode())
    except UnicodeDecodeError:
        return False
