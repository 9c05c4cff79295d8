"""The credentials object in the shapes of OCPI 2.1.1 (flat), 2.2.1 (roles) and 2.3.0 (hub_party_id)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from pipelines.lib.settings import HEADER_TOKEN, OwnParty


class _Role(msgspec.Struct, frozen=True):
    """One party that is reached through the peer."""

    role: str = ""
    party_id: str = ""
    country_code: str = ""


class PeerCredentials(msgspec.Struct, frozen=True):
    """What a peer answers, in any version's shape; everything but its token may be missing."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=HEADER_TOKEN)]
    roles: list[_Role] = []
    party_id: str = ""
    country_code: str = ""
    hub_party_id: str = ""
    """the hub behind it (2.3.0): country code and party id in one word, such as DEHUB"""

    def __repr__(self) -> str:
        """Show no token."""
        return f"PeerCredentials({', '.join(self.parties)})"

    @property
    def parties(self) -> tuple[str, ...]:
        """The parties behind the peer, such as DE*LDW, each once, in the order in which it names them."""
        named = [(role.country_code, role.party_id) for role in self.roles] or [(self.country_code, self.party_id)]
        hub = [(self.hub_party_id[:2], self.hub_party_id[2:])] if self.hub_party_id else []
        return tuple(dict.fromkeys(f"{country}*{party}".upper() for country, party in (*named, *hub) if party))


PEER_CREDENTIALS: Final = msgspec.json.Decoder(PeerCredentials)


def our_credentials(own: OwnParty, token: str, version: str) -> bytes:
    """Write the credentials object that a peer is sent."""
    country_code, party_id = own.party.split("*")
    details = {"name": own.name} | ({"website": own.website} if own.website else {})
    us = {"business_details": details, "party_id": party_id, "country_code": country_code}
    common = {"token": token, "url": own.versions_url}
    if version == "2.1.1":
        return msgspec.json.encode(common | us)
    return msgspec.json.encode(common | {"roles": [{"role": role} | us for role in own.roles]})
