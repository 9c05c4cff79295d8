"""The two ways to a host: straight, over one connection that stays open, or through a proxy.

Straight is the way of nearly every peer, and the quick one: urllib3 connects and speaks TLS, the standard library reads
the answer, and the next request may be sent before the last answer is dealt with, so that the peer works while we do.
There is never more than one that is not waited for yet. Through a proxy urllib3 does all of it.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from pipelines.lib.ocpi_client.bounded_answers import PIECE, Latest, bounded_answers

_HUNG_UP: Final = (http.client.HTTPException, ConnectionError)


class Answering(Protocol):
    """An answer whose head is here and whose body is still to be taken."""

    @property
    def status(self) -> int:
        """Give its status."""
        ...

    def headers(self) -> list[tuple[str, str]]:
        """Give its headers, those sent twice twice."""
        ...

    def pieces(self) -> Iterator[bytes]:
        """Give its body, unpacked, piece by piece."""
        ...

    def drop(self) -> None:
        """Close the connection where the body was not taken to its end: the rest would be taken for the next answer."""
        ...


class Host(Protocol):
    """One host of a peer. Errors are those of the libraries."""

    @property
    def latest(self) -> Latest:
        """Give when its answer has to be at its end."""
        ...

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answering:
        """Send a request and get the head of its answer."""
        ...

    def ask_early(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Send a request that `ask` will be called with next; tell whether it was sent."""
        ...

    def close(self) -> None:
        """Close what is open; the host can be asked again."""
        ...


@dataclass(slots=True)
class _StraightAnswer:
    host: StraightHost
    answer: http.client.HTTPResponse
    _is_taken: bool = False
    """whether the body came to its end: whoever reads it may call it closed for less"""

    @property
    def status(self) -> int:
        return self.answer.status

    def headers(self) -> list[tuple[str, str]]:
        return self.answer.getheaders()

    def pieces(self) -> Iterator[bytes]:
        if self._says_its_length():
            while piece := self.answer.read(PIECE):
                yield piece
            if self.answer.length:  # the standard library takes the end of the connection for that of the body
                taken = b""
                raise http.client.IncompleteRead(taken, self.answer.length)
        else:
            yield from self._in_urllib3().stream(PIECE, decode_content=True)
        self._is_taken = True

    def _says_its_length(self) -> bool:
        """Tell whether it is sent as plainly as can be; what is chunked, packed or contradictory urllib3 reads."""
        said = self.answer.headers
        lengths = said.get_all("content-length", [])
        is_plain = "content-encoding" not in said and "transfer-encoding" not in said
        return is_plain and len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdigit()

    def _in_urllib3(self) -> urllib3.HTTPResponse:
        headers = urllib3.HTTPHeaderDict(self.headers())
        return urllib3.HTTPResponse(
            self.answer, headers, self.status, preload_content=False, original_response=self.answer
        )

    def drop(self) -> None:
        # An answer of 1xx is none yet: the one that it announces would be taken for the next.
        if not (self._is_taken and self.answer.isclosed()) or self.status < HTTPStatus.OK:
            self.answer.close()  # where the peer said that it closes, the answer alone holds the connection
            self.host.close()


@dataclass(slots=True)
class StraightHost:
    """A host to which nobody stands between."""

    make: Callable[[], HTTPConnection]
    """makes a connection that is not open yet"""
    latest: Latest
    connection: HTTPConnection = field(init=False)
    _early: tuple[str, str, Mapping[str, str]] | None = field(default=None, init=False)
    """method, target and headers of what was sent, and is not waited for yet"""

    @classmethod
    def of(cls, url: str, timeout_seconds: float) -> StraightHost:
        """Open nothing yet, but say how."""
        parts, latest = parse_url(url), Latest()
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        host = (parts.host or "").strip("[]")
        port = kind.default_port if parts.port is None else parts.port

        def make() -> HTTPConnection:
            connection = kind(host, port, timeout=timeout_seconds)
            connection.response_class = bounded_answers(latest)
            return connection

        return cls(make, latest)

    def __post_init__(self) -> None:
        """Take the first connection."""
        self.connection = self.make()

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answering:
        """Send a request, unless it already was, and get the head of its answer.

        Where the peer hung up on what was sent early it may have done so before: then it is sent as if it never was.
        """
        early, self._early = self._early, None
        target = _target(url)
        if early is not None and body is None and early == (method, target, headers):
            with contextlib.suppress(*_HUNG_UP):
                return self._answer()
        elif early is not None or not self.connection.is_connected:
            self.close()
        with self._closed_on_error():
            self.connection.request(method, target, body=body, headers=headers)
        return self._answer()

    def ask_early(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Send a request that `ask` will be called with next; what goes wrong here it will meet again."""
        if self._early is not None or not self.connection.is_connected:
            return False
        target = _target(url)
        try:
            self.connection.request(method, target, headers=headers)
        except (HTTPError, http.client.HTTPException, OSError, ValueError):
            self.close()
            return False
        self._early = method, target, headers
        return True

    def close(self) -> None:
        """Close the connection and take another, not open yet: the old one may have half a request in its buffer."""
        self._early = None
        self.connection.close()
        self.connection = self.make()

    def _answer(self) -> Answering:
        # The answer of urllib3 is one of the standard library in a coat that takes as long to put on.
        with self._closed_on_error():
            return _StraightAnswer(self, http.client.HTTPConnection.getresponse(self.connection))

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Close the connection on whatever happens: the next request must not find one that is half done."""
        try:
            yield
        except BaseException:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class _ProxiedAnswer:
    answer: urllib3.BaseHTTPResponse

    @property
    def status(self) -> int:
        return self.answer.status

    def headers(self) -> list[tuple[str, str]]:
        return list(self.answer.headers.iteritems())

    def pieces(self) -> Iterator[bytes]:
        yield from self.answer.stream(PIECE, decode_content=True)

    def drop(self) -> None:
        if not self.answer.closed:
            self.answer.close()


@dataclass(frozen=True, slots=True)
class ProxiedHost:
    """A host behind a proxy, which is told whole URLs, or tunnels TLS."""

    manager: urllib3.ProxyManager
    latest: Latest

    @classmethod
    def of(cls, proxy: str, timeout_seconds: float) -> ProxiedHost:
        """Open nothing yet, but say how: nothing is tried twice."""
        latest, user = Latest(), parse_url(proxy).auth
        shown = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
        timeout = urllib3.Timeout(timeout_seconds)
        manager = urllib3.ProxyManager(proxy, proxy_headers=shown, timeout=timeout, retries=False)
        manager.pool_classes_by_scheme = _bounded_pools(latest)
        return cls(manager, latest)

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answering:
        """Send a request and get the head of its answer."""
        answer = self.manager.urlopen(
            method, url, body=body, headers=headers, retries=False, redirect=False, preload_content=False
        )
        return _ProxiedAnswer(answer)

    def ask_early(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Send nothing: proxies differ in what they make of it."""
        del method, url, headers
        return False

    def close(self) -> None:
        """Close what is open."""
        self.manager.clear()


def _bounded_pools(latest: Latest) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    own = {"response_class": bounded_answers(latest)}
    plain, secure = type("Plain", (HTTPConnection,), own), type("Secure", (HTTPSConnection,), own)
    return {
        "http": type("PlainPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


@lru_cache(maxsize=64)  # what is sent early is asked for a moment later
def _target(url: str) -> str:
    """Give what a request line says of a URL."""
    return parse_url(url).request_uri
