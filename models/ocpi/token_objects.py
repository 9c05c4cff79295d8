"""Writing Token objects in the shapes of OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_tokens): what a peer is told of a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_COMMON: Final = ("visual_number", "issuer", "valid", "whitelist", "language", "last_updated")
_SINCE_2_2: Final = ("group_id", "default_profile_type", "energy_contract")
_TYPES: Final = {
    "2.1.1": ("OTHER", "RFID"),
    "2.2.1": ("AD_HOC_USER", "APP_USER", "OTHER", "RFID"),
}
"""types that a version knows; 2.3.0 has an open list"""


def token_object(token: Mapping[str, object], version: str) -> dict[str, object]:
    """Give a token in the shape of a version; what the version does not know is left out.

    A type that it does not know becomes OTHER, and 2.1.1 calls the contract `auth_id`. Fields that nobody filled in
    stay out: a null would be refused by strict peers.

    Args:
        token: in the shape of 2.3.0, with `country_code` and `party_id` of its eMSP.
        version: 2.1.1, 2.2.1 or 2.3.0.
    """
    shaped: dict[str, object] = {}
    if version != "2.1.1":
        shaped |= {"country_code": token["country_code"], "party_id": token["party_id"]}
    shaped |= {"uid": token["uid"], "type": token_type_in(str(token["type"]), version)}
    shaped["auth_id" if version == "2.1.1" else "contract_id"] = token["contract_id"]
    names = _COMMON if version == "2.1.1" else (*_COMMON[:1], *_SINCE_2_2, *_COMMON[1:])
    return shaped | {name: token[name] for name in names if token.get(name) is not None}


def token_type_in(token_type: str, version: str) -> str:
    """Give a token's type as a version spells it."""
    known = _TYPES.get(version)
    return token_type if known is None or token_type in known else "OTHER"
