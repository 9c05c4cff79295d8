"""One connection's part of a pull: its modules one after the other, each into a manifest and then the register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from pipelines.lib.connections import open_transport
from pipelines.lib.errors import UserError
from pipelines.lib.intake.capabilities import exists_in, is_optional, wanted_modules
from pipelines.lib.intake.crawl import Crawl
from pipelines.lib.intake.page_keeper import PageKeeper
from pipelines.lib.intake.pull_report import ModulePull
from pipelines.lib.ocpi_client import FailureKind, Peer, PeerApi, PeerFailure
from pipelines.lib.raw_store import Manifest, RawStore
from pipelines.lib.register import Register
from pipelines.lib.register.pulls import FinishedPull, record_pull, watermark
from pipelines.lib.settings import Connection, Settings


@dataclass(frozen=True, slots=True)
class Window:
    """What a pull asks for."""

    since: datetime | None
    """overrides the watermark; None: from the watermark"""
    until: datetime
    modules: tuple[str, ...] = ()
    """only these; all of the connection's kind by default"""


@dataclass(frozen=True, slots=True)
class ConnectionPull:
    """The pull of one connection."""

    settings: Settings
    connection: Connection
    store: RawStore
    register: Register
    asked: Window
    stop: Event = field(repr=False)
    """set where the whole pull was interrupted: looked at between pages"""

    def modules(self) -> Iterator[ModulePull]:
        """Pull each module; a peer that cannot even be discovered fails them all, each with the same line."""
        wanted = wanted_modules(self.connection.kind, self.asked.modules)
        self._record_finished(wanted)
        due = [module for module in wanted if not self._is_up_to_date(module)]
        yield from (self._skipped(each, "up to date") for each in wanted if each not in due)
        if all(map(is_optional, due)) and len(due) < len(wanted):
            return
        try:
            transport = open_transport(self.settings, self.connection)
        except UserError as error:
            yield from self._all_failed(due, FailureKind.NO_TOKEN, str(error))
            return
        try:
            yield from self._pull_due(Peer(transport), due)
        finally:
            transport.close()

    def _pull_due(self, peer: Peer, due: Sequence[str]) -> Iterator[ModulePull]:
        try:
            api = peer.discover()
        except PeerFailure as failure:
            said = peer.transport.secrets.scrubbed(str(failure))
            yield from self._all_failed(due, failure.kind, said)
            return
        for module in due:
            if module in api.urls and exists_in(module, api.version):
                yield self._pull_module(peer, api, module)
            elif not is_optional(module):
                yield self._skipped(module, f"the peer offers no module {module}")

    def _pull_module(self, peer: Peer, api: PeerApi, module: str) -> ModulePull:
        pull_id, since = self._free_pull_id(module), self._window_start(module)
        secrets = peer.transport.secrets
        keeper = PageKeeper(
            self.store,
            self.connection.connection_id,
            module,
            api.version,
            pull_id,
            secrets,
            self.settings.clock,
            self.stop,
        )
        with keeper:
            crawl = Crawl(peer, api, module, keeper)
            failure = crawl.window(since, self.asked.until)
            pages = keeper.kept()
        manifest = Manifest(
            connection_id=self.connection.connection_id,
            module=module,
            ocpi_version=api.version,
            pull_id=pull_id,
            owner_id=self.connection.parties[0] if len(self.connection.parties) == 1 else None,
            since=since,
            until=self.asked.until,
            finished_at=self.settings.clock(),
            failure=secrets.scrubbed(str(failure)) if failure else None,
            pages=pages,
            parties=self.connection.speaks_for,
            offers=tuple(sorted(api.urls)),
        )
        self.store.finish(manifest)
        self._record([manifest])
        return ModulePull(
            connection_id=self.connection.connection_id,
            module=module,
            pull_id=pull_id,
            pages=len(pages),
            records=manifest.records,
            failure=manifest.failure,
            failure_kind=str(failure.kind) if failure else None,
            crawls=crawl.crawls,
            since=since,
            until=self.asked.until,
        )

    def _window_start(self, module: str) -> datetime | None:
        if self.asked.since is not None:
            return self.asked.since
        mark = self._watermark(module)
        return mark - timedelta(seconds=self.connection.overlap_seconds) if mark else None

    def _watermark(self, module: str) -> datetime | None:
        with self.register.reading() as tx:
            return watermark(tx, self.connection.connection_id, module)

    def _is_up_to_date(self, module: str) -> bool:
        """Tell whether the window was pulled to its end before: a fixed clock asks only once."""
        mark = self._watermark(module)
        return self.asked.since is None and mark is not None and mark >= self.asked.until

    def _record_finished(self, modules: Sequence[str]) -> None:
        """Record pulls whose manifest was written and whose register row was not, because the process was killed."""
        for module in modules:
            self._record(self.store.manifests(self.connection.connection_id, module))

    def _record(self, manifests: Sequence[Manifest]) -> None:
        with self.register.transaction() as tx:
            for manifest in manifests:
                if manifest.failure is None:
                    record_pull(tx, finished_pull(manifest))

    def _free_pull_id(self, module: str) -> str:
        """Give an id from the clock; a second pull within one second gets a suffix that sorts behind."""
        taken, now = 0, f"{self.settings.clock():%Y%m%dT%H%M%SZ}"
        pull_id = now
        while self.store.has_pull(self.connection.connection_id, module, pull_id):
            taken += 1
            pull_id = f"{now}-{taken:03d}"
        return pull_id

    def _skipped(self, module: str, why: str) -> ModulePull:
        return ModulePull(connection_id=self.connection.connection_id, module=module, pull_id="", skipped=why)

    def _all_failed(self, modules: Sequence[str], kind: FailureKind, message: str) -> Iterator[ModulePull]:
        """Fail modules before anything was asked of them; an optional one only where the peer is known to have it."""
        expected = (each for each in modules if not is_optional(each) or self._watermark(each) is not None)
        yield from (self._failed(each, kind, message) for each in expected)

    def _failed(self, module: str, kind: FailureKind, message: str) -> ModulePull:
        """Keep an attempt that failed before its first page: a peer that is dead must count as such, and be seen."""
        manifest = Manifest(
            connection_id=self.connection.connection_id,
            module=module,
            ocpi_version="",
            pull_id=self._free_pull_id(module),
            owner_id=None,
            since=self._window_start(module),
            until=self.asked.until,
            finished_at=self.settings.clock(),
            failure=message,
            pages=(),
            parties=self.connection.speaks_for,
        )
        self.store.finish(manifest)
        return ModulePull(
            connection_id=self.connection.connection_id,
            module=module,
            pull_id=manifest.pull_id,
            failure_kind=str(kind),
            failure=message,
            since=manifest.since,
            until=manifest.until,
        )


def finished_pull(manifest: Manifest) -> FinishedPull:
    """Give the register's row of a manifest."""
    return FinishedPull(
        manifest.pull_id,
        manifest.connection_id,
        manifest.module,
        manifest.since,
        manifest.until,
        len(manifest.pages),
        manifest.records,
        manifest.finished_at,
    )
