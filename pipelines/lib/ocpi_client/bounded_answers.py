"""Answers that have to be at their end by an instant: in whatever pieces they come, no peer holds us beyond it."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from http.client import HTTPResponse
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from socket import socket

    from _typeshed import WriteableBuffer

PIECE: Final = 64 * 1024
"""bytes taken at a time: larger ones are asked of the kernel anew each time, which costs more than it saves"""


@dataclass(slots=True)
class Latest:
    """When the answer that is on its way has to be at its end, by the monotonic clock."""

    instant: float = inf


class _UntilLatest(io.RawIOBase):
    """What comes through a socket until an instant; `TimeoutError` afterwards."""

    def __init__(self, raw: io.RawIOBase, latest: Latest) -> None:
        super().__init__()
        self._raw, self._latest = raw, latest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if time.monotonic() > self._latest.instant:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def bounded_answers(latest: Latest) -> type[HTTPResponse]:
    """Make the class of answers that are watched from their status line to their trailers."""

    class Bounded(HTTPResponse):
        def __init__(self, sock: socket, *, method: str | None = None) -> None:
            super().__init__(sock, method=method)
            self.fp = io.BufferedReader(_UntilLatest(self.fp.detach(), latest), PIECE)

    return Bounded
