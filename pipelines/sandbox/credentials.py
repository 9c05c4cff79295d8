"""The credentials module of the sandbox's peers: which token each accepts now, and how a handshake changes that.

The states of a connection (OCPI 2.2.1-d2, 7; 2.1.1-d2, 6):

* agreed: the token of `token_of` was agreed on by hand and opens everything, so that nobody has to shake hands;
* invited: the same token is a token A, good for versions and credentials only;
* registered: only the token that the last POST or PUT was answered with is accepted.

POST leads from agreed or invited to registered, PUT stays there with a new token, DELETE leads back to invited. What
does not fit the state is answered with 405. Tokens differ by a number: a sandbox has nothing to hide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from pipelines.sandbox.peers import CONNECTION_IDS, HUB, HUB_PARTY, token_of
from pipelines.sandbox.places import PARTIES
from pipelines.sandbox.wire import EMSP

_LONGEST_TOKEN = 64
_ROLE_FIELDS = ("role", "party_id", "country_code", "business_details")
_FLAT_FIELDS = ("party_id", "country_code", "business_details")


class Standing(StrEnum):
    """How far a connection has come."""

    AGREED = "agreed"
    INVITED = "invited"
    REGISTERED = "registered"


class BadCredentialsError(Exception):
    """A credentials object that lacks what its version requires; OCPI answers 2001."""


@dataclass(slots=True)
class Registration:
    """One connection's standing."""

    connection_id: str
    standing: Standing
    accepted: str
    """the one token that opens anything"""
    told: dict[str, Any] = field(default_factory=dict)
    """the client's credentials object as it last sent it, with the token under which we would call it"""
    _issued: int = 0

    def allows(self, token: str | None, *, is_functional: bool) -> bool:
        """Tell whether a token opens a module; a token A opens none but versions and credentials."""
        return token == self.accepted and not (is_functional and self.standing is Standing.INVITED)

    def shake_hands(self, method: str, told: dict[str, Any]) -> bool:
        """Take a POST or PUT and issue a new token, the old one being refused from here on; False for a 405."""
        if (method == "POST") == (self.standing is Standing.REGISTERED):
            return False
        self._issued += 1
        self.standing, self.told = Standing.REGISTERED, told
        self.accepted = f"{token_of(self.connection_id)}-{self._issued}"
        return True

    def end(self) -> bool:
        """Take a DELETE: the issued token is refused, a token A accepted again; False for a 405."""
        if self.standing is not Standing.REGISTERED:
            return False
        self.standing, self.told, self.accepted = Standing.INVITED, {}, token_of(self.connection_id)
        return True


def registrations(*, by_hand: bool) -> dict[str, Registration]:
    """Give every connection's standing before the first request: agreed by hand, or invited with a token A."""
    standing = Standing.AGREED if by_hand else Standing.INVITED
    return {each: Registration(each, standing, token_of(each)) for each in CONNECTION_IDS}


def credentials_of(registration: Registration, version: str, url: str) -> dict[str, Any]:
    """Give a peer's credentials object: flat in 2.1.1, with roles from 2.2 on, with the hub's name in 2.3.0."""
    own = {"token": registration.accepted, "url": url}
    roles = _roles(registration.connection_id)
    if version == "2.1.1":
        return own | {name: roles[0][name] for name in _FLAT_FIELDS}
    if registration.connection_id != HUB:
        return own | {"roles": roles}
    if version == "2.3.0":
        return own | {"roles": roles, "hub_party_id": "".join(HUB_PARTY)}
    return own | {"roles": [_role(*HUB_PARTY, "HUB", "The hub"), *roles]}


def read_credentials(body: bytes, version: str) -> dict[str, Any]:
    """Read the client's credentials object; raise `BadCredentialsError` naming what it lacks."""
    try:
        told: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        msg = "credentials: expected a JSON object"
        raise BadCredentialsError(msg) from None
    _hold_to(told, ("token", "url"), "credentials")
    if not isinstance(told["token"], str) or len(told["token"]) > _LONGEST_TOKEN:
        msg = f"credentials.token: expected a text of at most {_LONGEST_TOKEN} characters"
        raise BadCredentialsError(msg)
    if version == "2.1.1":
        _hold_to(told, _FLAT_FIELDS, "credentials")
        return told
    roles = told.get("roles")
    if not isinstance(roles, list) or not roles:
        msg = "credentials.roles: expected a list of at least one"
        raise BadCredentialsError(msg)
    for index, role in enumerate(roles):
        _hold_to(role, _ROLE_FIELDS, f"credentials.roles[{index}]")
    return told


def _hold_to(found: object, names: tuple[str, ...], place: str) -> None:
    for name in names:
        if not isinstance(found, dict) or not found.get(name):
            msg = f"{place}.{name}: missing"
            raise BadCredentialsError(msg)


def _roles(connection_id: str) -> list[dict[str, Any]]:
    if connection_id == EMSP:
        return [_role("DE", "NST", "EMSP", "Nordstern Mobility GmbH")]
    parties = [party for party in PARTIES if party.connection_id == connection_id]
    return [_role(party.country_code, party.short_id, "CPO", party.name) for party in parties]


def _role(country_code: str, party: str, role: str, name: str) -> dict[str, Any]:
    return {"role": role, "country_code": country_code, "party_id": party, "business_details": {"name": name}}
