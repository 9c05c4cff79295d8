"""The protocol: which versions and modules a peer has, and the pages of a list, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from models.ocpi.envelope import read_data, read_records
from models.ocpi.problems import RecordProblem
from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure, without_secrets
from pipelines.lib.ocpi_client.transport import Answer, Transport, UnreadableAnswer

SUPPORTED: Final = ("2.3.0", "2.2.1", "2.1.1")
"""OCPI versions that the normaliser reads, the best first."""

MOST_PAGES: Final = 100_000
"""a bound against peers whose `Link` goes in circles"""

_TOTAL_DIGITS: Final = 12
"""of X-Total-Count: more is nonsense, and Python refuses to read thousands of digits"""

_EPOCH: Final = "1970-01-01T00:00:00Z"
_T = TypeVar("_T")


class Version(msgspec.Struct, frozen=True):
    """One line of the version list."""

    version: str
    url: str


class Endpoint(msgspec.Struct, frozen=True):
    """One module of a version; `role` exists from 2.2 on."""

    identifier: str
    url: str
    role: str | None = None


class _Details(msgspec.Struct, frozen=True):
    endpoints: list[Endpoint]


_VERSIONS: Final = msgspec.json.Decoder(list[Version])
_DETAILS: Final = msgspec.json.Decoder(_Details)


@dataclass(frozen=True, slots=True)
class PeerApi:
    """What a peer speaks: the version agreed on, and the URL of each module that it sends."""

    version: str
    urls: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `problem` says why its records cannot be read; the bytes are kept all the same."""

    answer: Answer
    records: list[bytes]
    total: int | None
    """X-Total-Count, where sent"""
    problem: PeerFailure | None = None


@dataclass(frozen=True)
class Peer:
    """One OCPI peer behind a transport."""

    transport: Transport

    def discover(self) -> PeerApi:
        """Walk versions and version details; raise `PeerFailure` where the peer or a common version is missing."""
        versions = self._object(self.transport.connection.versions_url, _VERSIONS)
        offered = {version.version: version.url for version in versions}
        best = next((version for version in SUPPORTED if version in offered), None)
        if best is None:
            message = f"offers OCPI {', '.join(sorted(offered)) or 'nothing'}, we speak {', '.join(SUPPORTED)}"
            raise PeerFailure(FailureKind.NO_COMMON_VERSION, message)
        details = self._object(self._allowed(offered[best]), _DETAILS)
        senders = {each.identifier: each.url for each in details.endpoints if each.role in {None, "SENDER"}}
        return PeerApi(best, {name: self._allowed(url) for name, url in senders.items()})

    def pages(self, api: PeerApi, module: str, since: datetime | None, until: datetime) -> Iterator[Page]:
        """Yield the pages of a module whose records changed in `[since, until)`.

        A page that stays unreadable is yielded with its problem, and the crawl goes on behind it. A `Link` to another
        host, or back to where we have been, is not followed: offset and limit are counted instead.

        Raises:
            PeerFailure: when a page could not be got at all.
        """
        limit, offset = self.transport.connection.page_limit, 0
        query = _window(api.version, module, since, until)
        url, seen = _with_query(api.urls[module], {**query, "offset": "0", "limit": str(limit)}), set[str]()
        for _ in range(MOST_PAGES):
            seen.add(url)
            page = self._page(url)
            yield page
            offset += len(page.records) if page.problem is None else limit
            following = _next_url(page, url, seen)
            if following is None and _has_more(page, offset):
                following = _with_query(api.urls[module], {**query, "offset": str(offset), "limit": str(limit)})
            if following is None or following in seen:
                return
            url = following
        message = f"GET {without_secrets(url)}: still pages after {MOST_PAGES}"
        raise PeerFailure(FailureKind.ENDLESS_PAGES, message)

    def _allowed(self, url: str) -> str:
        """Refuse a URL on a host that nobody agreed on: our token would go there, and its answer into our raw pages."""
        connection = self.transport.connection
        place, agreed = _place(url), _place(connection.versions_url)
        if place is not None and (place == agreed or f"{place[0]}://{place[1]}" in connection.other_hosts):
            return url
        message = (
            f"names {without_secrets(url)}, which is not on the host of versions_url: if that was agreed, "
            f"add scheme and host to other_hosts of connection {connection.connection_id}"
        )
        raise PeerFailure(FailureKind.FOREIGN_HOST, message)

    def _page(self, url: str) -> Page:
        try:
            answer = self.transport.get(url, read_records)
        except UnreadableAnswer as failure:
            return Page(failure.answer, [], _total(failure.answer), failure)
        return Page(answer, read_records(answer.content), _total(answer))

    def _object(self, url: str, decoder: msgspec.json.Decoder[_T]) -> _T:
        def check(content: bytes) -> None:
            try:
                decoder.decode(read_data(content))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise RecordProblem(rule="bad_envelope", field="", message=str(error)) from None

        return decoder.decode(read_data(self.transport.get(url, check).content))


def _window(version: str, module: str, since: datetime | None, until: datetime) -> dict[str, str]:
    """Give date_from (inclusive) and date_to (exclusive); 2.1.1 sessions cannot be asked for without date_from."""
    query = {"date_to": _instant(until)}
    if since is not None:
        query["date_from"] = _instant(since)
    elif version == "2.1.1" and module == "sessions":
        query["date_from"] = _EPOCH
    return query


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _with_query(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def _next_url(page: Page, url: str, seen: set[str]) -> str | None:
    """Give the peer's `Link` to the next page where it is sane: same scheme and host, and not where we were."""
    link = page.answer.next_link
    if not link:
        return None
    try:
        following = urljoin(url, link)
    except ValueError:  # half an IPv6 address and the like
        return None
    return following if _place(following) == _place(url) and following not in seen else None


def _place(url: str) -> tuple[str, str] | None:
    """Give scheme and host of a URL; None where it is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc


def _has_more(page: Page, offset: int) -> bool:
    """Tell whether counting on makes sense where no usable `Link` was sent."""
    if page.total is not None:
        return offset < page.total and bool(page.records or page.problem)
    return bool(page.records) and bool(page.answer.next_link)


def _total(answer: Answer) -> int | None:
    value = answer.headers.get("X-Total-Count", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _TOTAL_DIGITS else None
