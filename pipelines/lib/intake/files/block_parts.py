"""A large file of lines, part by part, each in whatever process is free: stored and landed while it is in the memory.

A block of lines is hashed, packed, written and read into columns in one go. To read it back from the raw store, only to
hash it again and to cut it into its lines a second time, would cost a fifth of the whole intake. What is written
depends on the file and the pull alone: a loading that was killed is done again over what it left, and gives the same
bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipelines.lib.intake.files.blocks import BlockFinding, BlockRange, look_at
from pipelines.lib.intake.files.formats import is_json
from pipelines.lib.intake.files.stamp import Stamp, hold_unchanged
from pipelines.lib.intake.landing import part_folder, without_collector, write_part
from pipelines.lib.intake.readers import READERS, Batch, PageContext
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import Provenance, RawStore


@dataclass(frozen=True, slots=True)
class BlockPart:
    """Some blocks of one file, which become the pages of one landed part."""

    lake_url: str
    alpha2: Mapping[str, str]
    """ISO 3166-1 alpha-2 by alpha-3"""
    owner_id: str | None
    parties: tuple[str, ...]
    path: str
    """of the file"""
    seen: Stamp
    """of the file when it was surveyed"""
    page: Provenance
    """what its pages have in common; sequence, hash and count are each page's own"""
    first: int
    """sequence of its first page"""
    blocks: tuple[BlockRange, ...]


Taken = tuple[Provenance, BlockFinding]
"""a page that is stored, and what was found in its block"""


def take_part(part: BlockPart) -> list[Taken]:
    """Store the blocks of a part and land them. It runs in any process: all it needs is in the part and the file.

    Raises:
        FileProblem: where the file was changed since it was surveyed: what is landed under an id stays landed.
    """
    lake = Lake(part.lake_url)
    module = part.page.module
    store, batch = RawStore(lake), Batch(module, READERS[module](part.alpha2), frozenset(part.parties))
    taken: list[Provenance] = []
    contents: list[bytes] = []
    with without_collector(), Path(part.path).open("rb") as file:
        for sequence, block in enumerate(part.blocks, start=part.first):
            file.seek(block.start)
            content = file.read(block.end - block.start)
            page = msgspec.structs.replace(part.page, sequence=sequence)
            taken.append(_take_block(store, batch, part.owner_id, page, content))
            contents.append(content)
        hold_unchanged(part.seen, os.fstat(file.fileno()))
        others = batch.read()
        write_part(lake, part_folder(lake, part.page, part.first, part.first + len(part.blocks) - 1), batch)
    return [
        (page, BlockFinding(page.records, content.count(b"\n"), _bad_lines(content, others[page.sequence])))
        for page, block, content in zip(taken, part.blocks, contents, strict=True)
    ]


def keep_block(store: RawStore, page: Provenance, content: bytes) -> Taken:
    """Store a block without landing it: of a file that cannot be read at any place, such as a packed one."""
    found = look_at(content)
    kept = msgspec.structs.replace(page, sha256=hashlib.sha256(content).hexdigest(), records=found.records)
    store.write_page(kept, content)
    return kept, found


def _take_block(store: RawStore, batch: Batch, owner_id: str | None, page: Provenance, content: bytes) -> Provenance:
    """Keep a block as a page and cut it into its records."""
    sha256 = hashlib.sha256(content).hexdigest()
    context = PageContext(page.sequence, sha256, page.received_at, page.ocpi_version, owner_id, page.format)
    kept = msgspec.structs.replace(page, sha256=sha256, records=batch.add_page(context, content))
    store.write_page(kept, content)
    return kept


def _bad_lines(content: bytes, others: list[bytes]) -> tuple[tuple[int, bytes], ...]:
    """Find the lines that are no JSON: what is plain was decoded whole, so only what is not can hide one."""
    return () if all(map(is_json, others)) else look_at(content).bad
