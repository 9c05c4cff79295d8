"""Delivering the outbox: each waiting object is put to its peer, until it was taken or hope is given up.

A PUT is idempotent (OCPI 4.1.2), so a process that is killed between an answer and its note in the register does no
harm: the object is sent once more. One sender works at a time (a lock in the home), and in the order of queueing, so
that what was decided last is also what arrives last.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import msgspec

from models.ocpi.envelope import read_status
from models.ocpi.problems import RecordProblem
from models.ocpi.token_objects import token_object, token_type_in
from pipelines.lib.connections import open_transport
from pipelines.lib.errors import UserError
from pipelines.lib.ocpi_client import FailureKind, Peer, PeerApi, PeerFailure, Transport
from pipelines.lib.ocpi_client.requests import routing_headers
from pipelines.lib.register import Register
from pipelines.lib.register.outbox import (
    Attempt,
    Delivery,
    DeliveryState,
    Message,
    deliveries,
    delivery_of,
    record_attempt,
)
from pipelines.lib.settings import Connection, Settings

TOKEN: Final = "token"
"""the topic of Token objects"""
MOST_TRIES: Final = 20
"""with the pauses below about two days; then a person has to look"""
_LONGEST_PAUSE: Final = timedelta(hours=6)
_FIRST_PAUSE: Final = timedelta(seconds=1)
_MENDABLE: Final = frozenset({FailureKind.UNAUTHORIZED, FailureKind.NO_TOKEN})
"""what a person can mend on either side: tried again like what mends itself"""


@dataclass
class _Line:
    """An open way to one peer: its transport, and what it offers once it was asked."""

    connection: Connection
    transport: Transport
    api: PeerApi | None = None

    def put(self, message: Message) -> str:
        """Put an object to the peer and give its answer in words; raise `PeerFailure`."""
        if self.api is None:
            self.api = Peer(self.transport).discover("RECEIVER")
        if "tokens" not in self.api.urls:
            reason = f"offers no tokens module to push to in OCPI {self.api.version}: tell it by hand"
            raise PeerFailure(FailureKind.NO_COMMON_VERSION, reason)
        url, body = token_request(message, self.api)
        headers = routing_headers(self.connection) if self.api.version != "2.1.1" else {}
        answer, code = self.transport.once("PUT", url, _taken, headers, body)
        return f"HTTP {answer.status}, OCPI {code} (version {self.api.version})"


def token_request(message: Message, api: PeerApi) -> tuple[str, bytes]:
    """Give the URL and the body that put a token to a peer, in the shape of the version agreed on."""
    token = msgspec.json.decode(message.content_json)
    owner = "/".join(quote(str(token[name]), safe="") for name in ("country_code", "party_id", "uid"))
    kind = "" if api.version == "2.1.1" else f"?type={quote(token_type_in(token['type'], api.version), safe='')}"
    body = msgspec.json.encode(token_object(token, api.version))
    return f"{api.urls['tokens'].rstrip('/')}/{owner}{kind}", body


def _taken(content: bytes) -> int:
    """Read an answer to a PUT, whose data may be anything; raise `RecordProblem` where it is no success."""
    status = read_status(content)
    if not status.is_success:
        raise RecordProblem(rule="bad_envelope", field="", message=f"status_code {status.status_code}")
    return status.status_code


@dataclass
class Outbox:
    """The outbox of one home."""

    settings: Settings
    register: Register
    report: Callable[[Delivery], None] = lambda _delivery: None
    """called with a message as it stands after each attempt"""
    sleep: Callable[[float], None] = time.sleep
    _began: float = field(default_factory=time.monotonic)
    _lines: dict[str, _Line] = field(default_factory=dict)

    def send(self, patience_seconds: float = 0.0, *, at_once: bool = False) -> list[Delivery]:
        """Deliver what is due; try what fails again as long as there is patience. Give all messages that were tried.

        Args:
            patience_seconds: how long to wait for what becomes due again.
            at_once: try what waits for its next attempt now.
        """
        tried: set[str] = set()
        with self._alone(), ExitStack() as open_lines:
            while True:
                due = [each for each in self._waiting() if each.is_due(self._now()) or (at_once and not tried)]
                for each in due:
                    tried.add(each.message.message_id)
                    self._deliver(each, open_lines)
                pause = self._pause(tried)
                if pause is None or self._elapsed() + pause > patience_seconds:
                    break
                self.sleep(pause)
        with self.register.reading() as tx:
            return [each for each in deliveries(tx) if each.message.message_id in tried]

    def again(self) -> int:
        """Queue what was given up anew; give how many messages."""
        with self.register.transaction() as tx:
            lost = [each for each in deliveries(tx) if each.state is DeliveryState.GAVE_UP]
            for each in lost:
                record_attempt(tx, each, Attempt(DeliveryState.PENDING, "queued again", self._now()))
        return len(lost)

    def _waiting(self) -> list[Delivery]:
        with self.register.reading() as tx:
            return [each for each in deliveries(tx) if each.is_waiting]

    def _pause(self, tried: set[str]) -> float | None:
        """Give the seconds until something that was tried in this run is due again; None where nothing is."""
        dues = [
            each.attempts[-1].due_at for each in self._waiting() if each.attempts and each.message.message_id in tried
        ]
        known = [(due - self._now()).total_seconds() for due in dues if due is not None]
        return max(0.0, min(known)) if known else None

    def _deliver(self, delivery: Delivery, open_lines: ExitStack) -> None:
        attempt = self._attempt(delivery, open_lines)
        with self.register.transaction() as tx:
            # Read anew: it may have been superseded while it was under way, and its successor goes out after it.
            record_attempt(tx, delivery_of(tx, delivery.message.message_id), attempt)
            now = delivery_of(tx, delivery.message.message_id)
        self.report(now)

    def _attempt(self, delivery: Delivery, open_lines: ExitStack) -> Attempt:
        line: _Line | None = None
        try:
            line = self._line(delivery.message.connection_id, open_lines)
            answer = line.put(delivery.message)
        except PeerFailure as failure:
            # The register keeps the words for ever: whoever wrote them, they are scrubbed once more.
            scrub = line.transport.secrets.scrubbed if line else str
            return self._failed(delivery, failure, scrub(str(failure)))
        except UserError as error:
            return self._failed(delivery, PeerFailure(FailureKind.NO_TOKEN, str(error)), str(error))
        return Attempt(DeliveryState.SENT, answer, self._now())

    def _failed(self, delivery: Delivery, failure: PeerFailure, reason: str) -> Attempt:
        tries, now = delivery.tries + 1, self._now()
        if tries >= MOST_TRIES or not (failure.retry or failure.kind in _MENDABLE):
            return Attempt(DeliveryState.GAVE_UP, reason, now)
        pause = min(_FIRST_PAUSE * 2 ** (tries - 1), _LONGEST_PAUSE)
        asked = timedelta(seconds=min(failure.retry_after or 0.0, _LONGEST_PAUSE.total_seconds()))
        return Attempt(DeliveryState.FAILED, reason, now, due_at=now + max(pause, asked))

    def _line(self, connection_id: str, open_lines: ExitStack) -> _Line:
        if connection_id not in self._lines:
            # One attempt each: the pauses are those of the outbox, which remembers them.
            connection = self.settings.connection(connection_id).model_copy(update={"attempts": 1})
            transport = open_transport(self.settings, connection)
            open_lines.callback(self._lines.pop, connection_id, None)
            open_lines.callback(transport.close)
            self._lines[connection_id] = _Line(connection, transport)
        return self._lines[connection_id]

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _now(self) -> datetime:
        """Give the present; under a fixed clock too it goes on, else nothing would ever become due."""
        return self.settings.clock() + timedelta(seconds=self._elapsed() if self.settings.now else 0.0)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the outbox; a second sender is a `UserError`."""
        self.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.settings.home / "outbox.lock").open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                msg = "the outbox is being sent by another process: wait for it, and run the command again"
                raise UserError(msg) from None
            yield
