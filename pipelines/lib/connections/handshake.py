"""The credentials handshake: register with a peer, rotate the tokens, unregister.

A kill at any point leaves a state that the next command can go on from:

* what is about to be asked stands in the store before it is asked, with the token that the peer will be given;
* the answer is stored before anything else is done with it, the old tokens beside the new ones;
* the old ones go when an answer under the new one has proven it; until then either is tried, and either is accepted;
* the register's event comes last, and is made up for by the next command.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from pipelines.lib.connections.exchange import Exchange, Verb
from pipelines.lib.connections.outbound import open_transport
from pipelines.lib.connections.store import Credentials, CredentialsStore, HandshakeKind, Pending, fingerprint
from pipelines.lib.connections.wire import our_credentials
from pipelines.lib.errors import UserError
from pipelines.lib.ocpi_client import Peer, PeerFailure, Transport
from pipelines.lib.register import Register
from pipelines.lib.register.connections import ConnectionEvent, EventKind, connection_events, record_connection_event
from pipelines.lib.settings import Connection, OwnParty, Settings

_TOKEN_BYTES: Final = 32
"""of randomness; 43 characters, of the 64 that OCPI allows"""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a handshake came to."""

    credentials: Credentials
    parties: tuple[str, ...] = ()
    """that the peer names as its own"""


@dataclass(frozen=True, slots=True)
class Handshake:
    """The handshakes of one connection; each raises `UserError` with one line that names the remedy."""

    settings: Settings
    events: Register
    connection: Connection

    @property
    def store(self) -> CredentialsStore:
        """The credentials of this home."""
        return CredentialsStore.of(self.settings.home)

    def register(self) -> Agreed:
        """Give the peer a token of ours, under token A from the environment, and keep the token that it answers."""
        with self.store.locked(self._id):
            known = self._caught_up()
            if known.is_registered and known.pending is None:
                msg = f"connection {self._id} is registered already: run `roamledger connect rotate {self._id}`"
                raise UserError(msg)
            with closing(Transport.open(self.connection)) as transport:
                return self._agree(transport, known, "POST")

    def rotate(self) -> Agreed:
        """Exchange both tokens for new ones."""
        with self.store.locked(self._id):
            known = self._caught_up()
            with closing(open_transport(self.settings, self.connection)) as transport:
                return self._agree(transport, known, "PUT")

    def unregister(self) -> Agreed:
        """Tell the peer that its token and ours are over, and forget both."""
        with self.store.locked(self._id):
            known = self._caught_up()
            with closing(open_transport(self.settings, self.connection)) as transport:
                exchange = Exchange(transport, known)
                self.store.write(self._pending(known, "unregister", None))
                exchange.end()
            forgotten = Credentials(connection_id=self._id, version=known.version)
            self.store.write(forgotten)
            self._record("unregistered", forgotten)
            return Agreed(forgotten)

    def prove(self) -> Agreed:
        """Ask for the versions under the newest token where older ones are kept, and drop those when it is taken."""
        with self.store.locked(self._id):
            return Agreed(self._proven(self._caught_up()))

    @property
    def _id(self) -> str:
        return self.connection.connection_id

    def _agree(self, transport: Transport, known: Credentials, verb: Verb) -> Agreed:
        own, begun = self._own_party(), known.pending
        ours = (begun.our_token if begun else None) or secrets.token_urlsafe(_TOKEN_BYTES)
        secret = transport.secrets.and_also([ours, *known.our_tokens, *known.their_tokens])
        exchange = Exchange(replace(transport, secrets=secret), known)
        api = exchange.discovered()
        self.store.write(self._pending(known, "register" if verb == "POST" else "rotate", ours))
        try:
            answered = exchange.credentials(verb, api, our_credentials(own, ours, api.version))
        except UserError:
            if exchange.was_refused and begun is None:  # nothing was done with what we sent
                self.store.write(known)
            raise
        agreed = Credentials(
            connection_id=self._id,
            version=api.version,
            their_tokens=tuple(dict.fromkeys((answered.token, *known.their_tokens))),
            our_tokens=tuple(dict.fromkeys((ours, *known.our_tokens))),
        )
        self.store.write(agreed)
        self._record("registered" if verb == "POST" else "rotated", agreed)
        return Agreed(self._proven(agreed), answered.parties)

    def _pending(self, known: Credentials, kind: HandshakeKind, our_token: str | None) -> Credentials:
        begun_at = known.pending.begun_at if known.pending else self.settings.clock()
        return msgspec.structs.replace(known, pending=Pending(kind=kind, our_token=our_token, begun_at=begun_at))

    def _proven(self, agreed: Credentials) -> Credentials:
        """Drop the older tokens where the peer takes the newest; keep all where it does not, or does not answer."""
        if len(agreed.their_tokens) <= 1 and len(agreed.our_tokens) <= 1:
            return agreed
        try:
            with closing(Transport.open(self.connection, tokens=agreed.their_tokens[:1])) as transport:
                Peer(transport).discover()
        except PeerFailure:
            return agreed
        proven = msgspec.structs.replace(agreed, their_tokens=agreed.their_tokens[:1], our_tokens=agreed.our_tokens[:1])
        self.store.write(proven)
        return proven

    def _caught_up(self) -> Credentials:
        """Give what is stored, and record the handshake that was stored and killed before its event."""
        known = self.store.read(self._id)
        if known.is_registered and known.pending is None:
            with self.events.transaction() as tx:
                is_first = not connection_events(tx, self._id)
            self._record("registered" if is_first else "rotated", known)
        return known

    def _record(self, kind: EventKind, agreed: Credentials) -> None:
        ours, theirs = (fingerprint(each[0]) if each else None for each in (agreed.our_tokens, agreed.their_tokens))
        event = ConnectionEvent(self._id, kind, agreed.version, ours, theirs, self.settings.clock())
        with self.events.transaction() as tx:
            record_connection_event(tx, event)

    def _own_party(self) -> OwnParty:
        if self.settings.own_party is None:
            msg = "a handshake tells the peer who we are: add [own_party] with party, name and versions_url"
            raise UserError(msg)
        return self.settings.own_party
