"""The requests of a handshake, and what each refusal means: one line with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, NoReturn

from models.ocpi.envelope import SUCCESS, read_status
from models.ocpi.problems import RecordProblem
from pipelines.lib.connections.store import Credentials
from pipelines.lib.connections.wire import PEER_CREDENTIALS, PeerCredentials
from pipelines.lib.errors import UserError
from pipelines.lib.ocpi_client import FailureKind, Peer, PeerApi, PeerFailure, Transport
from pipelines.lib.ocpi_client.peer import read_object

Verb = Literal["POST", "PUT"]


@dataclass(slots=True)
class Exchange:
    """One handshake on the wire."""

    transport: Transport
    known: Credentials
    """as stored before this handshake"""
    was_refused: bool = False
    """whether the peer did nothing with what we sent: it said so with a status of 4xx"""

    def discovered(self) -> PeerApi:
        """Agree on a version; raise `UserError` where there is none, no answer, or no module for credentials."""
        try:
            api = Peer(self.transport).discover()
        except PeerFailure as failure:
            self._complain(failure)
        if api.credentials_url is None:
            msg = f"{self._name} offers no credentials module: agree on a token by hand and name it in token_env"
            raise UserError(msg)
        return api

    def credentials(self, verb: Verb, api: PeerApi, body: bytes) -> PeerCredentials:
        """Send our credentials and give the peer's.

        A registration whose answer was lost is registered already when it is tried again: it is made up for by a PUT.
        """
        try:
            return self._send(verb, api, body)
        except PeerFailure as failure:
            lost = verb == "POST" and failure.status == HTTPStatus.METHOD_NOT_ALLOWED and self.known.pending
            if not lost:
                self._complain(failure, verb)
        try:
            return self._send("PUT", api, body)
        except PeerFailure as failure:
            self._complain(failure, verb)

    def end(self) -> None:
        """Unregister. A peer that does not know us any more is done, and so is one that refuses what it once ended."""
        api = self.discovered_or_ended()
        if api is None:
            return
        try:
            self.transport.once("DELETE", api.credentials_url or "", _hold_to_success)
        except PeerFailure as failure:
            if failure.status != HTTPStatus.METHOD_NOT_ALLOWED:
                self._complain(failure)

    def discovered_or_ended(self) -> PeerApi | None:
        """Agree on a version, or give None where an unregistration was begun before and our token is refused now."""
        begun = self.known.pending
        try:
            return self.discovered()
        except UserError:
            if self.was_refused and begun is not None and begun.kind == "unregister":
                return None
            raise

    @property
    def _name(self) -> str:
        return f"connection {self.transport.connection.connection_id}: the peer"

    def _send(self, verb: Verb, api: PeerApi, body: bytes) -> PeerCredentials:
        def read(content: bytes) -> PeerCredentials:
            return read_object(content, PEER_CREDENTIALS)

        return self.transport.once(verb, api.credentials_url or "", read, body=body)[1]

    def _complain(self, failure: PeerFailure, verb: Verb | None = None) -> NoReturn:
        self.was_refused = HTTPStatus.BAD_REQUEST <= (failure.status or 0) < HTTPStatus.INTERNAL_SERVER_ERROR
        raise UserError(self._remedy(failure, verb)) from None

    def _remedy(self, failure: PeerFailure, verb: Verb | None) -> str:
        connection_id, begun = self.transport.connection.connection_id, self.known.pending
        if failure.status == HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{self._name} {_NOT_ALLOWED['POST' if verb == 'POST' else 'PUT'].format(id=connection_id)}"
        if failure.kind is FailureKind.UNAUTHORIZED and begun is not None:
            return (
                f"{self._name} refuses the tokens that we know; an answer of {begun.begun_at:%Y-%m-%d %H:%M} UTC was "
                f"lost: ask it for a new token A, put that into {self._variable} and run "
                f"`roamledger connect register {connection_id}`"
            )
        said = self.transport.secrets.scrubbed(str(failure))
        hint = "" if self.was_refused else "; run the same command again, it goes on where this one ended"
        return f"connection {connection_id}: {said}{hint}"

    @property
    def _variable(self) -> str:
        return self.transport.connection.token_env or "the variable that token_env names"


_NOT_ALLOWED = {
    "POST": "says that we are registered already (405): ask it to unregister us, "
    "or run `roamledger connect rotate {id}` with the token that it gave us",
    "PUT": "says that we are not registered (405): ask it for a token A and run `roamledger connect register {id}`",
}


def _hold_to_success(content: bytes) -> None:
    """Raise `RecordProblem` where an answer without data is no success."""
    status = read_status(content).status_code
    if status not in SUCCESS:
        raise RecordProblem(rule="bad_envelope", field="", message=f"status_code {status} instead of 1000")
