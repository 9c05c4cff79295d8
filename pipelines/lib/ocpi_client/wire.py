"""HTTP on the wire: one connection to each host of a peer, kept open, through the proxy that the environment names.

It stands on `http.client`, which fetches a page in half the time of httpx and lets it be taken piece by piece.
Redirects are not followed, cookies not kept: nothing that a peer sets is ever sent back to it. A proxy is spoken to in
plain HTTP, and TLS goes through it; certificates are those that httpx trusts (`SSL_CERT_FILE`, `SSL_CERT_DIR`, else
certifi's).
"""

from __future__ import annotations

import base64
import io
import re
import select
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from math import inf
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

if TYPE_CHECKING:
    from socket import socket

    from _typeshed import WriteableBuffer

_ALWAYS: Final = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "roamledger"}
_PLAIN: Final = re.compile(r"https?://[\w!$%&'()*+,./:;=?@\[\]~-]+", re.ASCII)
"""a URL that can be sent as it stands, as nearly all can"""
_PIECE: Final = 64 * 1024
"""bytes taken at a time: larger ones are asked of the kernel anew each time, which costs more than it saves"""
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_SILENT: Final = "no answer in time"
_CLOSED: Final = "no connection"
_BROKEN: Final = "the answer broke off"
_NO_URL: Final = "no URL of HTTP"
_STRANGE_PROXY: Final = "the environment names a proxy that is not spoken to in plain HTTP"
_ANY_HEADER: Final = zlib.MAX_WBITS | 32
"""has zlib see for itself whether gzip or deflate was meant"""


class WireError(Exception):
    """There was no answer, or none that came to its end.

    It is said in our own words: texts of libraries may one day hold what they should not.
    """

    def __init__(self, said: str, *, retry: bool = True) -> None:
        super().__init__(said)
        self.retry = retry
        """whether asking again can help"""


class _Watched(io.RawIOBase):
    """What comes through a socket until an instant: in whatever small pieces, no peer holds us beyond it."""

    def __init__(self, raw: io.RawIOBase, latest: float) -> None:
        super().__init__()
        self._raw, self._latest = raw, latest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if time.monotonic() > self._latest:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _WatchedResponse(HTTPResponse):
    """An answer that has to be at its end at an instant: status line, headers, body and trailers."""

    def __init__(self, sock: socket, *, method: str | None = None, latest: float) -> None:
        super().__init__(sock, method=method)
        self.fp = io.BufferedReader(_Watched(self.fp.detach(), latest))


@dataclass(frozen=True, slots=True)
class Reply:
    """The beginning of an answer; its body is still to be taken."""

    status: int
    headers: dict[str, str] = field(repr=False)
    """by lower-case name; of one sent twice the last, but every `Link`"""
    _response: HTTPResponse = field(repr=False)

    def pieces(self) -> Iterator[bytes]:
        """Give the body piece by piece, unpacked, each as soon as it comes; raise `WireError` where it breaks off."""
        if self.headers.get("content-encoding", "").strip().lower() not in _PACKED:
            yield from _taken(self._response)
            return
        unpacking = zlib.decompressobj(_ANY_HEADER)
        for piece in _taken(self._response):
            yield unpacking.decompress(piece)
        yield unpacking.flush()
        if not unpacking.eof:
            raise WireError(_BROKEN)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a host is reached."""

    connection: HTTPConnection
    whole_url: bool = False
    """whether a proxy has to be told to whom the request goes"""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """for the proxy alone"""


@dataclass(slots=True)
class Wire:
    """What is open to the hosts of one peer, for one thread."""

    timeout_seconds: float
    """of silence: to connect, and between two pieces of an answer"""
    _ways: dict[tuple[str, str], _Way] = field(default_factory=dict, repr=False)
    """by scheme and host"""

    @contextmanager
    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, latest: float = inf
    ) -> Iterator[Reply]:
        """Send a request and give the beginning of its answer; what was not taken of it in the end is dropped.

        Args:
            method: of HTTP.
            url: absolute.
            headers: beyond those that every request has.
            body: None: there is none.
            latest: of the monotonic clock: when the last byte has to be here.

        Raises:
            WireError: where no answer came, or it broke off while it was taken.
        """
        parts = _sendable(url)
        way = self._way_to(parts)
        target = parts.geturl() if way.whole_url else f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        response: HTTPResponse | None = None
        try:
            way.connection.response_class = cast("type[HTTPResponse]", partial(_WatchedResponse, latest=latest))
            _open(way.connection)
            way.connection.request(method, target, body, {**_ALWAYS, **way.headers, **headers})
            response = way.connection.getresponse()
            yield Reply(response.status, _by_name(response), response)
        except TimeoutError:
            raise WireError(_SILENT) from None
        except (OSError, HTTPException, zlib.error):
            raise WireError(_BROKEN) from None
        finally:
            if response is None or not response.isclosed():  # what is left would be taken for the next answer
                way.connection.close()

    def close(self) -> None:
        """Close what is open."""
        for way in self._ways.values():
            way.connection.close()

    def _way_to(self, parts: SplitResult) -> _Way:
        where = parts.scheme, parts.netloc
        if where not in self._ways:
            self._ways[where] = _way_to(parts, proxy_to(parts), self.timeout_seconds)
        return self._ways[where]


def proxy_to(parts: SplitResult) -> str | None:
    """Give the proxy that `HTTP_PROXY` and the like put before a host; None where we go to it ourselves."""
    known = getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _way_to(parts: SplitResult, proxy: str | None, timeout_seconds: float) -> _Way:
    host, port = parts.hostname or "", parts.port
    secure = {"timeout": timeout_seconds, "context": httpx.create_ssl_context()} if parts.scheme == "https" else None
    if proxy is None:
        made = HTTPSConnection(host, port, **secure) if secure else HTTPConnection(host, port, timeout=timeout_seconds)
        return _Way(made)
    between = urlsplit(proxy)
    if between.scheme != "http" or between.hostname is None:
        raise WireError(_STRANGE_PROXY, retry=False)
    user = f"{unquote(between.username or '')}:{unquote(between.password or '')}"
    shown = {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if between.username else {}
    if secure is None:
        made = HTTPConnection(between.hostname, between.port, timeout=timeout_seconds)
        return _Way(made, whole_url=True, headers=shown)
    made = HTTPSConnection(between.hostname, between.port or 80, **secure)
    made.set_tunnel(host, port or 443, shown)
    return _Way(made)


def _open(connection: HTTPConnection) -> None:
    """Open a connection, unless it is open and the host has not closed it meanwhile; nothing else may wait in it."""
    if connection.sock is not None:
        waiting = select.poll()
        waiting.register(connection.sock, select.POLLIN)
        if not waiting.poll(0):
            return
        connection.close()
    try:
        connection.connect()
    except TimeoutError:
        raise WireError(_SILENT) from None
    except (OSError, HTTPException):
        raise WireError(_CLOSED) from None


def _taken(response: HTTPResponse) -> Iterator[bytes]:
    """Give a body piece by piece as sent; raise `WireError` where it is shorter than was said."""
    while piece := response.read1(_PIECE):
        yield piece
    if response.length:
        raise WireError(_BROKEN)
    response.read()  # nothing: it tells the connection that this answer is at its end


def _by_name(response: HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key == "link" and key in headers else value
    return headers


def _sendable(url: str) -> SplitResult:
    """Give a URL as HTTP can carry it: without fragment, and encoded what it has of spaces and letters beyond ASCII."""
    try:
        parts = urlsplit(url if _PLAIN.fullmatch(url) else str(httpx.URL(url).copy_with(fragment=None)))
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return parts
    except (httpx.InvalidURL, ValueError):  # peers write such links: a port of 99999, half an IPv6 address
        pass
    raise WireError(_NO_URL, retry=False)
