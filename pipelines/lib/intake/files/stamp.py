"""Whether a file is still the one that was looked at: it is read more than once, and must say the same each time."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from pipelines.lib.intake.files.formats import FileProblem

CHANGED: Final = "the file was changed while it was being loaded: give it again when it is complete"


class Stamp(NamedTuple):
    """What no write leaves as it was, and what no two files share.

    A write moves both times, and who sets the first one back moves the second.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def stamp(found: os.stat_result) -> Stamp:
    """Give the stamp of a file by its status."""
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def hold_unchanged(seen: Stamp, now: os.stat_result) -> None:
    """Hold a file to the stamp that it had; raise `FileProblem` where it has another."""
    if stamp(now) != seen:
        raise FileProblem(CHANGED)
