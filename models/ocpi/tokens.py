"""Reading Token objects of OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_tokens): the eMSP's own, read back from its platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.ocpi.fields import Fields


@dataclass(frozen=True, slots=True)
class Token:
    """What a driver identifies with; fields are the columns of `typed/tokens`."""

    token_uid: str
    token_type: str
    contract_id: str
    issuer: str | None
    group_id: str | None
    is_valid: bool
    whitelist: str | None
    last_updated_at: datetime


def read_token(token: Fields) -> Token:
    """Read one token; 2.1.1 calls the contract `auth_id`. `valid` is required: a token is never valid by default."""
    token.require("valid", "true or false")
    return Token(
        token_uid=token.text("uid"),
        token_type=token.text("type"),
        contract_id=token.text("auth_id" if token.has("auth_id") and not token.has("contract_id") else "contract_id"),
        issuer=token.maybe_text("issuer"),
        group_id=token.maybe_text("group_id"),
        is_valid=token.flag("valid"),
        whitelist=token.maybe_text("whitelist"),
        last_updated_at=token.instant("last_updated"),
    )
