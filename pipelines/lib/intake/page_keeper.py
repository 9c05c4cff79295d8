"""Keeping pages while the next one is already on its way: hashing, packing, writing and counting happen aside."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from types import TracebackType
from typing import Final, Self

from pipelines.lib.intake.identity import identities
from pipelines.lib.ocpi_client import Page
from pipelines.lib.ocpi_client.redaction import Secrets, without_secrets
from pipelines.lib.ocpi_client.requests import REQUEST_ID
from pipelines.lib.raw_store import Provenance, RawStore

_KEPT_HEADERS: Final = ("content-type", "date", "etag", "last-modified", "x-limit", "x-total-count")
_MOST_WAITING: Final = 4
"""pages in memory that are not on the disk yet; a slow disk then slows the crawl instead of filling the memory"""


@dataclass(slots=True)
class PageKeeper:
    """Keeps the pages of one pull of one module, in the order in which they came. Use it in a `with` statement."""

    store: RawStore
    connection_id: str
    module: str
    ocpi_version: str
    pull_id: str
    secrets: Secrets = field(repr=False)
    clock: Callable[[], datetime]
    stop: Event = field(repr=False)
    """set where the whole pull was interrupted: looked at between pages"""
    _kept: list[Provenance] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _waiting: deque[Future[None]] = field(default_factory=deque)
    _worker: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages")
    )

    def __enter__(self) -> Self:
        """Begin keeping."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the worker; after an error what still waits is dropped, because the pull will not count."""
        self._worker.shutdown(wait=True, cancel_futures=kind is not None)

    def keep(self, page: Page, found: set[str | bytes]) -> None:
        """Hand a page over; an error of an earlier one is raised here."""
        if self.stop.is_set():
            raise KeyboardInterrupt
        while len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._worker.submit(self._take, page, self.clock(), found))

    def settle(self) -> None:
        """Wait until every page is on the disk and counted."""
        while self._waiting:
            self._waiting.popleft().result()

    def kept(self) -> tuple[Provenance, ...]:
        """Give where each page came from."""
        self.settle()
        return tuple(self._kept)

    def _take(self, page: Page, received_at: datetime, found: set[str | bytes]) -> None:
        found |= identities(self.module, page)
        content = self.secrets.redacted(page.answer.content)
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 in self._known:  # the same bytes again prove nothing new
            return
        provenance = Provenance(
            connection_id=self.connection_id,
            module=self.module,
            ocpi_version=self.ocpi_version,
            pull_id=self.pull_id,
            sequence=len(self._kept),
            url=self.secrets.scrubbed(without_secrets(page.answer.url)),
            http_status=page.answer.status,
            headers=self._headers(page) | ({} if content is page.answer.content else {"redacted": "our token"}),
            received_at=received_at,
            sha256=sha256,
            records=-1 if page.problem else len(page.names),
        )
        self.store.write_page(provenance, content)
        self._known.add(sha256)
        self._kept.append(provenance)

    def _headers(self, page: Page) -> dict[str, str]:
        """Give the headers that say something about the page, and the id under which the peer's log has it.

        A `Link` is kept without what may be secret in it.
        """
        sent = page.answer.headers
        headers = {name: self.secrets.scrubbed(sent[name]) for name in _KEPT_HEADERS if name in sent}
        if page.answer.next_link:
            headers["link-next"] = self.secrets.scrubbed(without_secrets(page.answer.next_link))
        return headers | {REQUEST_ID.lower(): page.answer.request_id}
