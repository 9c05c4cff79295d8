"""Pulling: every module of every peer over the window since its watermark; a failing peer never stops the others.

What makes a pull safe to kill and to repeat:

* pages are kept as they arrive; the manifest comes last, then the register's row, which moves the watermark;
* a manifest without its row (killed in between) is recorded by the next pull, so those pages are used, not asked again;
* pages without a manifest (killed before) count for nothing, and the window is asked for again;
* a window that a peer could not serve to its end is kept, with its failure, and does not move the watermark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipelines.lib.errors import UserError
from pipelines.lib.intake.identity import identities
from pipelines.lib.lake import Lake
from pipelines.lib.ocpi_client import Page, Peer, PeerApi, PeerFailure, Transport
from pipelines.lib.ocpi_client.failures import FailureKind
from pipelines.lib.ocpi_client.redaction import without_secrets
from pipelines.lib.raw_store import Manifest, Provenance, RawStore
from pipelines.lib.register import Register
from pipelines.lib.register.pulls import FinishedPull, record_pull, watermark
from pipelines.lib.settings import Connection, Settings

MODULES: Final = {
    "cpo": ("locations", "tariffs", "sessions", "cdrs"),
    "hub": ("locations", "tariffs", "sessions", "cdrs"),
    "platform": ("tokens", "authorizations"),
}
"""what is pulled from a connection of each kind, in this order"""

_KEPT_HEADERS: Final = ("content-type", "date", "etag", "last-modified", "x-limit", "x-total-count")
_CRAWLS: Final = 3
"""how often a window is asked for until the records agree with X-Total-Count: totals move while one crawls"""


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


def pull(
    settings: Settings,
    lake: Lake,
    register: Register,
    *,
    connections: Sequence[str] = (),
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
        since: overrides the watermark, for backfills.
        until: the exclusive end of the window; default: now.
        progress: called after each module.
    """
    end = until or settings.clock()
    if since is not None and since >= end:
        msg = f"nothing to pull: --since {since.isoformat()} is not before --until {end.isoformat()}"
        raise UserError(msg)
    chosen = [settings.connection(each) for each in connections] if connections else list(settings.connections)
    done: list[ModulePull] = []
    for connection in chosen:
        run = _ConnectionPull(settings, connection, RawStore(lake), register, since, end)
        for module in run.modules():
            done.append(module)
            progress(module)
    report = PullReport(tuple(done))
    lake.write_bytes(_report_path(lake), msgspec.json.format(msgspec.json.encode(report), indent=1))
    return report


def last_pull(lake: Lake) -> PullReport:
    """Give the report of the newest pull; empty when there was none."""
    path = _report_path(lake)
    return msgspec.json.decode(lake.read_bytes(path), type=PullReport) if lake.fs.exists(path) else PullReport()


def _report_path(lake: Lake) -> str:
    return f"{lake.root}/raw/last_pull.json"


def _kept_headers(page: Page) -> dict[str, str]:
    """Give the headers that say something about the page; a `Link` is kept without what may be secret in it."""
    headers = {name: page.answer.headers[name] for name in _KEPT_HEADERS if name in page.answer.headers}
    return headers | ({"link-next": without_secrets(page.answer.next_link)} if page.answer.next_link else {})


def _finished_pull(manifest: Manifest) -> FinishedPull:
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


class _ConnectionPull:
    """One connection's part of a pull."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        store: RawStore,
        register: Register,
        since: datetime | None,
        until: datetime,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._store = store
        self._register = register
        self._since = since
        self._until = until
        self._pull_ids = f"{settings.clock():%Y%m%dT%H%M%SZ}"

    def modules(self) -> list[ModulePull]:
        """Pull each module; a peer that cannot even be discovered fails them all, each with the same line."""
        wanted = MODULES[self._connection.kind]
        self._record_finished(wanted)
        due = [module for module in wanted if not self._is_up_to_date(module)]
        skipped = [self._outcome(module, "", skipped="up to date") for module in wanted if module not in due]
        if not due:
            return skipped
        try:
            transport = Transport.open(self._connection)
        except UserError as error:
            return skipped + [
                self._outcome(module, "", failure=str(error), kind=FailureKind.NO_TOKEN) for module in due
            ]
        try:
            return skipped + self._pull_due(Peer(transport), due)
        finally:
            transport.close()

    def _pull_due(self, peer: Peer, due: list[str]) -> list[ModulePull]:
        try:
            api = peer.discover()
        except PeerFailure as failure:
            return [self._outcome(module, "", failure=str(failure), kind=failure.kind) for module in due]
        return [self._pull_module(peer, api, module) for module in due]

    def _pull_module(self, peer: Peer, api: PeerApi, module: str) -> ModulePull:
        if module not in api.urls:
            return self._outcome(module, "", skipped=f"the peer offers no module {module}")
        pull_id = self._free_pull_id(module)
        pages, failure = self._crawl_until_complete(peer, api, module, pull_id)
        manifest = Manifest(
            connection_id=self._connection.connection_id,
            module=module,
            ocpi_version=api.version,
            pull_id=pull_id,
            owner_id=self._connection.parties[0] if len(self._connection.parties) == 1 else None,
            since=self._window_start(module),
            until=self._until,
            finished_at=self._settings.clock(),
            failure=str(failure) if failure else None,
            pages=tuple(pages),
        )
        self._store.finish(manifest)
        self._record([manifest])
        return self._outcome(
            module,
            pull_id,
            pages=len(pages),
            records=manifest.records,
            failure=manifest.failure,
            kind=failure.kind if failure else None,
        )

    def _crawl_until_complete(
        self, peer: Peer, api: PeerApi, module: str, pull_id: str
    ) -> tuple[list[Provenance], PeerFailure | None]:
        """Crawl the window until its distinct records agree with X-Total-Count, at most `_CRAWLS` times."""
        kept: list[Provenance] = []
        found: set[bytes] = set()
        expected = 0
        for _ in range(_CRAWLS):
            expected, failure = self._crawl(peer, api, module, pull_id, kept, found)
            if failure is not None or len(found) >= expected:
                return kept, failure
        message = (
            f"{len(found)} distinct records, X-Total-Count says {expected}: the window is asked for again next time"
        )
        return kept, PeerFailure(FailureKind.SHORT_COUNT, message)

    def _crawl(
        self, peer: Peer, api: PeerApi, module: str, pull_id: str, kept: list[Provenance], found: set[bytes]
    ) -> tuple[int, PeerFailure | None]:
        """Crawl the window once; give the total that the last page named, and what went wrong first."""
        total, failure = 0, None
        try:
            for page in peer.pages(api, module, self._window_start(module), self._until):
                provenance = self._provenance(api, module, pull_id, len(kept), page)
                if all(provenance.sha256 != each.sha256 for each in kept):  # the same bytes again prove nothing new
                    self._store.write_page(provenance, page.answer.content)
                    kept.append(provenance)
                found |= identities(module, page.records)
                failure = failure or page.problem
                total = page.total if page.total is not None else total
        except PeerFailure as broken:
            failure = failure or broken
        return total, failure

    def _provenance(self, api: PeerApi, module: str, pull_id: str, sequence: int, page: Page) -> Provenance:
        return Provenance(
            connection_id=self._connection.connection_id,
            module=module,
            ocpi_version=api.version,
            pull_id=pull_id,
            sequence=sequence,
            url=without_secrets(page.answer.url),
            http_status=page.answer.status,
            headers=_kept_headers(page),
            received_at=self._settings.clock(),
            sha256=hashlib.sha256(page.answer.content).hexdigest(),
            records=-1 if page.problem else len(page.records),
        )

    def _window_start(self, module: str) -> datetime | None:
        if self._since is not None:
            return self._since
        mark = self._watermark(module)
        return mark - timedelta(seconds=self._connection.overlap_seconds) if mark else None

    def _watermark(self, module: str) -> datetime | None:
        with self._register.transaction() as tx:
            return watermark(tx, self._connection.connection_id, module)

    def _is_up_to_date(self, module: str) -> bool:
        """Tell whether the window was pulled to its end before: a fixed clock asks only once."""
        mark = self._watermark(module)
        return self._since is None and mark is not None and mark >= self._until

    def _record_finished(self, modules: Sequence[str]) -> None:
        """Record pulls whose manifest was written and whose register row was not, because the process was killed."""
        for module in modules:
            self._record(self._store.manifests(self._connection.connection_id, module))

    def _record(self, manifests: Sequence[Manifest]) -> None:
        with self._register.transaction() as tx:
            for manifest in manifests:
                if manifest.failure is None:
                    record_pull(tx, _finished_pull(manifest))

    def _free_pull_id(self, module: str) -> str:
        """Give an id from the clock; a second pull within one second gets a suffix that sorts behind."""
        taken = 0
        pull_id = self._pull_ids
        while self._store.has_pull(self._connection.connection_id, module, pull_id):
            taken += 1
            pull_id = f"{self._pull_ids}-{taken:03d}"
        return pull_id

    def _outcome(
        self,
        module: str,
        pull_id: str,
        *,
        pages: int = 0,
        records: int = 0,
        failure: str | None = None,
        kind: str | None = None,
        skipped: str | None = None,
    ) -> ModulePull:
        return ModulePull(
            connection_id=self._connection.connection_id,
            module=module,
            pull_id=pull_id,
            pages=pages,
            records=records,
            failure=failure,
            failure_kind=str(kind) if kind else None,
            skipped=skipped,
        )
