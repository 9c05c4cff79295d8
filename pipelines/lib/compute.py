"""The only way in which an asset runs a kernel or a renderer over many files: `Compute.map`.

Today it is a process pool on this machine; the functions handed to it take one item and return a small value, so a
cluster engine can map them unchanged.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Compute:
    """A pool of `workers` processes; with one worker everything runs in the caller's process."""

    workers: int

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `function(item)` for each item, in the order of the items."""
        pending = list(items)
        if self.workers == 1 or len(pending) <= 1:
            yield from map(function, pending)
            return
        # spawn, not fork: the caller holds threads (Polars, Dagster, uvicorn) that a forked child would inherit locked.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self.workers, len(pending)), mp_context=context, initializer=_alone) as pool:
            yield from pool.map(function, pending)


def _alone() -> None:
    """Have Polars use one thread in each process: there is a process for each core already."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
