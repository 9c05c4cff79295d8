"""How long a connection may keep a service waiting, and which one gives way when there is no room for all.

uvicorn closes connections that are idle between two requests. A request that was begun and never ended would hold its
connection, and so one of the process's file handles, for ever: here every connection has a clock that runs while the
peer owes us something.
"""

from __future__ import annotations

import asyncio
import resource
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

_MOST: Final = 1000
"""connections of one service, however many file handles there are"""


def _half_of_the_file_handles() -> int:
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if handles == resource.RLIM_INFINITY else min(_MOST, handles // 2)


@dataclass(frozen=True, slots=True)
class Patience:
    """What a service bears with."""

    head_seconds: float = 10.0
    """to the end of a request's headers, from the connection on or from the answer before"""
    rest_seconds: float = 60.0
    """to the end of its body, and for taking the last answer; an application may be less patient"""
    connections: int = field(default_factory=_half_of_the_file_handles)
    """Open at a time: the other half of the handles is for files, without which no push could be kept."""


class Room:
    """The open connections of one service, by address; each address has its own in the order of their last news.

    Where there is no room, the address that has the most gives up the one that has kept us waiting longest. So nobody
    can keep others out, and a reverse proxy, behind which all peers have one address, may have all the room.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._of: defaultdict[str, dict[PatientProtocol, None]] = defaultdict(dict)

    def enter(self, connection: PatientProtocol) -> None:
        """Take a connection in; another one, or itself, may have to go."""
        self._of[connection.address][connection] = None
        self._count += 1
        if self._count > self._most:
            crowd = max(self._of.values(), key=len)
            next((each for each in crowd if each.is_awaited), connection).give_up()

    def renew(self, connection: PatientProtocol) -> None:
        """Put a connection behind the others of its address: it has just done what was waited for."""
        crowd = self._of.get(connection.address, {})
        if connection in crowd:
            del crowd[connection]
            crowd[connection] = None

    def leave(self, connection: PatientProtocol) -> None:
        """Count a connection no more; again changes nothing."""
        crowd = self._of.get(connection.address, {})
        if connection in crowd:
            del crowd[connection]
            self._count -= 1
            if not crowd:
                del self._of[connection.address]


_Owed = tuple[Literal["head", "rest", "end"], object]
"""what the peer owes, and the request that it began or ended last"""


class PatientProtocol(asyncio.Protocol):
    """What is laid over a protocol of uvicorn, whichever it is: both know the request under way as `cycle`."""

    patience: ClassVar[Patience]
    room: ClassVar[Room]
    # Of uvicorn's protocols; None until there is one.
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    client: tuple[str, int] | None
    cycle: Any

    _owed: _Owed | None = None
    _clock: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """Where the connection comes from."""
        return self.client[0] if self.client else ""

    @property
    def is_awaited(self) -> bool:
        """Whether the peer owes us something."""
        return self._owed is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._reckon()
        self.room.enter(self)

    def data_received(self, data: bytes) -> None:
        """Take what came; it sets the clock anew only where it ends the headers or the body."""
        super().data_received(data)
        self._reckon()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()  # pyright: ignore[reportAttributeAccessIssue] - of uvicorn's protocols
        self._reckon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        self.room.leave(self)
        super().connection_lost(exc)

    def give_up(self) -> None:
        """End the connection at once."""
        self.room.leave(self)
        self.transport.abort()

    def _reckon(self) -> None:
        """Start a clock for what the peer owes now, unless it runs already."""
        owed = self._owed_now()
        if owed == self._owed:
            return
        self._stop()
        self._owed = owed
        self.room.renew(self)
        if owed is not None:
            seconds = self.patience.head_seconds if owed[0] == "head" else self.patience.rest_seconds
            self._clock = self.loop.call_later(seconds, self._expired)

    def _owed_now(self) -> _Owed | None:
        if self.transport.is_closing():
            return "end", None
        if self.cycle is None or self.cycle.response_complete:
            return "head", self.cycle
        return ("rest", self.cycle) if self.cycle.more_body else None

    def _expired(self) -> None:
        """Close the connection; where that was done and the peer does not take what is still to be sent, end it."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()
            self._reckon()

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


def patient(protocol: type[asyncio.Protocol], patience: Patience) -> type[asyncio.Protocol]:
    """Lay patience over a protocol of uvicorn, for one service."""
    return type("Patient", (PatientProtocol, protocol), {"patience": patience, "room": Room(patience.connections)})
