"""HTTP on the wire: the hosts of a peer over connections that stay open, through the proxy that the environment names.

Libraries do the work (`hosts.py`). What stands here is what no peer may do: lead us elsewhere, have its cookies sent
back, hold us beyond an instant by dripping, or be quoted by the texts of a library.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, InvalidURL
from math import inf
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

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

from pipelines.lib.ocpi_client.hosts import Answering, Host, ProxiedHost, StraightHost

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
    _answer: Answering = field(repr=False)

    def pieces(self) -> Iterator[bytes]:
        """Give the body piece by piece, unpacked; raise `WireError` where it breaks off."""
        with _in_our_words():
            try:
                yield from self._answer.pieces()
            except ValueError as error:  # of its framing; the URL is long past by then
                raise HTTPException from error


@dataclass(slots=True)
class Wire:
    """What is open to the hosts of one peer, for one thread."""

    timeout_seconds: float
    """of silence: to connect, and between two pieces of an answer"""
    _hosts: dict[tuple[str, str], Host] = field(default_factory=dict, repr=False)
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
            host.latest.instant = latest
            answer = host.ask(method, url, sent, body)
        try:
            yield Reply(answer.status, _by_name(answer.headers()), answer)
        finally:
            answer.drop()

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

    def _host_of(self, url: str) -> Host:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise WireError(_NO_URL, retry=False)
        where = parts.scheme, parts.netloc
        if where not in self._hosts:
            self._hosts[where] = _host(url, self.timeout_seconds)
        return self._hosts[where]


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers that are sent, all in ASCII: another one the library would write as it likes."""
    _ = [value.encode("ascii") for value in headers.values()]
    return {**_ALWAYS, **headers}


def _host(url: str, timeout_seconds: float) -> Host:
    """Give the way to the host of a URL, as the environment says it now."""
    _silence_library()
    proxy = proxy_to(urlsplit(url))
    if proxy is None:
        return StraightHost.of(url, timeout_seconds)
    try:
        return ProxiedHost.of(proxy, timeout_seconds)
    except HTTPError:
        raise WireError(_STRANGE_PROXY, retry=False) from None


def proxy_to(parts: SplitResult) -> str | None:
    """Give the proxy that `HTTP_PROXY` and the like put before a host; None where we go there ourselves."""
    known = getproxies()
    proxy = known.get(parts.scheme) or known.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (NewConnectionError, ssl.SSLError, SSLError, ProxyError):
        raise WireError(_CLOSED) from None
    except (ConnectTimeoutError, ReadTimeoutError, TimeoutError):
        raise WireError(_SILENT) from None
    except (LocationValueError, URLSchemeUnknown, InvalidURL, ValueError):  # peers write such links: a port of 99999
        raise WireError(_NO_URL, retry=False) from None
    except (HTTPError, HTTPException, OSError):
        raise WireError(_BROKEN) from None


def _by_name(sent: list[tuple[str, str]]) -> dict[str, str]:
    """Give headers by lower-case name."""
    headers = {name.lower(): value for name, value in sent}
    if "link" in headers:
        headers["link"] = ", ".join(value for name, value in sent if name.lower() == "link")
    return headers


def _silence_library() -> None:
    """Keep URLs out of logs: urllib3 names whole ones at DEBUG, and at WARNING where headers are strange."""
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
