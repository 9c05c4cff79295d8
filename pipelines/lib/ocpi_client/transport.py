"""One request with patience: time-outs, 429, 5xx, broken and unreadable answers are tried again, after a pause."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeVar

import stamina

from models.ocpi.envelope import read_status
from models.ocpi.problems import RecordProblem
from pipelines.lib.ocpi_client.answers import Answer, next_link, retry_after_seconds
from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure
from pipelines.lib.ocpi_client.redaction import Secrets
from pipelines.lib.ocpi_client.requests import CORRELATION_ID, REQUEST_ID, Authorization, Throttle, new_id
from pipelines.lib.ocpi_client.wire import Reply, Wire, WireError
from pipelines.lib.settings import Connection

LONGEST_PAUSE: Final = 60.0
"""seconds; a peer that asks for more is reported, and pulled again by the next schedule"""

LONGEST_ANSWER: Final = 600.0
"""seconds from first to last byte; the time-out of a connection only bounds the silence between two bytes"""

MOST_BYTES: Final = 128 * 1024 * 1024
"""of one answer, unpacked: a page of 1,000 CDRs with their tariffs has some 10 MB"""

_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ANSWERED_LATE: Final = 8
"""requests among which an answer is looked for that is none to the newest: older ones are not on their way any more"""
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
"""what is unpacked piece by piece; twice over, or in brotli, some hundred bytes become gigabytes at once"""
_SUCCESS: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
_SERVER_SIDE: Final = 3000
"""OCPI status codes from here on blame the server or the hub: asking again can help"""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Transport:
    """Gets answers from one connection; tokens live in its `authorization` and nowhere else."""

    connection: Connection
    wire: Wire = field(repr=False)
    authorization: Authorization = field(repr=False)
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    """what must never be repeated from an answer"""
    first_pause: float = 0.25
    """seconds before the second attempt; doubled for each further one"""
    most_bytes: int = MOST_BYTES
    throttle: Throttle = field(default_factory=lambda: Throttle(None))
    correlation_id: str = field(default_factory=new_id)
    """the same for all that one run asks of the peer"""
    _early_ids: dict[str, str] = field(default_factory=dict, init=False, repr=False)
    """the request id of the one URL that was asked for early: a box for it, because the transport itself is frozen"""
    _asked: deque[str] = field(default_factory=lambda: deque(maxlen=_ANSWERED_LATE), init=False, repr=False)
    """the ids of the newest requests"""

    @classmethod
    def open(cls, connection: Connection, first_pause: float = 0.25, tokens: Sequence[str] = ()) -> Transport:
        """Open a connection for requests; nothing is sent yet.

        Args:
            connection: as declared.
            first_pause: seconds before the second attempt.
            tokens: in force, the newest first; by default the one in the environment, whose lack is a `UserError`.
        """
        tokens = tokens or [connection.token().get_secret_value()]
        _silence_retries()
        wire = Wire(connection.timeout_seconds)
        authorization = Authorization.of(tokens, connection.token_encoding)
        throttle = Throttle(connection.requests_per_second)
        return cls(connection, wire, authorization, Secrets.of(tokens), first_pause, throttle=throttle)

    def close(self) -> None:
        """Close what is open to the peer."""
        self.wire.close()

    def get(self, url: str, read: Callable[[bytes], _T], headers: Mapping[str, str] | None = None) -> tuple[Answer, _T]:
        """Get a URL and read its body, trying again up to `attempts` times.

        Args:
            url: absolute.
            read: reads the body and raises `RecordProblem` where it is unusable; that is tried again as well, because
                truncated bodies and error pages with status 200 are usually gone a second later.
            headers: beyond those that every request has.

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
                return self.once("GET", url, read, headers)
        raise AssertionError  # pragma: no cover - retry_context either returns or raises

    def get_early(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Ask for what `get` will be called for next, so that the peer works on it while we do on what we have.

        Nothing is asked where the peer bounds our rate, or may still refuse our token: then the time is not ours.
        """
        if self.throttle.requests_per_second is not None or not self.authorization.was_accepted:
            return
        self._early_ids.clear()
        self._early_ids[url] = request_id = new_id()
        with suppress(WireError, UnicodeError):  # `get` will say it
            _ = self.wire.ask_early("GET", url, self._headers(headers or {}, self.authorization.headers[0], request_id))

    def once(
        self,
        method: str,
        url: str,
        read: Callable[[bytes], _T],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[Answer, _T]:
        """Ask once, under each of our `Authorization` headers until one is not refused; raise `PeerFailure`."""
        where = f"{method} {self.secrets.shown_url(url)}"
        try:
            answer = self._authorized(method, url, headers or {}, body, where)
        except WireError as error:
            raise PeerFailure(FailureKind.UNREACHABLE, f"{where}: {error}", retry=error.retry) from None
        except UnicodeError:  # it would take the whole pull down, and it holds the header with the token
            message = f"{where}: characters that no header can carry: check {self._source_of_token()}"
            raise PeerFailure(FailureKind.UNREACHABLE, message) from None
        return answer, self._read(answer, read, where)

    @staticmethod
    def _pause(error: Exception) -> bool | float:
        if not isinstance(error, PeerFailure) or not error.retry:
            return False
        return True if error.retry_after is None else error.retry_after

    def _authorized(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, where: str) -> Answer:
        candidates = list(self.authorization.headers)
        for number, candidate in enumerate(candidates, start=1):
            request_id = self._early_ids.pop(url, None) or new_id()
            self._early_ids.clear()  # what was asked for early and is not asked for now is given up
            try:
                answer = self._fetch(method, url, self._headers(headers, candidate, request_id), body, where)
            except PeerFailure as failure:
                if failure.kind is FailureKind.UNAUTHORIZED and number < len(candidates):
                    continue
                raise
            self.authorization.accepted(candidate)
            return answer
        raise AssertionError  # pragma: no cover - there is always a candidate, and the last one returns or raises

    def _headers(self, headers: Mapping[str, str], authorization: str, request_id: str) -> dict[str, str]:
        own = {"Authorization": authorization, CORRELATION_ID: self.correlation_id, REQUEST_ID: request_id}
        return {**headers, **own}

    def _fetch(self, method: str, url: str, headers: dict[str, str], body: bytes | None, where: str) -> Answer:
        """Get an answer piece by piece, so that neither a compressed bomb nor a trickle can hold us."""
        self.throttle.wait()
        latest = time.monotonic() + LONGEST_ANSWER
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        self._asked.append(headers[REQUEST_ID])
        with self.wire.ask(method, url, headers, body, latest=latest) as reply:
            self._hold_to_request(reply, headers[REQUEST_ID], where)
            self._hold_to_status(reply, where)
            if reply.headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
                message = f"{where}: the answer is compressed more than once, or as it was not asked to be"
                raise PeerFailure(FailureKind.TOO_LARGE, message)
            content = self._content(reply, latest, where)
        return Answer(url, reply.status, reply.headers, content, next_link(reply.headers), headers[REQUEST_ID])

    def _hold_to_request(self, reply: Reply, request_id: str, where: str) -> None:
        """Refuse the answer to another request of ours: a peer that answers one twice would be believed one page off.

        An id that nobody sent is some proxy's, and says nothing.
        """
        if (answered := reply.headers.get(REQUEST_ID.lower())) != request_id and answered in self._asked:
            message = f"{where}: the peer answered another request of ours, of id {answered}"
            raise PeerFailure(FailureKind.UNREACHABLE, message, retry=True)

    def _content(self, reply: Reply, latest: float, where: str) -> bytes:
        pieces, size = [], 0
        for piece in reply.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > self.most_bytes:
                message = f"{where}: more than {self.most_bytes:,} bytes: lower page_limit of the connection"
                raise PeerFailure(FailureKind.TOO_LARGE, message)
            if time.monotonic() > latest:
                message = f"{where}: still not at its end after {LONGEST_ANSWER:.0f} s"
                raise PeerFailure(FailureKind.UNREACHABLE, message)
        return b"".join(pieces)

    def _hold_to_status(self, reply: Reply, where: str) -> None:
        status = reply.status
        if status in _SUCCESS:
            return
        if status in _REFUSED:
            message = f"{where}: the peer refused our token with {status}: check {self._source_of_token()}"
            # A peer that took the token a moment ago has a hiccup; one that never took it will not by insisting.
            raise PeerFailure(FailureKind.UNAUTHORIZED, message, retry=self.authorization.was_accepted, status=status)
        asked = retry_after_seconds(reply.headers.get("retry-after"))
        again = status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        message = f"{where}: HTTP {status} instead of 200"
        if asked is not None and asked > LONGEST_PAUSE:
            message, again = f"{message}, and to come back in {asked:.0f} s", False
        raise PeerFailure(FailureKind.HTTP_STATUS, message, retry=again, retry_after=asked, status=status)

    def _source_of_token(self) -> str:
        return self.connection.token_env or f"`roamledger connect status {self.connection.connection_id}`"

    def _read(self, answer: Answer, read: Callable[[bytes], _T], where: str) -> _T:
        """Read a body once; only where that fails look at what the peer says about its own answer."""
        try:
            return read(answer.content)
        except RecordProblem as misread:
            problem = self._hold_to_envelope(answer, where) or misread
            message = f"{where}: {self.secrets.scrubbed(str(problem))}"
            raise UnreadableAnswer(FailureKind(problem.rule), message, answer) from None

    def _hold_to_envelope(self, answer: Answer, where: str) -> RecordProblem | None:
        """Raise `PeerFailure` where the peer says that it failed; give the problem of what has no envelope at all."""
        try:
            status = read_status(answer.content)
        except RecordProblem as problem:
            return problem
        if not status.is_success:
            said = self.secrets.scrubbed(status.status_message or "no message")
            message = f"{where}: OCPI status_code {status.status_code} ({said})"
            raise PeerFailure(FailureKind.OCPI_STATUS, message, retry=status.status_code >= _SERVER_SIDE)
        return None


class UnreadableAnswer(PeerFailure):
    """A complete HTTP 200 answer whose body is unusable: the bytes are kept as evidence."""

    def __init__(self, kind: FailureKind, message: str, answer: Answer) -> None:
        super().__init__(kind, message, retry=True)
        self.answer = answer


def _silence_retries() -> None:
    """Keep every single retry out of the terminal: stamina prints a line of internals for each pause.

    A peer that was waited for in vain is in the report of the pull.
    """
    stamina.instrumentation.set_on_retry_hooks(())
