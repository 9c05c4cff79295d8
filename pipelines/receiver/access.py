"""Who calls, and how often: the connection behind a token, and a bucket of requests for each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from pipelines.lib.connections import connection_of_authorization
from pipelines.lib.settings import Connection, Settings
from pipelines.receiver.envelopes import CLIENT_ERROR, Refusal

_REMEMBERED_SECONDS: Final = 2.0
"""A token is looked up in files; under load that would cost more than the push. A revoked one counts so much longer."""
_MOST_REMEMBERED: Final = 1024


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass
class RateLimit:
    """Lets through so many requests a second on average, and a burst at once."""

    per_second: float
    burst: int
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def seconds_to_wait(self, name: str) -> int:
        """Take one request from a bucket: 0, or whole seconds until there is one again."""
        now = time.monotonic()
        bucket = self._buckets.setdefault(name, _Bucket(self.burst, now))
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.filled_at) * self.per_second)
        bucket.filled_at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return max(1, ceil((1 - bucket.tokens) / self.per_second))


@dataclass
class Doorkeeper:
    """Admits the calls of declared connections."""

    settings: Settings
    rate: RateLimit
    _remembered: dict[bytes, tuple[float, str]] = field(default_factory=dict)

    def admit(self, headers: Mapping[str, str]) -> Connection:
        """Give the connection that calls.

        Raises:
            Refusal: 401 without a token of ours, 429 beyond the connection's rate.
        """
        connection_id = self._connection_of(headers.get("authorization", ""))
        if connection_id is None:
            message = "missing or unknown credentials token"
            raise Refusal(401, CLIENT_ERROR, message, {"WWW-Authenticate": "Token"})
        if wait := self.rate.seconds_to_wait(connection_id):
            raise Refusal(429, CLIENT_ERROR, "too many requests", {"Retry-After": str(wait)})
        return self.settings.connection(connection_id)

    def _connection_of(self, authorization: str) -> str | None:
        if not authorization:
            return None
        digest = hashlib.sha256(authorization.encode("utf-8", errors="replace")).digest()
        until, connection_id = self._remembered.get(digest, (0.0, None))
        if time.monotonic() < until:
            return connection_id
        found = connection_of_authorization(self.settings, authorization)
        self._remembered.pop(digest, None)
        if found is not None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found

    def forget(self) -> None:
        """Look every token up anew: one was given or revoked."""
        self._remembered.clear()
