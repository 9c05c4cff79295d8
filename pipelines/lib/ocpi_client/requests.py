"""What goes into a request: who we are, however the peer wants to hear it, for whom, and under which ids."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pipelines.lib.settings import Connection, TokenEncoding

REQUEST_ID: Final = "X-Request-ID"
CORRELATION_ID: Final = "X-Correlation-ID"


@dataclass(slots=True)
class Authorization:
    """The `Authorization` headers that a peer may want, the likeliest first; the one that worked stays in front.

    Several there are where the encoding is `auto`, and between a rotation and its proof, when either token may hold.
    """

    headers: list[str] = field(repr=False)
    was_accepted: bool = False
    """whether the peer took the first one in this run"""

    @classmethod
    def of(cls, tokens: Iterable[str], encoding: TokenEncoding) -> Authorization:
        """Spell tokens as the connection's setting says; `auto` begins with base64."""
        spelt = [f"Token {sent}" for token in tokens for sent in _spelt(token, encoding)]
        return cls(list(dict.fromkeys(spelt)))

    def accepted(self, header: str) -> None:
        """Remember what worked, for the rest of the run."""
        self.was_accepted = True
        if self.headers[0] != header:
            self.headers.remove(header)
            self.headers.insert(0, header)


def _spelt(token: str, encoding: TokenEncoding) -> list[str]:
    encoded = base64.b64encode(token.encode()).decode()
    match encoding:
        case "base64":
            return [encoded]
        case "raw":
            return [token]
        case "auto":
            return [encoded, token] if token.isascii() else [encoded]


@dataclass(slots=True)
class Throttle:
    """Keeps a client below a rate: no request begins sooner than a fixed time after the one before."""

    requests_per_second: float | None
    _next: float = 0.0
    """of the monotonic clock: when the next request may begin"""

    def wait(self) -> None:
        """Sleep until the next request may begin."""
        if self.requests_per_second is None:
            return
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.requests_per_second


def new_id() -> str:
    """Give a fresh id for `X-Request-ID` or `X-Correlation-ID`."""
    return str(uuid.uuid4())


def routing_headers(connection: Connection) -> dict[str, str]:
    """Give the hub headers of OCPI 2.2.1-d2, 4.1.4: from whom and to whom; none where no hub is between.

    They go on functional modules only: versions and credentials are between neighbours.
    """
    if connection.routing_from is None or connection.routing_to is None:
        return {}
    (from_country, from_party), (to_country, to_party) = (
        party.split("*") for party in (connection.routing_from, connection.routing_to)
    )
    return {
        "OCPI-from-country-code": from_country,
        "OCPI-from-party-id": from_party,
        "OCPI-to-country-code": to_country,
        "OCPI-to-party-id": to_party,
    }
