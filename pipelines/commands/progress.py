"""A progress display over asset runs: one line per step, with what it took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pipelines.lib.runs import StepFinished


class RunProgress:
    """Shows the steps of one or more runs as they finish."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def step(self, run: str, finished: StepFinished) -> None:
        """Advance the bar of a run, naming the step that finished."""
        if run not in self._tasks:
            self._tasks[run] = self._progress.add_task(run, total=finished.total, step="")
        name = finished.name.rsplit("__", 1)[-1].replace("_", " ")
        total = max(finished.total, finished.done)
        self._progress.update(self._tasks[run], completed=finished.done, total=total, step=name)

    def finish(self, run: str) -> None:
        """Fill the bar of a run that is over."""
        if run in self._tasks:
            task = self._tasks[run]
            self._progress.update(task, completed=self._progress.tasks[task].total, step="")


@contextmanager
def run_progress(console: Console) -> Iterator[RunProgress]:
    """Show progress while the block runs; on a terminal it moves, in a log it prints once at the end."""
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description:<30}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[step]}[/]"),
    )
    with Progress(*columns, console=console) as progress:
        yield RunProgress(progress)
