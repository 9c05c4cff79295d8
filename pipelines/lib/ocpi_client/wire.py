"""HTTP on the wire: the hosts of a peer over connections that stay open, through the proxy that the environment names.

urllib3 does the work; a page costs it 0.2 ms, and httpx twice that. What stands here is what no peer may do: lead us
elsewhere, have its cookies sent back, hold us beyond an instant by dripping, or be quoted by the texts of a library.
And what libraries do not do: the next page can be asked for before the last one is dealt with, so that the peer works
while we do. There is never more than one that is not waited for yet.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPException
from math import inf
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
    URLSchemeUnknown,
)
from urllib3.util import parse_url

from pipelines.lib.ocpi_client.early_connections import PIECE, Line, watched_pools

_ALWAYS: Final = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "roamledger"}
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
            yield from self._response.stream(PIECE, decode_content=True)


@dataclass(frozen=True, slots=True)
class _Host:
    """How one host is reached."""

    manager: urllib3.PoolManager
    direct: urllib3.HTTPConnectionPool | None
    """None: through a proxy, which is told whole URLs"""
    line: Line

    @classmethod
    def of(cls, url: str, timeout_seconds: float) -> _Host:
        """Open nothing yet, but say how, for the host of a URL and what the environment says of it now."""
        line, proxy = Line(), proxy_to(urlsplit(url))
        manager = _manager(proxy, timeout_seconds, line)
        return cls(manager, manager.connection_from_url(url) if proxy is None else None, line)

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> urllib3.BaseHTTPResponse:
        """Get the beginning of an answer.

        Where the peer hung up on what was sent early it may have done so before: then it is sent as if it never was.
        """
        opener, target = (self.manager, url) if self.direct is None else (self.direct, _target(url))

        def asked() -> urllib3.BaseHTTPResponse:
            return opener.urlopen(
                method, target, body=body, headers=headers, retries=False, redirect=False, preload_content=False
            )

        self.line.was_early = False
        try:
            return asked()
        except ProtocolError:
            if not self.line.was_early:
                raise
        return asked()

    def close(self) -> None:
        """Close what is open: the manager only forgets its pools, which close when nobody has them any more."""
        if self.direct is not None:
            self.direct.close()
        self.manager.clear()

    def ask_early(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Send a request that `ask` will be called with; tell whether it was sent."""
        newest = self.line.newest
        if newest is None:
            return False
        try:
            return newest.send_early((method, _target(url), headers))
        except (HTTPError, HTTPException, OSError, ValueError):
            newest.close()
            return False


@dataclass(slots=True)
class Wire:
    """What is open to the hosts of one peer, for one thread."""

    timeout_seconds: float
    """of silence: to connect, and between two pieces of an answer"""
    _hosts: dict[tuple[str, str], _Host] = field(default_factory=dict, repr=False)
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
        sent = _sent(headers)
        with _in_our_words():
            host = self._host_of(url)
            host.line.latest = latest
            response = host.ask(method, url, sent, body)
        try:
            yield Reply(response.status, _by_name(response), response)
        finally:
            if not response.closed:  # what is left would be taken for the next answer
                response.close()

    def ask_early(self, method: str, url: str, headers: Mapping[str, str]) -> bool:
        """Send a request whose answer `ask` will be called for next, with the same values; tell whether it was sent.

        It is not where no connection is open, or a proxy stands between. What goes wrong here `ask` will meet again.
        """
        sent = _sent(headers)
        with _in_our_words():
            return self._host_of(url).ask_early(method, url, sent)

    def close(self) -> None:
        """Close what is open, though somebody may still hold us: a traceback does."""
        for host in self._hosts.values():
            host.close()
        self._hosts.clear()

    def _host_of(self, url: str) -> _Host:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise WireError(_NO_URL, retry=False)
        where = parts.scheme, parts.netloc
        if where not in self._hosts:
            self._hosts[where] = _Host.of(url, self.timeout_seconds)
        return self._hosts[where]


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers that are sent, all in ASCII: another one the library would write as it likes."""
    _ = [value.encode("ascii") for value in headers.values()]
    return {**_ALWAYS, **headers}


def proxy_to(parts: SplitResult) -> str | None:
    """Give the proxy that `HTTP_PROXY` and the like put before a host; None where we go there ourselves."""
    known = getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _manager(proxy: str | None, timeout_seconds: float, line: Line) -> urllib3.PoolManager:
    """Make what opens connections: they watch the latest instant, and try nothing twice."""
    _silence_library()
    timeout = urllib3.Timeout(timeout_seconds)
    if proxy is None:
        manager = urllib3.PoolManager(timeout=timeout, retries=False)
    else:
        try:
            user = parse_url(proxy).auth
            shown = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
            manager = urllib3.ProxyManager(proxy, proxy_headers=shown, timeout=timeout, retries=False)
        except HTTPError:
            raise WireError(_STRANGE_PROXY, retry=False) from None
    manager.pool_classes_by_scheme = watched_pools(line)
    return manager


@lru_cache(maxsize=64)  # what is sent early is asked for a moment later
def _target(url: str) -> str:
    """Give what a request line says of a URL."""
    return parse_url(url).request_uri


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
