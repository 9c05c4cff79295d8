"""Running the asset graph in this process, for commands: the same assets, checks and order as in Dagster's interface.

Loading the definitions imports Dagster and dbt (seconds), so this module is imported only by commands that run assets.
Runs are recorded in `<home>/dagster`, where `make dev` shows them.
"""

from __future__ import annotations

import functools
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from pipelines.lib.errors import UserError
from pipelines.lib.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry


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
    settings: Settings,
    groups: Sequence[str],
    *,
    partition: str | None = None,
    without: Sequence[str] = (),
    run_config: dict[str, object] | None = None,
    report: Callable[[StepFinished], None] = silent,
) -> dg.ExecuteInProcessResult:
    """Materialise the assets of some groups, with their checks, in dependency order.

    Args:
        settings: names the home in whose Dagster instance the run is recorded.
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
    with _instance(settings) as instance:
        instance.add_event_listener(run_id, watch)
        try:
            return job.execute_in_process(
                run_config=run_config,
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
    while cause is not None:
        if isinstance(cause, UserError):
            raise cause from None
        cause = cause.__cause__ or cause.__context__
    if watch.failed_checks:
        msg = "; ".join(watch.failed_checks)
        raise UserError(msg) from None


@contextmanager
def _instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the home's Dagster instance, created on first use, with its chatter kept off the terminal."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        shutil.copyfile(CHECKOUT / "dagster.yaml", folder / "dagster.yaml")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as instance:
        yield instance
