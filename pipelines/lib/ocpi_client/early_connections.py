"""Connections of urllib3 on which a request may be sent early, and whose answers are watched to their last byte.

A request is early that is sent before anybody waits for its answer: `send_early` sends it, and `request`, called with
the same values, finds that it was sent. The connection is otherwise what its pool takes it for.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from math import inf
from typing import IO, TYPE_CHECKING, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from socket import socket

    from _typeshed import WriteableBuffer

PIECE: Final = 64 * 1024
"""bytes taken at a time: larger ones are asked of the kernel anew each time, which costs more than it saves"""
_Body = bytes | str | IO[bytes] | Iterable[bytes | str]
"""what the library takes for one; we have bytes"""
Request = tuple[str, str, Mapping[str, str]]
"""method, target and headers"""


@dataclass(slots=True)
class Line:
    """What the connections to one host have in common: one is in use, the others were closed by somebody."""

    latest: float = inf
    """when the answer that is on its way has to be at its end, by the monotonic clock"""
    newest: EarlyConnection | None = None
    """the connection in use, where no proxy stands between"""
    was_early: bool = False
    """whether the newest request was sent before anybody waited for its answer"""


class EarlyConnection(HTTPConnection):
    """A connection on which a request may be sent before anybody waits for its answer."""

    line: Line
    _early: Request | None = None
    """what was sent, and is not waited for yet"""

    @property
    def is_connected(self) -> bool:
        """Whether the peer has not hung up: bytes that came unasked say that it did, but an answer is due here."""
        return self._early is not None or super().is_connected

    def send_early(self, request: Request) -> bool:
        """Send what `request` will be called with next; tell whether it was sent."""
        if self._early is not None or not self.is_connected:
            return False
        method, target, headers = request
        super().request(method, target, headers=headers, preload_content=False)
        self._early = request
        return True

    def request(
        self,
        method: str,
        url: str,
        body: _Body | None = None,
        headers: Mapping[str, str] | None = None,
        **options: bool,
    ) -> None:
        """Send a request, unless it already was; anything else that was sent early is given up for good."""
        early, self._early = self._early, None
        self.line.newest = self if self.proxy is None else None
        self.line.was_early = early is not None and body is None and early == (method, url, headers)
        if self.line.was_early:
            return
        if early is not None:
            self.close()
        super().request(method, url, body=body, headers=headers, **options)


class _UntilLatest(io.RawIOBase):
    """What comes through a socket until an instant: in whatever small pieces, no peer holds us beyond it."""

    def __init__(self, raw: io.RawIOBase, line: Line) -> None:
        super().__init__()
        self._raw, self._line = raw, line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if time.monotonic() > self._line.latest:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def watched_pools(line: Line) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Make pools whose answers are watched from their status line to their trailers, and may be asked for early."""

    class Watched(HTTPResponse):
        def __init__(self, sock: socket, *, method: str | None = None) -> None:
            super().__init__(sock, method=method)
            self.fp = io.BufferedReader(_UntilLatest(self.fp.detach(), line), PIECE)

    own = {"response_class": Watched, "line": line}
    plain = type("Plain", (EarlyConnection,), own)
    secure = type("Secure", (EarlyConnection, HTTPSConnection), own)
    return {
        "http": type("PlainPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
