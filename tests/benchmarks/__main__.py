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
    """Measure every stage over one world, each with its baseline."""
    rows = []
    for stage in STAGES:
        with console.status(f"{sessions:,} sessions: {stage}"):
            found = measure(stage, home, sessions)
            baseline = BASELINES.get(stage)
            base = measure(baseline, home, sessions) if baseline else None
        rows.append(
            {
                "name": stage,
                "n": int(found["rows"]),
                "unit": found["unit"],
                "seconds": round(found["seconds"], 3),
                "rows_per_second": round(found["rows"] / found["seconds"]),
                "peak_mib": round(found["peak_mib"]),
                "baseline": baseline,
                "baseline_seconds": round(base["seconds"], 3) if base else None,
                "baseline_peak_mib": round(base["peak_mib"]) if base else None,
                "ratio": round(found["seconds"] / base["seconds"], 2) if base else None,
            }
        )
    return rows


def show(rows: list[dict[str, object]]) -> None:
    """Print the figures as a table."""
    table = Table(title="roamledger bench", title_justify="left", header_style="bold")
    table.add_column("stage")
    for name in ("rows", "seconds", "rows/s", "peak MiB"):
        table.add_column(name, justify="right")
    table.add_column("baseline")
    for name in ("seconds", "x baseline"):
        table.add_column(name, justify="right")
    for row in rows:
        base = ("", "", "")
        if row["baseline"]:
            base = (str(row["baseline"]), f"{row['baseline_seconds']:.2f}", f"{row['ratio']:.2f}")
        figures = (f"{row['n']:,} {row['unit']}", f"{row['seconds']:.2f}", f"{row['rows_per_second']:,}")
        table.add_row(str(row["name"]), *figures, str(row["peak_mib"]), *base)
    console.print(table)


def main() -> None:
    """Measure the sizes asked for, print the table and write bench.json."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    rows = []
    for sessions in options.sizes:
        with tempfile.TemporaryDirectory(prefix="roamledger-bench-") as folder:
            rows += rows_of(Path(folder), sessions)
    show(rows)
    options.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
