"""Files as people drop them: NDJSON, JSON arrays, OCPI envelopes and CSV, plain or gzip, whatever their line ends.

A file is read as a stream of records with the line that each begins in; memory is that of one record, but for JSON
arrays, which are read whole and therefore bounded. What cannot be read as a whole raises `FileProblem`. No file, nor
what a small gzip file unpacks to, is ever held in memory beyond these bounds: one that were would end every pull anew.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec

from models.ocpi.envelope import read_names
from models.ocpi.nesting import DEEPEST, decoded_whole
from pipelines.lib.intake.files.csv_rows import CsvProblem, csv_records

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_LINE: Final = 16 << 20
LARGEST_ARRAY: Final = 256 << 20
_MOST_VALUES: Final = 16 << 20
"""in a JSON array, in all its objects: one of `1,1,1,...` takes forty times its own size in memory"""
_PEEK: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WHITE: Final = b" \t\r\n"
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile)


class FileProblem(Exception):  # noqa: N818 - it is a finding about a file, not a defect
    """A file that cannot be taken at all; the text says what to do."""


class _Envelope(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One record of a file."""

    line: int
    """in which it begins, from 1; for a JSON array the number of the entry"""
    content: bytes
    is_json: bool
    """whether these bytes are JSON at all"""
    is_converted: bool = False
    """whether they are ours, made of CSV"""
    complaint: str | None = None
    """what the format itself finds wrong with it"""


def content_sha256(path: Path) -> str:
    """Give the SHA-256 of what a file says: gzip or not is the same file.

    Raises:
        FileProblem: for a gzip file that is damaged or was cut off, and for a line that no record and no list may have.
    """
    digest, length = hashlib.sha256(), 0
    with opened(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            end = block.rfind(b"\n") + 1
            length = len(block) - end if end else length + len(block.strip(_WHITE))
            if length > LARGEST_ARRAY:
                msg = f"more than {LARGEST_ARRAY >> 20} MiB without a line end: write one record a line (NDJSON)"
                raise FileProblem(msg)
    return digest.hexdigest()


def file_records(path: Path, module: str, notes: list[str]) -> Iterator[FileRecord]:
    """Give the records of a file; what had to be done to read it is added to `notes`.

    Raises:
        FileProblem: where the file as a whole makes no sense.
    """
    with opened(path) as file:
        text = _without_mark(file, notes)
        skipped, begin = _begin(text)
        yield from _records(_again(begin, text), begin, skipped, module, notes)


def _begin(file: io.BufferedReader) -> tuple[int, bytes]:
    """Read to what stands behind leading white space, however long that is: a format is told by its first line.

    Give the line ends before it, and the text from there to 64 KiB behind the end of its first line, if that line is
    short enough to be a record's.
    """
    skipped = 0
    while block := file.read(_PEEK):
        text = block.lstrip(_WHITE)
        skipped += block.count(b"\n", 0, len(block) - len(text))
        if text:
            first = b"" if b"\n" in text else file.readline(LONGEST_LINE)
            return skipped, text + first + file.read(_PEEK)
    return skipped, b""


class _Again(io.RawIOBase):
    """A stream whose begin was already read."""

    def __init__(self, begin: bytes, rest: io.BufferedReader) -> None:
        super().__init__()
        self._begin = io.BytesIO(begin)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._begin.readinto(buffer) or self._rest.readinto(buffer)


def _again(begin: bytes, rest: io.BufferedReader) -> io.BufferedReader:
    return io.BufferedReader(_Again(begin, rest), _PEEK)


def _without_mark(file: io.BufferedReader, notes: list[str]) -> io.BufferedReader:
    """Drop a byte order mark; UTF-16, which only small files from spreadsheets have, becomes UTF-8."""
    begin = file.peek(_PEEK)
    if begin.startswith(_WIDE):
        notes.append("UTF-16 turned into UTF-8")
        content = _whole(file).decode("utf-16", errors="replace").encode()
        return io.BufferedReader(cast("io.RawIOBase", io.BytesIO(content)), _PEEK)
    if begin.startswith(codecs.BOM_UTF8):
        notes.append("byte order mark dropped")
        file.read(len(codecs.BOM_UTF8))
    return file


def _records(
    file: io.BufferedReader, begin: bytes, skipped: int, module: str, notes: list[str]
) -> Iterator[FileRecord]:
    """Read a file that begins so, behind some lines that were skipped."""
    if not begin:
        return iter(())
    if begin.startswith(b"["):
        return _entries(_whole(file), notes)
    if not begin.startswith(b"{"):
        return _rows(file, skipped, module, notes)
    first, *others = begin.strip(_WHITE).splitlines()
    if is_json(first):
        return _entries(_whole(file), notes) if _is_envelope(first) else _lines(file, skipped)
    # NDJSON whose first line is bad or too long, or one object over several lines: those within it are indented.
    if not others or any(line.startswith(b"{") and is_json(line) for line in others[:-1]):
        return _lines(file, skipped)
    return _entries(_whole(file), notes)


def is_ndjson(file: io.BufferedReader) -> bool:
    """Tell whether a file surely has one JSON object a line: its first line is one, and no envelope."""
    lines = file.peek(_PEEK)[:_PEEK].splitlines()
    return bool(lines) and lines[0].startswith(b"{") and is_json(lines[0]) and not _is_envelope(lines[0])


def _lines(file: io.BufferedReader, skipped: int) -> Iterator[FileRecord]:
    number = skipped
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            msg = f"line {number} is longer than {LONGEST_LINE >> 20} MiB: write one record a line"
            raise FileProblem(msg)
        if content := line.strip(_WHITE):
            complaint = None if is_json(content) else "this line is no JSON"
            yield FileRecord(number, content, is_json=complaint is None, complaint=complaint)


def _entries(content: bytes, notes: list[str]) -> Iterator[FileRecord]:
    if content.count(b",") > _MOST_VALUES:
        msg = f"JSON array of more than {_MOST_VALUES:,} values: write one record a line (NDJSON)"
        raise FileProblem(msg)
    try:
        if content.lstrip(_WHITE).startswith(b"["):
            listed, as_sent = decoded_whole(_LIST.decode, content, DEEPEST + 1)
        elif _is_envelope(content):
            notes.append("records taken out of an OCPI envelope")
            envelope, as_sent = decoded_whole(_ENVELOPE.decode, content, DEEPEST + 2)
            listed = envelope.data
        else:
            value, as_sent = decoded_whole(_ANY.decode, content, DEEPEST)
            listed = [value]
    except _UNREADABLE as error:
        msg = f"the file is no JSON ({error}): it may have been cut off; send it again"
        raise FileProblem(msg) from None
    for number, entry in enumerate(listed, start=1):
        if len(memoryview(entry)) > LONGEST_LINE:
            msg = f"record {number} is longer than {LONGEST_LINE >> 20} MiB: no record may be"
            raise FileProblem(msg)
        yield FileRecord(number, as_sent(entry), is_json=True)


def _rows(file: io.BufferedReader, skipped: int, module: str, notes: list[str]) -> Iterator[FileRecord]:
    content = _decoded(file, notes)
    try:
        for row in csv_records(content, module, notes, skipped):
            yield FileRecord(row.line, row.content, is_json=True, is_converted=True, complaint=row.complaint)
    except CsvProblem as problem:
        raise FileProblem(str(problem)) from None


def _decoded(file: io.BufferedReader, notes: list[str]) -> io.TextIOBase:
    """Read CSV as UTF-8, or as Windows-1252 where its first block is not: what spreadsheets write here."""
    begin = file.peek(_PEEK)[:_PEEK]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(begin)
    except UnicodeDecodeError:
        notes.append("read as Windows-1252")
        return io.TextIOWrapper(file, encoding="cp1252", errors="replace", newline="")
    return io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")


def _whole(file: io.BufferedReader) -> bytes:
    content = file.read(LARGEST_ARRAY + 1)
    if len(content) > LARGEST_ARRAY:
        msg = f"JSON array or UTF-16 of more than {LARGEST_ARRAY >> 20} MiB: write one record a line (NDJSON, UTF-8)"
        raise FileProblem(msg)
    return content


def is_json(content: bytes) -> bool:
    """Tell whether bytes are one JSON value, in UTF-8; what nests too deep counts as one, to be refused as a record."""
    try:
        content.decode()
        decoded_whole(_ANY.decode, content, DEEPEST)
    except _UNREADABLE:
        return False
    return True


def _is_envelope(content: bytes) -> bool:
    """Tell an OCPI envelope from a record: a list `data` beside a `status_code`, and no id of its own.

    A record may have two fields of these names that its sender added; taken for an envelope it would be lost.
    """
    if b'"status_code"' not in content:
        return False
    names = read_names(content)
    if any(each is not None for each in (names.id, names.uid, names.authorization_id)):
        return False
    try:
        decoded_whole(_ENVELOPE.decode, content, DEEPEST + 2)
    except _UNREADABLE:
        return False
    return True


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, through gzip where it begins like that.

    Raises:
        FileProblem: while it is read, for a gzip file that is damaged or was cut off.
    """
    with path.open("rb", buffering=_PEEK) as plain:
        file = cast("io.BufferedReader", plain)
        if not file.peek(2).startswith(_GZIP):
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unzipped:
                yield io.BufferedReader(cast("io.RawIOBase", unzipped), _PEEK)
        except _DAMAGED:
            msg = "the gzip file is damaged or was cut off: send it again"
            raise FileProblem(msg) from None
