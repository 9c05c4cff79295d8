"""Precision and recall of every rule over planted faults, on seeds that no test uses."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from rich.table import Table

from models.types.time import BillingMonth
from pipelines.sandbox.exhibits.plan import ALL_RULES, build_exhibits, together
from pipelines.sandbox.streams import stream
from pipelines.sandbox.world import World, build_world
from tests.unit.reconciliation.sandbox_month import fired_rules, lake_of, reconciled, scores_of

MONTH = BillingMonth(2026, 10)
SEEDS = {"V": 7001, "W": 7002, "X": 7003, "Y": 7004, "Z": 7005}
SESSIONS = 2000
Scores = Counter[tuple[str, str]]


def scores() -> tuple[Scores, int]:
    """Count hits, misses and false alarms by rule, and the clean CDRs that were held or rejected."""
    parts = [build_exhibits(ALL_RULES, stream(seed, "exhibits"), MONTH, series) for series, seed in SEEDS.items()]
    world = replace(build_world(7000, SESSIONS, MONTH), exhibits=together(parts))
    with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder, pytest.MonkeyPatch.context() as patch:
        tables = reconciled(lake_of(world, Path(folder), patch))
    return scores_of(world.exhibits, fired_rules(tables)), _wronged(world, tables["verdicts"])


def _wronged(world: World, verdicts: pl.DataFrame) -> int:
    given = dict(verdicts.select("cdr_key", "verdict").iter_rows())
    clean = [truth.cdr_key for truth in world.truth.cdrs if not truth.faults]
    return sum(given[key] != "accept" for key in clean)


def table() -> Table:
    """Lay the figures out, one row per rule and one for all."""
    counts, wronged = scores()
    shown = Table(title=f"rules on seeds {', '.join(map(str, SEEDS.values()))}", title_justify="left")
    for name in ("rule", "planted", "recall", "precision"):
        shown.add_column(name, justify="left" if name == "rule" else "right")
    for rule in sorted({rule for rule, _ in counts}):
        shown.add_row(rule, *_figures(counts, [rule]))
    shown.add_row("all", *_figures(counts, sorted({rule for rule, _ in counts})), style="bold")
    shown.caption = f"clean CDRs held or rejected: {wronged} of {SESSIONS:,} sessions"
    return shown


def _figures(counts: Scores, rules: list[str]) -> tuple[str, str, str]:
    hits, misses, false = (sum(counts[rule, kind] for rule in rules) for kind in ("hit", "miss", "false"))
    recall = f"{hits / (hits + misses):.3f}" if hits + misses else "-"
    precision = f"{hits / (hits + false):.3f}" if hits + false else "-"
    return f"{hits + misses}", recall, precision
