"""Keeping pages: what a crawl has to know of a page at once is read at once, hashing and packing happen aside.

Only what leaves Python for long (SHA-256, Zstandard) is given to the other thread, and several pages at a time: two
threads that both run Python wait for each other more than they do.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from types import TracebackType
from typing import Final, Self

from pipelines.lib.intake.identity import identities
from pipelines.lib.intake.page_pack import PagePack
from pipelines.lib.ocpi_client import Page
from pipelines.lib.ocpi_client.redaction import Secrets
from pipelines.lib.ocpi_client.requests import REQUEST_ID
from pipelines.lib.raw_store import Provenance, RawStore, packed

_KEPT_HEADERS: Final = ("content-type", "date", "etag", "last-modified", "x-limit", "x-total-count")
BATCH: Final = 1024 * 1024
"""bytes of pages that are handed over at a time"""
_MOST_WAITING: Final = 8
"""Batches that the other thread may be behind; these are the memory that pages take. With fewer the peer's pace and
ours would wait for each other's hiccups."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A page that is not packed yet."""

    page: Page
    content: bytes = field(repr=False)
    """as it is kept: without our secrets"""
    received_at: datetime


@dataclass(frozen=True, slots=True)
class _Packed:
    """What the other thread makes of a page."""

    sha256: str
    frame: bytes = field(repr=False)


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
    _pack: PagePack = field(init=False)
    _arrived: list[_Arrived] = field(default_factory=list)
    _handed: deque[tuple[list[_Arrived], Future[list[_Packed]]]] = field(default_factory=deque)
    """what the other thread has, or had"""
    _worker: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages")
    )

    def __post_init__(self) -> None:
        """Begin the first file."""
        self._pack = PagePack(self.store, f"{self.connection_id}/{self.module}/{self.pull_id}")

    def __enter__(self) -> Self:
        """Begin keeping."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the worker; after an error what still waits is dropped, because the pull will not count."""
        self._worker.shutdown(wait=True, cancel_futures=kind is not None)

    def keep(self, page: Page, found: set[str | bytes]) -> None:
        """Take a page and add its objects to those found; an error in keeping an earlier one is raised here."""
        if self.stop.is_set():
            raise KeyboardInterrupt
        found |= identities(self.module, page)
        self._arrived.append(_Arrived(page, self.secrets.redacted(page.answer.content), self.clock()))
        if sum(len(each.content) for each in self._arrived) >= BATCH:
            self._hand_over()

    def kept(self) -> tuple[Provenance, ...]:
        """Write what is not on the disk yet, and give where each page came from and lies."""
        self._hand_over()
        self._take_back(left=0)
        self._pack.write()
        return tuple(self._kept)

    def _hand_over(self) -> None:
        """Have what arrived packed by the other thread, and take back what it is done with."""
        contents = [each.content for each in self._arrived]
        self._handed.append((self._arrived, self._worker.submit(_packed_each, contents)))
        self._arrived = []
        self._take_back(left=_MOST_WAITING)

    def _take_back(self, left: int) -> None:
        """Take back what is packed, waiting only for what is more than so many batches."""
        while self._handed and (len(self._handed) > left or self._handed[0][1].done()):
            batch, answer = self._handed.popleft()
            for arrived, done in zip(batch, answer.result(), strict=True):
                if done.sha256 not in self._known:  # the same bytes again prove nothing new
                    self._known.add(done.sha256)
                    self._kept.append(self._pack.add(self._provenance(arrived, done.sha256), done.frame))

    def _provenance(self, arrived: _Arrived, sha256: str) -> Provenance:
        page, answer = arrived.page, arrived.page.answer
        return Provenance(
            connection_id=self.connection_id,
            module=self.module,
            ocpi_version=self.ocpi_version,
            pull_id=self.pull_id,
            sequence=len(self._kept),
            url=self.secrets.shown_url(answer.url),
            http_status=answer.status,
            headers=self._headers(page) | ({} if arrived.content is answer.content else {"redacted": "our token"}),
            received_at=arrived.received_at,
            sha256=sha256,
            records=-1 if page.problem else len(page.names),
        )

    def _headers(self, page: Page) -> dict[str, str]:
        """Give the headers that say something about the page, and the id under which the peer's log has it.

        A `Link` is kept without what may be secret in it.
        """
        sent = page.answer.headers
        headers = self.secrets.scrubbed_values({name: sent[name] for name in _KEPT_HEADERS if name in sent})
        if page.answer.next_link:
            headers["link-next"] = self.secrets.shown_url(page.answer.next_link)
        return headers | {REQUEST_ID.lower(): page.answer.request_id}


def _packed_each(contents: Sequence[bytes]) -> list[_Packed]:
    return [_Packed(hashlib.sha256(content).hexdigest(), packed(content)) for content in contents]
