"""How a stage is timed: by the clock on the wall, and by the processor time of every core together."""

from __future__ import annotations

import os
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
    began, worked = time.perf_counter(), _processor_time()
    rows = work()
    return Stage(rows, unit, time.perf_counter() - began, _processor_time() - worked)


def _processor_time() -> float:
    """Give the processor seconds of this process and of its workers that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
