"""Files instead of a peer: loaded into the same raw store, once each, and reported line by line.

A file is a pull: its records stand on pages of a few MiB, each in its own bytes (a large NDJSON file byte for byte, in
blocks of whole lines), and its manifest comes last. Its pull id carries the SHA-256 of what it says and the version it
is read as, so the same file given again, under any name, is a duplicate, and one whose loading was killed is loaded
again under the same id. One that was given as the wrong version is taken again as the right one. CSV is kept beside its
pages as it came (`source.csv.gz`).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from models.ocpi.acceptance import hold_to_parties
from models.ocpi.envelope import PageFormat, read_names
from models.ocpi.problems import RecordProblem
from pipelines.lib.compute import Compute
from pipelines.lib.errors import UserError
from pipelines.lib.intake.files.block_parts import BlockPart, Taken, keep_block, take_part
from pipelines.lib.intake.files.blocks import Survey, file_blocks, survey
from pipelines.lib.intake.files.formats import FileProblem, FileRecord, content_sha256, file_records
from pipelines.lib.intake.files.report import MOST_PROBLEMS, FileFinding, FileReport, clipped, shown
from pipelines.lib.intake.files.stamp import Stamp, hold_unchanged, stamp
from pipelines.lib.intake.identity import names_in, owner_in, record_id
from pipelines.lib.intake.landing import grouped
from pipelines.lib.intake.pages import page_of_lines
from pipelines.lib.intake.readers import READERS, PageContext
from pipelines.lib.intake.readers.decoding import as_object, decoded_record
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import alpha2_by_alpha3
from pipelines.lib.raw_store import MANIFEST, Manifest, Provenance, RawStore
from pipelines.lib.settings import Connection, OcpiVersion, Settings

MODULES: Final = tuple(READERS)
PAGE_BYTES: Final = 4 << 20
CHECKED_BYTES: Final = 64 << 20
"""A file up to this size is read record by record before it is stored, so that its report is complete; of a larger one
only lines that are no JSON are reported, and intake quarantines the rest."""

_TOO_LARGE: Final = "too large to be checked record by record here: see what intake quarantines"
_ID_TIME: Final = "%Y%m%dT%H%M%SZ"
"""how a pull id begins"""
_SHA_DIGITS: Final = 24
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_PLAIN_VERSION: Final = "2.2.1"
"""whose pull ids name no version: those of before named none, whichever they were read as"""
_MEND: Final = "correct it and send the record again; it is quarantined until then"


@dataclass(frozen=True, slots=True)
class FileSource:
    """Whose file it is, and what it holds."""

    connection: Connection
    module: str
    ocpi_version: OcpiVersion = "2.2.1"

    @property
    def owner_id(self) -> str | None:
        """The party behind the connection where there is exactly one."""
        return self.connection.parties[0] if len(self.connection.parties) == 1 else None


class _Told(msgspec.Struct):
    """What a manifest says of a file."""

    ocpi_version: str


def load_file(settings: Settings, lake: Lake, path: Path, source: FileSource, seen: Stamp | None = None) -> FileReport:
    """Load one file; what is wrong with it is in the report and raises nothing.

    A file that is changed meanwhile, or is another one than was `seen` under its name, is rejected: half of it would
    count as the whole.

    Raises:
        UserError: for a module that files do not have, or a file that cannot be opened.
    """
    if source.module not in MODULES:
        msg = f"module {source.module!r} cannot be loaded from a file (known: {', '.join(MODULES)})"
        raise UserError(msg)
    return _Loading(settings, lake, path, source, seen or stamp(path.stat())).run()


@dataclass
class _Loading:
    """The loading of one file."""

    settings: Settings
    lake: Lake
    path: Path
    source: FileSource
    seen: Stamp
    notes: list[str] = field(default_factory=list)
    findings: list[FileFinding] = field(default_factory=list)
    problems: int = 0
    _pages: list[Provenance] = field(default_factory=list)
    _is_converted: bool = False

    def run(self) -> FileReport:
        sha256: str | None = None
        try:
            hold_unchanged(self.seen, self.path.stat())
            blocks = survey(self.path, PAGE_BYTES) if self._is_large else None
            sha256 = blocks.sha256 if blocks else content_sha256(self.path)
            pull_id, is_finished = self._pull_id(sha256)
            if is_finished:
                return self._report("duplicate", sha256, pull_id)
            self._store(pull_id, blocks)
            self._hold_to_content(sha256)
            self._finish(pull_id)
        except FileProblem as problem:
            self.problems, self.findings = 0, []  # none of its records was loaded: only this is to be mended
            self._find(None, None, str(problem), "nothing of the file was loaded")
            return self._report("rejected", sha256, None)
        return self._report("loaded", sha256, pull_id)

    @property
    def _is_large(self) -> bool:
        return self.seen.size > CHECKED_BYTES

    def _pull_id(self, sha256: str) -> tuple[str, bool]:
        """Give the id under which this content was begun or finished before, else a new one; and whether it is done.

        What it was read as is part of what it is: given as the wrong version, it may be given again as the right one.
        """
        plain = f"-file-{sha256[:_SHA_DIGITS]}"
        named = f"{plain}-{self.source.ocpi_version}"
        plain_ids, named_ids = self._ids(plain), self._ids(named)
        for pull_id in (*plain_ids, *named_ids):
            if self._version_of(pull_id) == self.source.ocpi_version:
                return pull_id, True
        is_plain = self.source.ocpi_version == _PLAIN_VERSION and not any(map(self._version_of, plain_ids))
        begun = plain_ids if is_plain else named_ids
        return (begun[0] if begun else f"{self.settings.clock():{_ID_TIME}}{plain if is_plain else named}"), False

    def _ids(self, ending: str) -> list[str]:
        return sorted(str(each).rsplit("/", 1)[1] for each in self.lake.fs.glob(f"{self._folder}/*{ending}"))

    def _version_of(self, pull_id: str) -> str | None:
        """Give the version as which a pull was read; None where it was not finished."""
        path = f"{self._folder}/{pull_id}/{MANIFEST}"
        if not self.lake.fs.exists(path):
            return None
        return msgspec.json.decode(self.lake.read_bytes(path), type=_Told).ocpi_version

    @property
    def _folder(self) -> str:
        return f"{self.lake.root}/raw/{self.source.connection.connection_id}/{self.source.module}"

    def _store(self, pull_id: str, found: Survey | None) -> None:
        if found is not None:
            self._take_parts(pull_id, found)
        elif self._is_large and (blocks := file_blocks(self.path, PAGE_BYTES)) is not None:
            self._store_blocks(pull_id, blocks)
        else:
            self._store_records(pull_id)
        self._keep_source(pull_id)

    def _hold_to_content(self, sha256: str) -> None:
        """Hold what was stored to what the file says: to all of it, and to something where it says anything at all."""
        hold_unchanged(self.seen, self.path.stat())
        if not self._pages and sha256 != _NOTHING:
            msg = "there is no record in it, though it is not empty"
            raise FileProblem(msg)

    def _finish(self, pull_id: str) -> None:
        now = self.settings.clock()
        RawStore(self.lake).finish(
            Manifest(
                connection_id=self.source.connection.connection_id,
                module=self.source.module,
                ocpi_version=self.source.ocpi_version,
                pull_id=pull_id,
                owner_id=self.source.owner_id,
                # An empty window: a file says nothing about what else there is, so it may never move a watermark.
                since=now,
                until=now,
                finished_at=now,
                failure=None,
                pages=tuple(self._pages),
                parties=self.source.connection.speaks_for,
            )
        )

    def _take_parts(self, pull_id: str, found: Survey) -> None:
        """Store and land a file of lines byte for byte, a block a page, some at a time."""
        self.notes.append(_TOO_LARGE)
        page, parts, first = self._page_of_lines(pull_id), list[BlockPart](), 0
        for blocks in grouped(found.blocks, attrgetter("lines")):
            source = (self.source.owner_id, self.source.connection.speaks_for, str(self.path), self.seen)
            parts.append(BlockPart(self.lake.url, alpha2_by_alpha3(), *source, page, first, blocks))
            first += len(blocks)
        line = 1
        for taken in Compute(self.settings.workers).map(take_part, parts):
            for each in taken:
                line = self._take_block(each, line)

    def _store_blocks(self, pull_id: str, blocks: Iterator[bytes]) -> None:
        """Keep a packed file of lines byte for byte, a block a page."""
        self.notes.append(_TOO_LARGE)
        page, store, line = self._page_of_lines(pull_id), RawStore(self.lake), 1
        for sequence, block in enumerate(blocks):
            line = self._take_block(keep_block(store, msgspec.structs.replace(page, sequence=sequence), block), line)

    def _page_of_lines(self, pull_id: str) -> Provenance:
        """Give what all pages of a file of lines have in common.

        They came when the file was first begun: so a loading that is done again writes the same.
        """
        begun = datetime.strptime(pull_id.split("-", maxsplit=1)[0], _ID_TIME).replace(tzinfo=UTC)
        return msgspec.structs.replace(self._provenance(pull_id, 0, b"", 0, "ndjson"), received_at=begun)

    def _take_block(self, written: Taken, line: int) -> int:
        """Note a block that is stored; give the number of the line after it."""
        page, found = written
        if page.records:
            self._pages.append(page)
        for number, content in found.bad:
            named = record_id(self.source.module, read_names(content))
            self._find(line + number, named, "this line is no JSON", _MEND)
        return line + found.lines

    def _store_records(self, pull_id: str) -> None:
        group: list[bytes] = []
        size = 0
        for record in self._checked_records():
            if not record.is_json:
                # A page of its own, in its own bytes: on a page with others it would make them all unreadable.
                self._write_page(pull_id, group)
                self._write_page(pull_id, [record.content], is_json=False)
                group, size = [], 0
                continue
            group.append(record.content)
            size += len(record.content)
            if size >= PAGE_BYTES:
                self._write_page(pull_id, group)
                group, size = [], 0
        self._write_page(pull_id, group)

    def _checked_records(self) -> Iterator[FileRecord]:
        is_checked = not self._is_large
        if not is_checked:
            self.notes.append(_TOO_LARGE)
        for record in file_records(self.path, self.source.module, self.notes):
            self._is_converted = record.is_converted
            complaint = record.complaint or (self._complaint(record) if is_checked else None)
            if complaint:
                named = record_id(self.source.module, read_names(record.content)) if record.is_json else None
                self._find(record.line, named, complaint, _MEND)
            yield record

    def _complaint(self, record: FileRecord) -> str | None:
        """Say what intake will find wrong with a record."""
        context = PageContext(0, "", self.settings.clock(), self.source.ocpi_version, self.source.owner_id)
        try:
            value = as_object(decoded_record(record.content), record.content)
            owner = owner_in(names_in(value), context.owner_id, context.ocpi_version)
            hold_to_parties(self.source.module, owner, self.source.connection.speaks_for)
            READERS[self.source.module](alpha2_by_alpha3()).take(value, context)
        except RecordProblem as problem:
            return problem.message
        return None

    def _write_page(self, pull_id: str, records: list[bytes], *, is_json: bool = True) -> None:
        if not records:
            return
        content = page_of_lines(records) if is_json else records[0]
        page = self._provenance(pull_id, len(self._pages), content, len(records) if is_json else -1)
        RawStore(self.lake).write_page(page, content)
        self._pages.append(page)

    def _provenance(
        self, pull_id: str, sequence: int, content: bytes, records: int, page_format: PageFormat = "envelope"
    ) -> Provenance:
        return Provenance(
            connection_id=self.source.connection.connection_id,
            module=self.source.module,
            ocpi_version=self.source.ocpi_version,
            pull_id=pull_id,
            sequence=sequence,
            url=f"file:{shown(self.path.name)}",
            http_status=200,
            headers={},
            received_at=self.settings.clock(),
            sha256=hashlib.sha256(content).hexdigest(),
            records=records,
            format=page_format,
        )

    def _keep_source(self, pull_id: str) -> None:
        """Keep a CSV file as it came beside the pages made of it."""
        if not self._is_converted:
            return
        packed = io.BytesIO()
        with self.path.open("rb") as file, gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as zipped:
            shutil.copyfileobj(file, zipped)
        self.lake.write_bytes(f"{self._folder}/{pull_id}/source.csv.gz", packed.getvalue())

    def _find(self, line: int | None, record: str | None, message: str, remedy: str) -> None:
        self.problems += 1
        if len(self.findings) < MOST_PROBLEMS:
            named = None if record is None else clipped(record)
            self.findings.append(FileFinding(line=line, record=named, message=clipped(message), remedy=remedy))

    def _report(self, outcome: str, sha256: str | None, pull_id: str | None) -> FileReport:
        return msgspec.convert(
            {
                "file": shown(str(self.path)),
                "connection_id": self.source.connection.connection_id,
                "module": self.source.module,
                "ocpi_version": self.source.ocpi_version,
                "outcome": outcome,
                "sha256": sha256,
                "pull_id": pull_id,
                "records": sum(max(page.records, 1) for page in self._pages) if outcome == "loaded" else 0,
                "problems": self.problems,
                "findings": self.findings,
                "notes": self.notes,
            },
            FileReport,
            from_attributes=True,
        )
