"""How a stage is timed: by the clock on the wall, and by the processor time of every core together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """What a stage worked on and how long it took."""

    rows: int
    unit: str
    seconds: float
    cpu_seconds: float


def timed(work: Callable[[], int], unit: str) -> Stage:
    """Time a piece of work that says how many rows it handled."""
    began, worked = time.perf_counter(), time.process_time()
    rows = work()
    return Stage(rows, unit, time.perf_counter() - began, time.process_time() - worked)
