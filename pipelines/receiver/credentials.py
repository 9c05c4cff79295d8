"""The credentials module as receiver: a peer registers with us, rotates the tokens, or leaves.

Reading of the other side's versions is left to the next pull, which uses the declared versions URL: a body never makes
this process ask an address that somebody else chose.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipelines.lib.connections import Credentials, CredentialsStore, fingerprint
from pipelines.lib.register import Register
from pipelines.lib.register.connections import ConnectionEvent, EventKind, record_connection_event
from pipelines.lib.settings import HEADER_TOKEN, OwnParty, Settings
from pipelines.receiver.access import Doorkeeper
from pipelines.receiver.calls import Call, read_object
from pipelines.receiver.envelopes import INVALID, SERVER_ERROR, Answer, Refusal

_TOKEN_BYTES: Final = 32
"""43 characters; OCPI allows 64"""
_LONGEST_TOKEN: Final = 64
_BY_HAND: Final = "#NA"
"""in the place of a token that was agreed by hand: who asks has it already"""


@dataclass
class CredentialsModule:
    """GET, POST, PUT and DELETE of credentials."""

    settings: Settings
    register: Register
    doorkeeper: Doorkeeper

    async def answer(self, call: Call) -> Answer:
        """Carry a handshake out; 405 where the peer is, or is not, registered already."""
        if call.rest:
            raise Refusal(404, INVALID, "credentials has no parts")
        store = CredentialsStore.of(self.settings.home)
        current = store.read(call.connection.connection_id)
        match call.method:
            case "GET":
                token = current.our_tokens[0] if current.our_tokens else _BY_HAND
                return Answer(_credentials(self._own_party(), token, call))
            case "POST" | "PUT":
                if current.is_registered != (call.method == "PUT"):
                    state = "is registered: PUT to rotate" if current.is_registered else "is not registered: POST first"
                    raise Refusal(405, INVALID, f"this connection {state}")
                return await self._agree(call, store, current)
            case "DELETE":
                if not current.is_registered:
                    raise Refusal(405, INVALID, "this connection is not registered")
                await self._settle(call, store, Credentials(connection_id=current.connection_id), "unregistered")
                return Answer()
            case _:
                raise Refusal(405, INVALID, f"credentials has no {call.method}")

    async def _agree(self, call: Call, store: CredentialsStore, current: Credentials) -> Answer:
        own_party = self._own_party()
        body, _ = read_object(call.body)
        theirs = _checked(call, body)
        ours = secrets.token_urlsafe(_TOKEN_BYTES)
        # The token that asked counts until the new one was used: the answer may get lost on its way.
        agreed = Credentials(
            connection_id=call.connection.connection_id,
            version=call.version,
            their_tokens=(theirs,),
            our_tokens=(ours, *current.our_tokens[:1]),
        )
        await self._settle(call, store, agreed, "rotated" if current.is_registered else "registered")
        return Answer(_credentials(own_party, ours, call))

    async def _settle(self, call: Call, store: CredentialsStore, agreed: Credentials, kind: EventKind) -> None:
        await asyncio.to_thread(store.write, agreed)
        event = ConnectionEvent(
            connection_id=agreed.connection_id,
            kind=kind,
            ocpi_version=agreed.version,
            our_token_fingerprint=fingerprint(agreed.our_tokens[0]) if agreed.our_tokens else None,
            their_token_fingerprint=fingerprint(agreed.their_tokens[0]) if agreed.their_tokens else None,
            happened_at=call.received_at,
        )
        await asyncio.to_thread(self._record, event)
        self.doorkeeper.forget()

    def _record(self, event: ConnectionEvent) -> None:
        with self.register.transaction() as tx:
            record_connection_event(tx, event)

    def _own_party(self) -> OwnParty:
        if self.settings.own_party is None:
            raise Refusal(200, SERVER_ERROR, "we have not said yet who we are (setting own_party)")
        return self.settings.own_party


def _checked(call: Call, body: Mapping[str, object]) -> str:
    """Give the token of a handshake's body; refuse a body that is none, or that speaks for others."""
    token, url = body.get("token"), body.get("url")
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN or not re.search(HEADER_TOKEN, token):
        raise Refusal(200, INVALID, f"token: expected 1 to {_LONGEST_TOKEN} printable characters of ASCII, no spaces")
    if not isinstance(url, str) or url.rstrip("/") != call.connection.versions_url.rstrip("/"):
        raise Refusal(200, INVALID, "url: expected the versions URL that was agreed for this connection")
    roles = [body] if call.version == "2.1.1" else body.get("roles")
    if not isinstance(roles, list) or not roles or not all(isinstance(role, Mapping) for role in roles):
        raise Refusal(200, INVALID, "roles: expected a list of at least one")
    said = {f"{role.get('country_code')}*{role.get('party_id')}".upper() for role in roles}
    if call.connection.parties and not said & {party.upper() for party in call.connection.parties}:
        raise Refusal(200, INVALID, "roles: expected the parties that were agreed for this connection")
    return token


def _credentials(own: OwnParty, token: str, call: Call) -> dict[str, Any]:
    country, party = own.party.split("*")
    details = {"name": own.name} | ({"website": own.website} if own.website else {})
    who = {"country_code": country, "party_id": party, "business_details": details}
    found: dict[str, Any] = {"token": token, "url": f"{call.base_url}/versions"}
    if call.version == "2.1.1":
        return found | who
    return found | {"roles": [{"role": role} | who for role in own.roles]}
