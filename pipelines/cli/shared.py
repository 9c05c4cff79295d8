"""What several groups of commands share: where they print, and options that mean the same everywhere."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from pipelines.lib.terminal import Terminal

console = Terminal(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
"""in a pipe or a log a line has 120 columns, not the 80 of a terminal that is not there"""
complaints = Terminal(stderr=True)

Actor = Annotated[str, typer.Option("--by", help="who decides; by default who is logged in")]
Json = Annotated[bool, typer.Option("--json", help="machine-readable output")]
Seed = Annotated[int, typer.Option(help="the world's seed: same seed, same world")]
