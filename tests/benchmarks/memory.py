"""How much memory a stage takes: of its process and of every worker that lives at the same time. Linux only.

The system knows the peak of one process, and of its workers only that of the largest, whenever that was. So the sum is
looked at some times a second; what this process alone took at its peak is known exactly.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Self

_SECONDS = 0.25
"""between two looks: a look takes milliseconds, which the stage has to wait for, and a worker lives for many of them"""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIBIBYTE = 1024
_SPARED: set[int] = set()


def spare(process: int) -> None:
    """Leave a process and all under it out: a server stands for somebody else's machine."""
    _SPARED.add(process)


class PeakMemory:
    """The most memory of this process since it began, or of it and those under it together while watched; in MiB.

    What processes share is counted for each of them: never too little.
    """

    def __init__(self) -> None:
        self._together = 0
        self._over = Event()
        self._watch = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        if not Path("/proc/self/statm").exists():
            sys.exit("peak memory is read from /proc: run make bench on Linux")
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    @property
    def mib(self) -> float:
        alone = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE
        return max(alone, self._together) / _KIBIBYTE**2

    def _look(self) -> None:
        while not self._over.wait(_SECONDS):
            self._together = max(self._together, sum(map(_resident, _tree(os.getpid()))))


def _tree(root: int) -> set[int]:
    """Give a process and all under it that live now."""
    parents = {int(each.name): _parent(each) for each in Path("/proc").iterdir() if each.name.isdigit()}
    found = {root}
    while more := {each for each, parent in parents.items() if parent in found} - found - _SPARED:
        found |= more
    return found


def _parent(process: Path) -> int:
    """Give the parent of a process; none where it has ended."""
    with suppress(OSError):
        _, _, facts = (process / "stat").read_text().rpartition(")")  # a name may have spaces and brackets
        return int(facts.split()[1])
    return 0


def _resident(process: int) -> int:
    """Give the bytes that a process has in memory, those included that it shares; none where it has ended."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
    return 0
