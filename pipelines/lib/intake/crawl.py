"""Crawling a window until its distinct records agree with what the peer says they are.

Lists move while one pages through them: an object that changes leaves its place, and all behind it move up. So a window
is listed again, as long as that brings anything new, and what it gave in all is held against X-Total-Count. A list that
is as long as promised and yet has records twice is either in no stable order or has them twice: the window is cut in
time into windows that fit on one page, where order no longer matters and what stands twice is the peer's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from pipelines.lib.ocpi_client import FailureKind, Page, Peer, PeerApi, PeerFailure

CRAWLS: Final = 3
"""how often a window is listed at most until its records agree with X-Total-Count"""
MOST_WINDOWS: Final = 2_000
"""into which the window of one module is cut in one pull"""
LARGEST_PAGE: Final = 1_000
"""records that are asked for on one page, as a last resort"""
DEEPEST: Final = 3
"""how often what was cut is cut again: records that were not seen at first can overfill a window"""


class Keeper(Protocol):
    """Takes pages as they arrive, and counts their objects."""

    def keep(self, page: Page, found: set[str | bytes]) -> None:
        """Keep a page and add its objects to those found; may raise to stop the crawl."""


class _Stamp(msgspec.Struct, frozen=True):
    """The one field by which a window can be halved."""

    last_updated: datetime


_STAMP: Final = msgspec.json.Decoder(_Stamp)


@dataclass(slots=True)
class _Listing:
    """One listing of a window."""

    listed: int = 0
    """records, those that came twice counted twice"""
    pages: int = 0
    total: int = 0
    """the newest X-Total-Count; 0 where none was sent"""
    failure: PeerFailure | None = None
    """what went wrong first"""
    stamps: list[datetime] = field(default_factory=list)
    """`last_updated` of its records, to the second: OCPI's windows know no less"""

    @property
    def is_one_page(self) -> bool:
        """Whether the list was whole, and too short for any order to matter."""
        return self.pages == 1 and self.listed >= self.total


@dataclass(slots=True)
class Crawl:
    """One pull of one module."""

    peer: Peer
    api: PeerApi
    module: str
    keeper: Keeper
    crawls: int = 0
    windows: int = 1

    def window(self, since: datetime | None, until: datetime, depth: int = 0) -> PeerFailure | None:
        """Pull `[since, until)` until it agrees with its count; give why it did not."""
        found: set[str | bytes] = set()
        listing = _Listing()
        for attempt in range(CRAWLS):
            before = len(found)
            listing = self._list(since, until, found)
            if listing.failure is not None or self._agrees(listing, len(found)):
                return listing.failure
            if attempt > 0 and len(found) == before:
                break
        parts = self._cut(listing, since, until, depth)
        if len(parts) <= 1:
            return self._at_once(listing, since, until, found)
        failures = (self.window(*part, depth + 1) for part in parts)
        return next((failure for failure in failures if failure is not None), None)

    def _at_once(
        self, listing: _Listing, since: datetime | None, until: datetime, found: set[str | bytes]
    ) -> PeerFailure | None:
        """Ask for the whole window on one page, the last resort: many objects are often changed in one second."""
        if self.peer.transport.connection.page_limit < listing.total <= min(listing.listed, LARGEST_PAGE):
            listing = self._list(since, until, found, limit=listing.total)
            if listing.failure is not None or self._agrees(listing, len(found)):
                return listing.failure
        return self._short(listing, len(found))

    def _list(
        self, since: datetime | None, until: datetime, found: set[str | bytes], *, limit: int | None = None
    ) -> _Listing:
        """List a window once; `last_updated` is read from the second listing on, when there is reason to need it."""
        listing = _Listing()
        known = bool(found)
        self.crawls += 1
        try:
            for page in self.peer.pages(self.api, self.module, since, until, limit):
                self.keeper.keep(page, found)
                listing.pages += 1
                listing.listed += len(page.names)
                listing.total = page.total if page.total is not None else listing.total
                listing.failure = listing.failure or page.problem
                if known:
                    listing.stamps.extend(_stamps(page.records))
        except PeerFailure as broken:
            listing.failure = listing.failure or broken
        return listing

    def _agrees(self, listing: _Listing, found: int) -> bool:
        trusts = self.peer.transport.connection.trust_total_count
        return not trusts or found >= listing.total or listing.is_one_page

    def _cut(
        self, listing: _Listing, since: datetime | None, until: datetime, depth: int
    ) -> list[tuple[datetime | None, datetime]]:
        """Cut a window into windows of half a page; none where that cannot help.

        A list that ended before its own total contradicts itself in windows of any size.
        """
        if listing.listed < listing.total or depth >= DEEPEST:
            return []
        size = max(1, self.peer.transport.connection.page_limit // 2)
        inner = _boundaries(listing.stamps, since, until, size)
        self.windows += len(inner)
        return list(zip([since, *inner], [*inner, until], strict=True)) if self.windows <= MOST_WINDOWS else []

    def _short(self, listing: _Listing, found: int) -> PeerFailure:
        message = (
            f"{found} distinct records, X-Total-Count says {listing.total}: the window is asked for again next time; "
            "if the peer counts wrongly, set trust_total_count = false"
        )
        return PeerFailure(FailureKind.SHORT_COUNT, message)


def _boundaries(stamps: Iterable[datetime], since: datetime | None, until: datetime, size: int) -> list[datetime]:
    """Give the instants that cut a window into parts of about `size` records; none where all are of one second."""
    ordered = sorted(stamps)
    inside = [each for each in ordered[size::size] if (since is None or each > since) and each < until]
    return [each for each in dict.fromkeys(inside) if each > ordered[0]]


def _stamps(records: Iterable[bytes]) -> Iterable[datetime]:
    for record in records:
        try:
            stamp = _STAMP.decode(record).last_updated
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
        yield stamp.replace(microsecond=0)
