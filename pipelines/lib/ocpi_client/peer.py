"""The protocol: which versions and modules a peer has, and the pages of a list, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from models.ocpi.envelope import SUCCESS, read_data, read_names_on, read_status
from models.ocpi.problems import RecordProblem
from pipelines.lib.ocpi_client.answers import count_in
from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure
from pipelines.lib.ocpi_client.paging import Cursor, Page, place
from pipelines.lib.ocpi_client.redaction import without_secrets
from pipelines.lib.ocpi_client.requests import routing_headers
from pipelines.lib.ocpi_client.transport import Transport, UnreadableAnswer
from pipelines.lib.ocpi_client.versions import (
    DETAILS,
    VERSION_LIST,
    InterfaceRole,
    PeerApi,
    agreed_version,
    credentials_endpoint,
    module_urls,
)

MOST_PAGES: Final = 100_000
"""a bound against peers whose `Link` goes in circles"""

_EPOCH: Final = "1970-01-01T00:00:00Z"
_QUOTING: Final = frozenset({FailureKind.NO_COMMON_VERSION, FailureKind.FOREIGN_HOST})
"""what quotes the peer's own versions and URLs, in which it may echo our token or forge a line"""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Peer:
    """One OCPI peer behind a transport."""

    transport: Transport

    def discover(self, role: InterfaceRole = "SENDER") -> PeerApi:
        """Walk versions and version details; raise `PeerFailure` where the peer or a common version is missing.

        Args:
            role: in which the peer offers the modules: SENDER to pull from it, RECEIVER to push to it.
        """
        try:
            return self._discovered(role)
        except PeerFailure as failure:
            if failure.kind not in _QUOTING:
                raise
            raise PeerFailure(failure.kind, self.transport.secrets.scrubbed(str(failure))) from None

    def _discovered(self, role: InterfaceRole) -> PeerApi:
        connection = self.transport.connection
        version = agreed_version(connection, self._object(connection.versions_url, VERSION_LIST))
        endpoints = self._object(self._allowed(version.url), DETAILS).endpoints
        urls = {name: self._allowed(url) for name, url in module_urls(endpoints, role).items()}
        credentials = credentials_endpoint(endpoints)
        return PeerApi(version.version, urls, self._allowed(credentials) if credentials else None)

    def pages(
        self, api: PeerApi, module: str, since: datetime | None, until: datetime, limit: int | None = None
    ) -> Iterator[Page]:
        """Yield the pages of a module whose records changed in `[since, until)`.

        The page behind is asked for before one is given: who stops reading leaves an answer that nobody takes.

        A page that stays unreadable is yielded with its problem, and the crawl goes on behind it. A `Link` that is not
        sane is not followed: offset and limit are counted instead. A page has up to `limit` records, by
        default as many as the connection says.

        Raises:
            PeerFailure: when a page could not be got at all.
        """
        connection = self.transport.connection
        window = _window(api.version, module, since, until)
        cursor = Cursor(api.urls[module], window, limit or connection.page_limit, connection.trust_total_count)
        headers = routing_headers(connection) if api.version != "2.1.1" else {}
        following: str | None = cursor.url()
        for left in reversed(range(MOST_PAGES)):
            page = self._page(following, headers)
            following, failure = _following(cursor, page)
            if following is not None and left:
                self.transport.get_early(following, headers)
            yield page
            if failure is not None:
                raise failure
            if following is None:
                return
        message = f"GET {without_secrets(following)}: still pages after {MOST_PAGES}"
        raise PeerFailure(FailureKind.ENDLESS_PAGES, message)

    def _allowed(self, url: str) -> str:
        """Refuse a URL on a host that nobody agreed on: our token would go there, and its answer into our raw pages."""
        connection = self.transport.connection
        there, agreed = place(url), place(connection.versions_url)
        if there is not None and (there == agreed or f"{there[0]}://{there[1]}" in connection.other_hosts):
            return url
        message = (
            f"names {without_secrets(url)}, which is not on the host of versions_url: if that was agreed, "
            f"add scheme and host to other_hosts of connection {connection.connection_id}"
        )
        raise PeerFailure(FailureKind.FOREIGN_HOST, message)

    def _page(self, url: str, headers: dict[str, str]) -> Page:
        try:
            answer, names = self.transport.get(url, read_names_on, headers)
        except UnreadableAnswer as failure:
            return Page(failure.answer, [], count_in(failure.answer, "X-Total-Count"), failure)
        return Page(answer, names, count_in(answer, "X-Total-Count"))

    def _object(self, url: str, decoder: msgspec.json.Decoder[_T]) -> _T:
        return self.transport.get(url, lambda content: read_object(content, decoder))[1]


def _following(cursor: Cursor, page: Page) -> tuple[str | None, PeerFailure | None]:
    """Give the URL behind a page, or why there cannot be one: the page itself counts all the same."""
    try:
        return cursor.after(page), None
    except PeerFailure as failure:
        return None, failure


def read_object(content: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Read an answer about one object; raise `RecordProblem` where it is no success or has another shape."""
    status = read_status(content).status_code
    if status not in SUCCESS:
        raise RecordProblem(rule="bad_envelope", field="", message=f"status_code {status} instead of 1000")
    try:
        return decoder.decode(read_data(content))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordProblem(rule="bad_envelope", field="", message=str(error)) from None


def _window(version: str, module: str, since: datetime | None, until: datetime) -> dict[str, str]:
    """Give date_from (inclusive) and date_to (exclusive).

    OCPI 2.1.1 says only "after" and "before": its window is asked a second wider on either side, and what it then gives
    twice is found to be the same. Its sessions cannot be asked for without date_from.
    """
    slack = timedelta(seconds=1 if version == "2.1.1" else 0)
    query = {"date_to": _instant(until + slack)}
    if since is not None:
        query["date_from"] = _instant(since - slack)
    elif version == "2.1.1" and module == "sessions":
        query["date_from"] = _EPOCH
    return query


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
