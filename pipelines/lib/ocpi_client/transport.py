"""One GET with patience: time-outs, 429, 5xx, broken and unreadable answers are tried again, with growing pauses."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
import stamina

from models.ocpi.envelope import read_status
from models.ocpi.problems import RecordProblem
from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure, scrubbed, without_secrets
from pipelines.lib.settings import Connection

LONGEST_PAUSE: Final = 60.0
"""seconds; a peer that asks for more is reported, and pulled again by the next schedule"""

LONGEST_ANSWER: Final = 600.0
"""seconds from first to last byte; the time-out of a connection only bounds the silence between two bytes"""

MOST_BYTES: Final = 128 * 1024 * 1024
"""of one answer, unpacked: a page of 1,000 CDRs with their tariffs has some 10 MB"""

_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_SERVER_SIDE: Final = 3000
"""OCPI status codes from here on blame the server or the hub: asking again can help"""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP 200 answer, whole, with its bytes as received."""

    url: str
    status: int
    headers: httpx.Headers
    content: bytes
    next_link: str | None
    """the target of `Link` with rel="next", as sent"""


@dataclass(frozen=True)
class Transport:
    """Gets answers from one connection; the token lives in the headers of its client and nowhere else."""

    connection: Connection
    client: httpx.Client
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """what must never be repeated from an answer: the token as set and as sent"""
    first_pause: float = 0.25
    """seconds before the second attempt; doubled for each further one"""
    most_bytes: int = MOST_BYTES

    @classmethod
    def open(cls, connection: Connection, first_pause: float = 0.25) -> Transport:
        """Open an HTTP client for a connection; a missing token is a `UserError`. Redirects are never followed."""
        token = secret = connection.token().get_secret_value()
        if connection.token_encoding == "base64":
            token = base64.b64encode(token.encode()).decode()
        headers = {"Authorization": f"Token {token}", "Accept": "application/json"}
        client = httpx.Client(headers=headers, timeout=connection.timeout_seconds, follow_redirects=False)
        return cls(connection, client, (token, secret), first_pause)

    def close(self) -> None:
        """Close the HTTP client."""
        self.client.close()

    def get(self, url: str, check: Callable[[bytes], object]) -> Answer:
        """Get a URL, trying again up to `attempts` times.

        Args:
            url: absolute.
            check: reads the body and raises `RecordProblem` where it is unusable; that is tried again as well, because
                truncated bodies and error pages with status 200 are usually gone a second later.

        Raises:
            PeerFailure: when the last attempt failed too; `UnreadableAnswer` where the last body was unusable.
        """
        for attempt in stamina.retry_context(
            on=self._pause,
            attempts=self.connection.attempts,
            timeout=None,
            wait_initial=self.first_pause,
            wait_max=LONGEST_PAUSE,
            wait_jitter=self.first_pause,
        ):
            with attempt:
                return self._get_once(url, check)
        raise AssertionError  # pragma: no cover - retry_context either returns or raises

    @staticmethod
    def _pause(error: Exception) -> bool | float:
        if not isinstance(error, PeerFailure) or not error.retry:
            return False
        return True if error.retry_after is None else min(error.retry_after, LONGEST_PAUSE)

    def _get_once(self, url: str, check: Callable[[bytes], object]) -> Answer:
        try:
            response, content = self._fetch(url)
        except (httpx.TransportError, httpx.DecodingError) as error:
            message = f"GET {without_secrets(url)}: {_what_happened(error)}"
            raise PeerFailure(FailureKind.UNREACHABLE, message, retry=True) from None
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            message = f"GET {without_secrets(url)}: {type(error).__name__}"
            raise PeerFailure(FailureKind.UNREACHABLE, message) from None
        answer = Answer(url, response.status_code, response.headers, content, _next_link(response))
        self._hold_to_protocol(answer, check)
        return answer

    def _fetch(self, url: str) -> tuple[httpx.Response, bytes]:
        """Get an answer piece by piece, so that neither a compressed bomb nor a trickle can hold us."""
        where, latest = f"GET {without_secrets(url)}", time.monotonic() + LONGEST_ANSWER
        with self.client.stream("GET", url) as response:
            self._hold_to_status(url, response)
            if "," in response.headers.get("Content-Encoding", ""):  # compressed twice: each round multiplies by 1000
                raise PeerFailure(FailureKind.TOO_LARGE, f"{where}: the answer is compressed more than once")
            content = bytearray()
            for piece in response.iter_bytes():
                content += piece
                if len(content) > self.most_bytes:
                    message = f"{where}: more than {self.most_bytes:,} bytes: lower page_limit of the connection"
                    raise PeerFailure(FailureKind.TOO_LARGE, message)
                if time.monotonic() > latest:
                    message = f"{where}: still not at its end after {LONGEST_ANSWER:.0f} s"
                    raise PeerFailure(FailureKind.UNREACHABLE, message)
        return response, bytes(content)

    def _hold_to_status(self, url: str, response: httpx.Response) -> None:
        status, where = response.status_code, f"GET {without_secrets(url)}"
        if status == HTTPStatus.OK:
            return
        if status in _REFUSED:
            message = f"{where}: the peer refused our token with {status}: check {self.connection.token_env}"
            raise PeerFailure(FailureKind.UNAUTHORIZED, message)
        again = status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        message = f"{where}: HTTP {status} instead of 200"
        raise PeerFailure(
            FailureKind.HTTP_STATUS, message, retry=again, retry_after=_seconds(response.headers.get("Retry-After"))
        )

    def _hold_to_protocol(self, answer: Answer, check: Callable[[bytes], object]) -> None:
        where = f"GET {without_secrets(answer.url)}"
        try:
            status = read_status(answer.content)
            if not status.is_success:
                said = scrubbed(status.status_message or "no message", self.secrets)
                message = f"{where}: OCPI status_code {status.status_code} ({said})"
                raise PeerFailure(FailureKind.OCPI_STATUS, message, retry=status.status_code >= _SERVER_SIDE)
            check(answer.content)
        except RecordProblem as problem:
            message = f"{where}: {scrubbed(str(problem), self.secrets)}"
            raise UnreadableAnswer(FailureKind(problem.rule), message, answer) from None


class UnreadableAnswer(PeerFailure):
    """A complete HTTP 200 answer whose body is unusable: the bytes are kept as evidence."""

    def __init__(self, kind: FailureKind, message: str, answer: Answer) -> None:
        super().__init__(kind, message, retry=True)
        self.answer = answer


def _next_link(response: httpx.Response) -> str | None:
    try:
        return response.links.get("next", {}).get("url")
    except (KeyError, ValueError):  # a Link header beyond recognition is no link
        return None


def _what_happened(error: Exception) -> str:
    """Say it in our own words: texts of the HTTP library may one day hold what they should not."""
    match error:
        case httpx.TimeoutException():
            return "no answer in time"
        case httpx.ConnectError():
            return "no connection"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.DecodingError():
            return "the answer broke off"
        case _:
            return type(error).__name__


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After, which is either seconds or a date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
