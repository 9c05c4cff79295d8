"""HTTP on the wire: the hosts of a peer over connections that stay open, through the proxy that the environment names.

urllib3 does the work; a page costs it 0.2 ms, and httpx twice that. What stands here is what no peer may do: lead us
elsewhere, have its cookies sent back, hold us beyond an instant by dripping, or be quoted by the texts of a library.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from math import inf
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
    URLSchemeUnknown,
)
from urllib3.util import parse_url

if TYPE_CHECKING:
    from socket import socket

    from _typeshed import WriteableBuffer

_ALWAYS: Final = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "roamledger"}
_PIECE: Final = 64 * 1024
"""bytes taken at a time: larger ones are asked of the kernel anew each time, which costs more than it saves"""
_SILENT: Final = "no answer in time"
_CLOSED: Final = "no connection"
_BROKEN: Final = "the answer broke off"
_NO_URL: Final = "no URL of HTTP"
_STRANGE_PROXY: Final = "the environment names a proxy that speaks no HTTP"


class WireError(Exception):
    """There was no answer, or none that came to its end.

    It is said in our own words: texts of libraries may one day hold what they should not.
    """

    def __init__(self, said: str, *, retry: bool = True) -> None:
        super().__init__(said)
        self.retry = retry
        """whether asking again can help"""


@dataclass(slots=True)
class _Deadline:
    """When the answer that is on its way has to be at its end, by the monotonic clock."""

    latest: float = inf


class _Watched(io.RawIOBase):
    """What comes through a socket until an instant: in whatever small pieces, no peer holds us beyond it."""

    def __init__(self, raw: io.RawIOBase, deadline: _Deadline) -> None:
        super().__init__()
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if time.monotonic() > self._deadline.latest:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


@dataclass(frozen=True, slots=True)
class Reply:
    """The beginning of an answer; its body is still to be taken."""

    status: int
    headers: dict[str, str] = field(repr=False)
    """by lower-case name; of one sent twice the last, but every `Link`"""
    _response: urllib3.BaseHTTPResponse = field(repr=False)

    def pieces(self) -> Iterator[bytes]:
        """Give the body piece by piece, unpacked; raise `WireError` where it breaks off."""
        with _in_our_words():
            yield from self._response.stream(_PIECE, decode_content=True)


@dataclass(slots=True)
class Wire:
    """What is open to the hosts of one peer, for one thread."""

    timeout_seconds: float
    """of silence: to connect, and between two pieces of an answer"""
    _deadline: _Deadline = field(default_factory=_Deadline, repr=False)
    _pools: dict[tuple[str, str], urllib3.PoolManager] = field(default_factory=dict, repr=False)
    """by scheme and host: to ask the environment for a proxy each time would cost more than the request"""

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
            UnicodeError: for a header that is not ASCII: the library would send it in a code that is not agreed on.
        """
        _ = [value.encode("ascii") for value in headers.values()]
        self._deadline.latest = latest
        with _in_our_words():
            response = self._pool_for(url).request(
                method, url, body=body, headers={**_ALWAYS, **headers}, preload_content=False, redirect=False
            )
        try:
            yield Reply(response.status, _by_name(response), response)
        finally:
            if not response.closed:  # what is left would be taken for the next answer
                response.close()

    def close(self) -> None:
        """Close what is open."""
        for pool in self._pools.values():
            pool.clear()

    def _pool_for(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise WireError(_NO_URL, retry=False)
        where = parts.scheme, parts.netloc
        if where not in self._pools:
            self._pools[where] = _pool(proxy_to(parts), self.timeout_seconds, self._deadline)
        return self._pools[where]


def proxy_to(parts: SplitResult) -> str | None:
    """Give the proxy that `HTTP_PROXY` and the like put before a host; None where we go there ourselves."""
    known = getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _pool(proxy: str | None, timeout_seconds: float, deadline: _Deadline) -> urllib3.PoolManager:
    """Open nothing yet, but say how: the connections of a pool watch the deadline, and try nothing twice."""
    _silence_library()
    options: dict[str, Any] = {"timeout": urllib3.Timeout(timeout_seconds), "retries": False}
    if proxy is None:
        pool = urllib3.PoolManager(**options)
    else:
        try:
            user = parse_url(proxy).auth
            shown = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
            pool = urllib3.ProxyManager(proxy, proxy_headers=shown, **options)
        except HTTPError:
            raise WireError(_STRANGE_PROXY, retry=False) from None
    pool.pool_classes_by_scheme = _watching(deadline)
    return pool


def _watching(deadline: _Deadline) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Make pools whose answers are watched from their status line to their trailers."""

    class Watched(HTTPResponse):
        def __init__(self, sock: socket, *, method: str | None = None) -> None:
            super().__init__(sock, method=method)
            self.fp = io.BufferedReader(_Watched(self.fp.detach(), deadline), _PIECE)

    plain = type("Plain", (HTTPConnection,), {"response_class": Watched})
    secure = type("Secure", (HTTPSConnection,), {"response_class": Watched})
    return {
        "http": type("PlainPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (LocationValueError, URLSchemeUnknown, ValueError):  # peers write such links: a port of 99999
        raise WireError(_NO_URL, retry=False) from None
    except NewConnectionError:
        raise WireError(_CLOSED) from None
    except (ConnectTimeoutError, ReadTimeoutError, TimeoutError):
        raise WireError(_SILENT) from None
    except (SSLError, ProxyError):
        raise WireError(_CLOSED) from None
    except (HTTPError, OSError):
        raise WireError(_BROKEN) from None


def _by_name(response: urllib3.BaseHTTPResponse) -> dict[str, str]:
    """Give headers by lower-case name."""
    headers = {name.lower(): values[-1] for name in response.headers if (values := response.headers.getlist(name))}
    return headers | ({"link": ", ".join(response.headers.getlist("link"))} if "link" in headers else {})


def _silence_library() -> None:
    """Keep URLs out of logs: urllib3 names whole ones at DEBUG, and at WARNING where headers are strange."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
