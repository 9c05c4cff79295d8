"""Where the next page of a list is: the peer's `Link` where it is sane, else offset and limit counted by ourselves.

A `Link` is sane when it stays on the host, port and list that we are on, leads to where we were not yet, neither back
nor over records that we did not get, and keeps the window that we asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from models.ocpi.envelope import Names, read_records
from pipelines.lib.ocpi_client.answers import Answer, count_in
from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure
from pipelines.lib.ocpi_client.redaction import without_secrets

MOST_REDOS: Final = 20
"""of one crawl, after totals that fell: a peer whose total swings would keep us for ever"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `problem` says why its records cannot be read; the bytes are kept all the same."""

    answer: Answer
    names: list[Names] = field(repr=False)
    """how its records name themselves, in their order"""
    total: int | None
    """X-Total-Count, where sent"""
    problem: PeerFailure | None = None

    @property
    def records(self) -> list[bytes]:
        """Cut the page into its records' own bytes, which only a peer that misbehaves makes necessary."""
        return read_records(self.answer.content) if self.problem is None else []


@dataclass(slots=True)
class Cursor:
    """Where a crawl stands."""

    endpoint: str = field(repr=False)
    window: Mapping[str, str]
    """date_from and date_to, as asked"""
    limit: int
    trusts_total: bool = True
    offset: int = 0
    """records before the page that is asked next"""
    total: int | None = None
    """the newest X-Total-Count"""
    redos: int = 0
    visited: set[str] = field(default_factory=set, repr=False)
    previous: Page | None = field(default=None, repr=False)
    """the page before, where it was not asked again"""

    def url(self) -> str:
        """Give the URL of the page at our own offset."""
        query = urlencode({**self.window, "offset": str(self.offset), "limit": str(self.limit)})
        return f"{self.endpoint}{'&' if urlsplit(self.endpoint).query else '?'}{query}"

    def after(self, page: Page) -> str | None:
        """Give the URL of the page after this one; None at the end of the list.

        Raises:
            PeerFailure: when the peer gives the same page whatever it is asked for.
        """
        url = page.answer.url
        self.visited.add(url)
        self._heed_limit(page)
        if (back := self._back_to(page)) is not None:
            self.offset, self.previous = back, None
            return self.url()
        step = len(page.names) if page.problem is None else self.limit
        link = self._sane_link(page, step)
        if link is None and not self._has_more(page, self.offset + step):
            return None
        self._hold_to_progress(page)
        self.offset, self.previous = self.offset + step, page
        return link or self.url()

    def _heed_limit(self, page: Page) -> None:
        """Ask for no more than X-Limit from here on, so that our own counting fits what the peer gives."""
        most = count_in(page.answer, "X-Limit")
        if most:
            self.limit = min(self.limit, most)

    def _back_to(self, page: Page) -> int | None:
        """Give the offset to go back to where the total fell: records before us left, and others took their places.

        OCPI 2.2.1-d2, 4.1.6.3: redo the request with an offset lower by as many.
        """
        before, self.total = self.total, page.total if page.total is not None else self.total
        fallen = before - page.total if before is not None and page.total is not None else 0
        if fallen <= 0 or self.offset == 0 or self.redos >= MOST_REDOS:
            return None
        self.redos += 1
        return max(0, self.offset - fallen)

    def _sane_link(self, page: Page, step: int) -> str | None:
        link = page.answer.next_link
        if not link:
            return None
        try:
            is_ours = link.startswith(f"{self.endpoint}?")  # as nearly all do: nothing else has to be compared
            following = link if is_ours else urljoin(page.answer.url, link)
            if not (is_ours or _is_same_list(following, page.answer.url)) or following in self.visited:
                return None
            return following if self._keeps_count(parse_qs(urlsplit(following).query), step) else None
        except ValueError:  # half an IPv6 address and the like
            return None

    def _keeps_count(self, query: Mapping[str, list[str]], step: int) -> bool:
        """Tell whether a link that counts counts as we do; one with a cursor of its own has nothing to compare."""
        if "offset" not in query:
            return True
        offset = query["offset"][0]
        if not (offset.isascii() and offset.isdigit() and self.offset < int(offset[:18]) <= self.offset + step):
            return False
        return all(name in query for name in self.window)

    def _has_more(self, page: Page, offset: int) -> bool:
        """Tell whether counting on makes sense where no usable `Link` was sent.

        A peer that sends neither total nor link may be at its end, or may never have implemented them: a full page is
        reason enough to ask once more.
        """
        if not page.names and page.problem is None:
            return False
        if self.trusts_total and page.total is not None and offset < page.total:
            return True
        if page.answer.next_link and page.names:
            return True
        is_told = self.trusts_total and page.total is not None
        return not is_told and len(page.names) == self.limit

    def _hold_to_progress(self, page: Page) -> None:
        """Refuse to take one page for ever: no total and no link is a reason to."""
        before = self.previous
        if before is None or not page.names or page.names != before.names or page.records != before.records:
            return
        where = without_secrets(page.answer.url)
        message = f"GET {where}: the same records at every offset: raise page_limit above the length of the list"
        raise PeerFailure(FailureKind.ENDLESS_PAGES, message)


def place(url: str) -> tuple[str, str] | None:
    """Give scheme and host of a URL; None where it is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc


def _is_same_list(following: str, current: str) -> bool:
    """Tell whether a URL is the list that we are on, or inside it: a link into another module would mix them."""
    there, here = urlsplit(following), urlsplit(current)
    path = here.path.rstrip("/")
    is_below = there.path.rstrip("/") == path or there.path.startswith(f"{path}/")
    return (there.scheme, there.netloc) == (here.scheme, here.netloc) and is_below
