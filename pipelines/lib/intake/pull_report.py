"""What became of a pull: one line per module of every connection, kept for the command that ran it.

It is about the newest pull alone: what failed last, per connection and module, the manifests say (`freshness.py`).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from pipelines.lib.lake import Lake


class ModulePull(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one module of one connection."""

    connection_id: str
    module: str
    pull_id: str
    pages: int = 0
    records: int = 0
    failure_kind: str | None = None
    failure: str | None = None
    """one line for a person; None when the window was pulled to its end"""
    skipped: str | None = None
    """why nothing was asked, where nothing was"""
    crawls: int = 0
    """how often a window was listed: more than once where lists did not agree with X-Total-Count"""
    since: datetime | None = None
    until: datetime | None = None
    """the window that was asked for; both None where nothing was"""

    def __str__(self) -> str:
        """Say it in one line."""
        said = self.failure or self.skipped or f"{self.records} records on {self.pages} pages"
        return f"{self.connection_id}/{self.module}: {said}"


class PullReport(msgspec.Struct, frozen=True):
    """What became of every module of every connection that was asked."""

    modules: tuple[ModulePull, ...] = ()

    @property
    def failures(self) -> tuple[ModulePull, ...]:
        """The modules that were not pulled to the end of their window."""
        return tuple(each for each in self.modules if each.failure)

    @property
    def pages(self) -> int:
        """Pages received."""
        return sum(each.pages for each in self.modules)

    @property
    def records(self) -> int:
        """Records received."""
        return sum(each.records for each in self.modules)


def last_pull(lake: Lake) -> PullReport:
    """Give the report of the newest pull; empty when there was none."""
    path = _report_path(lake)
    return msgspec.json.decode(lake.read_bytes(path), type=PullReport) if lake.fs.exists(path) else PullReport()


def keep_report(lake: Lake, report: PullReport) -> None:
    """Put a report in the place of the one before."""
    lake.write_bytes(_report_path(lake), msgspec.json.format(msgspec.json.encode(report), indent=1))


def _report_path(lake: Lake) -> str:
    return f"{lake.root}/raw/last_pull.json"
