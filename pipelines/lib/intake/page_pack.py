"""Putting the pages of a pull into few files: to make a file costs more than all else that is done with a page.

What is not written yet is lost with a process that is killed, and was worth nothing: pages count from their manifest
on, which comes after all of them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

import msgspec

from pipelines.lib.raw_store import Place, Provenance, RawStore

FULL: Final = 4 * 1024 * 1024
"""bytes, packed, at which a file is written: some hundred pages of CDRs, and little memory"""

_SKIPPABLE: Final = struct.Struct("<II")
_MAGIC: Final = 0x184D2A50
"""begins a frame that says its length and that every decompressor of Zstandard passes over (RFC 8878, 3.1.2)"""


@dataclass(slots=True)
class PagePack:
    """The file of a pull that pages are put into, and after it the next."""

    store: RawStore
    folder: str
    """of the pull, below the raw pages: `<connection_id>/<module>/<pull_id>`"""
    _frames: list[bytes] = field(default_factory=list)
    _size: int = 0
    _file: str = ""
    """named by its first page"""

    def add(self, page: Provenance, frame: bytes) -> Provenance:
        """Put a packed page behind those before it; give its provenance with its place. A full file is written."""
        if not self._frames:
            self._file = f"{page.sequence:05d}.pages.zst"
        placed = msgspec.structs.replace(page, place=Place(self._file, self._size, self._size + len(frame)))
        self._frames += frame, skipped(msgspec.json.encode(placed))
        self._size += len(frame) + len(self._frames[-1])
        if self._size >= FULL:
            self.write()
        return placed

    def write(self) -> None:
        """Write the file, if anything is in it, and begin the next."""
        if self._frames:
            self.store.write_file(f"{self.folder}/{self._file}", b"".join(self._frames))
        self._frames, self._size = [], 0


def skipped(content: bytes) -> bytes:
    """Put bytes into a frame that decompressors skip."""
    return _SKIPPABLE.pack(_MAGIC, len(content)) + content
