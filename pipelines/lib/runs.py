"""Running the asset graph in this process, for commands: the same assets, checks and order as in Dagster's interface.

Loading the definitions imports Dagster and dbt (seconds), so this module is imported only by commands that run assets.
A run's events are kept in memory: what a run did stands in the stores, and writing some thousand events to disk, each
with its own flush, took longer than the work.
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import dagster as dg

from pipelines.lib.errors import UserError

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry


_QUIET: Final = {"console": {"config": {"log_level": "CRITICAL"}}}
"""a command speaks for itself; Dagster's own log of every event belongs in its interface"""


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step of a run that succeeded: what a progress display shows."""

    name: str
    done: int
    total: int
    seconds: float


@dataclass
class _Watch:
    """Listens to one run: counts steps and collects the checks that failed."""

    total: int
    report: Callable[[StepFinished], None]
    started: dict[str, float] = field(default_factory=dict)
    done: int = 0
    failed_checks: list[str] = field(default_factory=list)

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.is_step_start and event.step_key:
            self.started[event.step_key] = time.monotonic()
        elif event.is_step_success and event.step_key:
            self.done += 1
            seconds = time.monotonic() - self.started.get(event.step_key, time.monotonic())
            self.report(StepFinished(event.step_key, self.done, self.total, seconds))
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._note_check(event.asset_check_evaluation_data)

    def _note_check(self, check: dg.AssetCheckEvaluation) -> None:
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            facts = ", ".join(f"{name} {value.value}" for name, value in check.metadata.items())
            self.failed_checks.append(f"{check.asset_key.to_user_string()}: check {check.check_name} failed ({facts})")


def silent(_: StepFinished) -> None:
    """Report nothing."""


@functools.cache
def definitions() -> dg.Definitions:
    """Load the code location once per process."""
    from pipelines.definitions import defs  # noqa: PLC0415 - loading it costs seconds and is not always needed

    return defs()


def run_assets(
    groups: Sequence[str],
    *,
    partition: str | None = None,
    without: Sequence[str] = (),
    run_config: dict[str, object] | None = None,
    report: Callable[[StepFinished], None] = silent,
) -> dg.ExecuteInProcessResult:
    """Materialise the assets of some groups, with their checks, in dependency order.

    Args:
        groups: asset groups.
        partition: billing month, for partitioned assets.
        without: asset keys to leave out, written `layer/name`.
        run_config: Dagster run config.
        report: called after every finished step.

    Raises:
        UserError: when an asset raised one, or a blocking check failed; anything else is raised as it is.
    """
    job = definitions().resolve_implicit_global_asset_job_def()
    keys = _select(groups, without)
    run_id = str(uuid.uuid4())
    watch = _Watch(total=len(job.get_subset(asset_selection=set(keys)).nodes), report=report)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_event_listener(run_id, watch)
        try:
            return job.execute_in_process(
                run_config={**(run_config or {}), "loggers": _QUIET},
                instance=instance,
                partition_key=partition,
                asset_selection=keys,
                run_id=run_id,
            )
        except Exception as error:
            _raise_for_user(error, watch)
            raise


def _select(groups: Sequence[str], without: Sequence[str]) -> list[dg.AssetKey]:
    graph = definitions().resolve_asset_graph()
    chosen = dg.AssetSelection.groups(*groups).resolve(graph)
    left_out = {dg.AssetKey(name.split("/")) for name in without}
    return sorted(key for key in chosen - left_out if graph.get(key).is_executable)


def _raise_for_user(error: BaseException, watch: _Watch) -> None:
    """Turn the causes that a user can mend into one line."""
    cause: BaseException | None = error
    seen: list[BaseException] = []  # Dagster raises an error again from one that it caused: that is a circle
    while cause is not None and cause not in seen:
        seen.append(cause)
        if isinstance(cause, UserError):
            raise cause from None
        cause = cause.__cause__ or cause.__context__
    if watch.failed_checks:
        msg = "; ".join(watch.failed_checks)
        raise UserError(msg) from None
