"""Crawling a window until its distinct records agree with what the peer says they are.

Lists move while one pages through them: an object that changes leaves its place, and all behind it move up. So a window
is listed up to `CRAWLS` times, and what it gave in all is held against X-Total-Count. A window whose list was as long
as promised and yet had records twice is in unstable order: it is halved in time, down to windows that fit on one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from pipelines.lib.intake.identity import identities
from pipelines.lib.ocpi_client import FailureKind, Page, Peer, PeerApi, PeerFailure

CRAWLS: Final = 3
"""how often a window is listed until its records agree with X-Total-Count"""
MOST_HALVINGS: Final = 32
"""of the windows of one module in one pull"""


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
    stamps: set[datetime] = field(default_factory=set)


@dataclass(slots=True)
class Crawl:
    """One pull of one module."""

    peer: Peer
    api: PeerApi
    module: str
    keep: Callable[[Page], None]
    """called with every page as it arrives; may raise to stop the crawl"""
    crawls: int = 0
    halvings: int = 0

    def window(self, since: datetime | None, until: datetime) -> PeerFailure | None:
        """Pull `[since, until)` until it agrees with its count; give why it did not."""
        found: set[bytes] = set()
        listing = _Listing()
        for attempt in range(CRAWLS):
            listing = self._list(since, until, found, with_stamps=attempt == CRAWLS - 1)
            if listing.failure is not None or len(found) >= self._promised(listing):
                return listing.failure
        middle = _middle(listing, since, until) if self.halvings < MOST_HALVINGS else None
        if middle is not None:
            self.halvings += 1
            return self.window(since, middle) or self.window(middle, until)
        return self._short(len(found), listing.total)

    def _list(self, since: datetime | None, until: datetime, found: set[bytes], *, with_stamps: bool) -> _Listing:
        listing = _Listing()
        self.crawls += 1
        try:
            for page in self.peer.pages(self.api, self.module, since, until):
                self.keep(page)
                found |= identities(self.module, page.records)
                listing.pages += 1
                listing.listed += len(page.records)
                listing.total = page.total if page.total is not None else listing.total
                listing.failure = listing.failure or page.problem
                if with_stamps:
                    listing.stamps.update(_stamps(page.records))
        except PeerFailure as broken:
            listing.failure = listing.failure or broken
        return listing

    def _promised(self, listing: _Listing) -> int:
        return listing.total if self.peer.transport.connection.trust_total_count else 0

    def _short(self, found: int, total: int) -> PeerFailure:
        message = (
            f"{found} distinct records, X-Total-Count says {total}: the window is asked for again next time; "
            "if the peer counts wrongly, set trust_total_count = false"
        )
        return PeerFailure(FailureKind.SHORT_COUNT, message)


def _middle(listing: _Listing, since: datetime | None, until: datetime) -> datetime | None:
    """Give the instant that halves a window's records; None where halving cannot help.

    A list that ended before its own total contradicts itself in windows of any size, and what stands on one page is
    in no order that could change between pages. Whole seconds, because OCPI's windows have no more.
    """
    if listing.pages < 2 or listing.listed < listing.total:  # noqa: PLR2004 - one page
        return None
    seconds = {stamp.replace(microsecond=0) for stamp in listing.stamps}
    inside = sorted(each for each in seconds if (since is None or each > since) and each < until)
    earliest_apart = inside if since is not None else inside[1:]  # nothing would be left of the first without a since
    return earliest_apart[len(earliest_apart) // 2] if earliest_apart else None


def _stamps(records: Iterable[bytes]) -> Iterable[datetime]:
    for record in records:
        try:
            stamp = _STAMP.decode(record).last_updated
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        yield stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
