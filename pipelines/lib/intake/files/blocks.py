"""Large NDJSON files in blocks of whole lines, byte for byte: to be stored as they are, without touching each line.

A line of a gigabyte file costs more to be handled in Python than to be hashed and packed. So a block is checked as a
whole, and only one that fails is looked through for the lines that are no JSON.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from models.ocpi.envelope import read_page
from pipelines.lib.intake.files.formats import LONGEST_LINE, FileProblem, is_json, is_ndjson, opened

_LINES: Final = msgspec.json.Decoder(msgspec.Raw).decode_lines
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class BlockFinding:
    """What stands in one block."""

    records: int
    lines: int
    """line ends in it, so that the lines of the next block can be numbered"""
    bad: tuple[tuple[int, bytes], ...]
    """lines that are no JSON, each with its number in the block from 0"""


@dataclass(frozen=True, slots=True)
class BlockRange:
    """Where one block stands in its file."""

    start: int
    end: int
    lines: int
    """lines in it, empty ones too"""


@dataclass(frozen=True, slots=True)
class Survey:
    """A file of lines, looked over once."""

    sha256: str
    blocks: tuple[BlockRange, ...]


def survey(path: Path, size: int) -> Survey | None:
    """Hash an NDJSON file and say where its blocks stand, as `file_blocks` cuts it; None for any other, and for gzip.

    Raises:
        FileProblem: for a line too long to be a record.
    """
    with opened(path) as file:
        if isinstance(file.raw, gzip.GzipFile) or not is_ndjson(file):
            return None
    digest, blocks, start, at = hashlib.sha256(), list[BlockRange](), 0, 0
    with path.open("rb", buffering=0) as file:
        while part := file.read(size):
            digest.update(part)
            if end := part.rfind(b"\n") + 1:
                blocks.append(BlockRange(start, at + end, part.count(b"\n")))
                start = at + end
            at += len(part)
            _hold_to_length(at - start)
    if at > start:
        blocks.append(BlockRange(start, at, 1))
    return Survey(digest.hexdigest(), tuple(blocks))


def file_blocks(path: Path, size: int) -> Iterator[bytes] | None:
    """Give the bytes of an NDJSON file in blocks of about `size` that end with a line; None for any other file.

    Raises:
        FileProblem: while it is read, for a line too long to be a record.
    """
    with opened(path) as file:
        if not is_ndjson(file):
            return None
    return _blocks(path, size)


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    rest = b""
    with opened(path) as file:
        while part := file.read(size):
            end = part.rfind(b"\n") + 1
            if not end:
                rest += part
                _hold_to_length(len(rest))
                continue
            yield rest + part[:end]
            rest = part[end:]
    if rest:
        yield rest


def _hold_to_length(size: int) -> None:
    if size > LONGEST_LINE:
        msg = f"a line is longer than {LONGEST_LINE >> 20} MiB: write one record a line"
        raise FileProblem(msg)


def look_at(block: bytes) -> BlockFinding:
    """Count the records of a block and find the lines that are no JSON."""
    records = len(read_page(block, "ndjson"))
    if _is_all_json(block, records):
        return BlockFinding(records, block.count(b"\n"), ())
    lines = ((number, line.strip(b" \t\r")) for number, line in enumerate(block.split(b"\n")))
    bad = tuple((number, line) for number, line in lines if line and not is_json(line))
    return BlockFinding(records, block.count(b"\n"), bad)


def _is_all_json(block: bytes, records: int) -> bool:
    """Tell whether a block is UTF-8 and has one JSON value a line."""
    try:
        return (block.isascii() or bool(block.decode())) and len(_LINES(block)) == records
    except _UNREADABLE:
        return False
