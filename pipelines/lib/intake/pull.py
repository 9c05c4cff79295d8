"""Pulling: every module of every peer over the window since its watermark; a failing peer never stops the others.

What makes a pull safe to kill and to repeat:

* pages are kept as they arrive; the manifest comes last, then the register's row, which moves the watermark;
* a manifest without its row (killed in between) is recorded by the next pull, so those pages are used, not asked again;
* pages without a manifest (killed before) count for nothing, and the window is asked for again;
* a window that a peer could not serve to its end is kept, with its failure, and does not move the watermark; so is an
  attempt that failed before its first page.

Several connections are pulled at a time, each by a thread of its own; a connection is asked one thing after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import SimpleQueue
from threading import Event

from pipelines.lib.errors import UserError
from pipelines.lib.intake.capabilities import MODULES
from pipelines.lib.intake.connection_pull import ConnectionPull, Window
from pipelines.lib.intake.pull_report import ModulePull, PullReport, keep_report, last_pull
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings

__all__ = ["ModulePull", "PullReport", "last_pull", "pull"]


def pull(
    settings: Settings,
    lake: Lake,
    register: Register,
    *,
    connections: Sequence[str] = (),
    modules: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Callable[[ModulePull], None] = lambda _: None,
) -> PullReport:
    """Pull what changed from the named connections (all by default) and keep it raw.

    Args:
        settings: names connections and clock.
        lake: receives the pages.
        register: knows the watermarks.
        connections: connection ids; an unknown one is a `UserError`.
        modules: OCPI module names, all by default; an unknown one is a `UserError`.
        since: overrides the watermark, for backfills.
        until: the exclusive end of the window; default: now.
        progress: called after each module, in this thread.
    """
    window = _window(since, until or settings.clock(), modules)
    chosen = [settings.connection(each) for each in connections] if connections else list(settings.connections)
    stop = Event()
    pulls = [ConnectionPull(settings, each, RawStore(lake), register, window, stop) for each in chosen]
    report = PullReport(tuple(_side_by_side(pulls, settings.pull_workers, stop, progress)))
    keep_report(lake, report)
    return report


def _window(since: datetime | None, until: datetime, modules: Sequence[str]) -> Window:
    if since is not None and since >= until:
        msg = f"nothing to pull: --since {since.isoformat()} is not before --until {until.isoformat()}"
        raise UserError(msg)
    known = {module for each in MODULES.values() for module in each}
    if unknown := sorted(set(modules) - known):
        msg = f"module {unknown[0]!r} is not pulled from anybody (known: {', '.join(sorted(known))})"
        raise UserError(msg)
    return Window(since, until, tuple(modules))


def _side_by_side(
    pulls: Sequence[ConnectionPull], workers: int, stop: Event, progress: Callable[[ModulePull], None]
) -> list[ModulePull]:
    """Run the pulls, some at a time; give their outcomes in the order of the connections, whoever was faster.

    An error of our own in one of them (a full disk, a defect) is raised when the others are done.
    """
    news: SimpleQueue[ModulePull | None] = SimpleQueue()
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(pulls))), thread_name_prefix="pull") as pool:
        futures = [pool.submit(_run, each, news) for each in pulls]
        try:
            for _ in futures:
                for module in iter(news.get, None):
                    progress(module)
        except BaseException:  # an interrupt: the threads end at their next page, and their pulls do not count
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        return [module for future in futures for module in future.result()]


def _run(one: ConnectionPull, news: SimpleQueue[ModulePull | None]) -> list[ModulePull]:
    """Run one pull, telling each module's outcome as it comes, and None at the end."""
    done: list[ModulePull] = []
    try:
        for module in one.modules():
            done.append(module)
            news.put(module)
    finally:
        news.put(None)
    return done
