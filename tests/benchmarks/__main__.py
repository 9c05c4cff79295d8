"""Speed and memory of each stage, each beside a baseline of the same run: `make bench`.

Every measurement runs in a process of its own, so that its peak memory is its own. The world is made once per size and
pulled over HTTP; the stages then work on the stores that the stage before left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    intake_stages,
    pull_stages,
    rating_stages,
    reconciliation_exhibits,
    reconciliation_stages,
)
from tests.benchmarks.stages import BASELINES, STAGES

console = Console(width=120)


def measure(stage: str, home: Path, sessions: int) -> dict[str, float]:
    """Run one stage in its own process and give its figures."""
    command = [sys.executable, "-m", "tests.benchmarks.stages", stage, str(home), str(sessions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"benchmark stage {stage} failed:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def rows_of(home: Path, sessions: int) -> list[dict[str, object]]:
    """Measure every stage over one world of the sandbox, each with its baseline."""
    return [_row(stage, BASELINES.get(stage), home, sessions) for stage in STAGES]


def rating_rows(folder: Path, cdrs: int) -> list[dict[str, object]]:
    """Measure rating alone over a month of its own."""
    with console.status(f"{cdrs:,} CDRs: a month to be rated"):
        measure("world", folder, cdrs)
    return [_row(stage, rating_stages.BASELINES.get(stage), folder, cdrs) for stage in rating_stages.STAGES]


def pull_rows(folder: Path, cdrs: int) -> list[dict[str, object]]:
    """Measure a pull over HTTP alone."""
    return [_row(stage, pull_stages.BASELINES.get(stage), folder, cdrs) for stage in pull_stages.STAGES]


def intake_rows(folder: Path, cdrs: int) -> list[dict[str, object]]:
    """Measure intake alone over one file of CDRs."""
    with console.status(f"{cdrs:,} CDRs: a file to be taken in"):
        measure("intake_world", folder, cdrs)
    return [_row(stage, intake_stages.BASELINES.get(stage), folder, cdrs) for stage in intake_stages.STAGES]


def reconciliation_rows(folder: Path, cdrs: int) -> list[dict[str, object]]:
    """Measure reconciliation alone over a month of its own."""
    with console.status(f"{cdrs:,} CDRs: a month to be reconciled"):
        measure("records", folder, cdrs)
    baselines = reconciliation_stages.BASELINES
    return [_row(stage, baselines.get(stage), folder, cdrs) for stage in reconciliation_stages.STAGES]


def _row(stage: str, baseline: str | None, home: Path, size: int) -> dict[str, object]:
    """Measure a stage and its baseline, whose times are brought to as many rows as the stage has."""
    with console.status(f"{size:,}: {stage}"):
        found = measure(stage, home, size)
        base = measure(baseline, home, size) if baseline else None
    scale = found["rows"] / base["rows"] if base else 1
    return {
        "name": stage,
        "n": int(found["rows"]),
        "unit": found["unit"],
        "seconds": round(found["seconds"], 3),
        "cpu_seconds": round(found["cpu_seconds"], 3),
        "rows_per_second": round(found["rows"] / found["seconds"]),
        "peak_mib": round(found["peak_mib"]),
        "baseline": baseline,
        "baseline_seconds": round(base["seconds"] * scale, 3) if base else None,
        "baseline_cpu_seconds": round(base["cpu_seconds"] * scale, 3) if base else None,
        "baseline_peak_mib": round(base["peak_mib"]) if base else None,
        "ratio": round(found["seconds"] / base["seconds"] / scale, 3) if base else None,
        "cpu_ratio": round(found["cpu_seconds"] / base["cpu_seconds"] / scale, 3) if base else None,
    }


def show(rows: list[dict[str, object]]) -> None:
    """Print the figures as a table."""
    table = Table(title="roamledger bench", title_justify="left", header_style="bold")
    table.add_column("stage")
    for name in ("rows", "seconds", "rows/s", "peak MiB"):
        table.add_column(name, justify="right")
    table.add_column("baseline")
    for name in ("seconds", "x baseline", "x CPU"):
        table.add_column(name, justify="right")
    for row in rows:
        base = ("", "", "", "")
        if row["baseline"]:
            base = (
                str(row["baseline"]),
                f"{row['baseline_seconds']:.2f}",
                f"{row['ratio']:.2f}",
                f"{row['cpu_ratio']:.3f}",
            )
        figures = (f"{row['n']:,} {row['unit']}", f"{row['seconds']:.2f}", f"{row['rows_per_second']:,}")
        table.add_row(str(row["name"]), *figures, str(row["peak_mib"]), *base)
    console.print(table)


def main() -> None:
    """Measure the sizes asked for, print the table and write bench.json."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--pull-sizes", type=int, nargs="*", default=pull_stages.SIZES)
    parser.add_argument("--intake-sizes", type=int, nargs="*", default=intake_stages.SIZES)
    parser.add_argument("--rating-sizes", type=int, nargs="*", default=rating_stages.SIZES)
    parser.add_argument("--reconciliation-sizes", type=int, nargs="*", default=reconciliation_stages.SIZES)
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    rows = []
    for sessions in options.sizes:
        with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder:
            rows += rows_of(Path(folder), sessions)
    for cdrs in options.pull_sizes:
        with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder:
            rows += pull_rows(Path(folder), cdrs)
    for cdrs in options.intake_sizes:
        with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder:
            rows += intake_rows(Path(folder), cdrs)
    for cdrs in options.rating_sizes:
        with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder:
            rows += rating_rows(Path(folder), cdrs)
    for cdrs in options.reconciliation_sizes:
        with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder:
            rows += reconciliation_rows(Path(folder), cdrs)
    show(rows)
    console.print(reconciliation_exhibits.table())
    options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
