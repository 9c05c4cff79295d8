"""Reading the eMSP platform's own authorization log (custom module `authorizations`; not an OCPI object)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.ocpi.fields import Fields
from models.types.identifiers import party_id

_RESULTS: Final = frozenset({"ALLOWED", "BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"})
"""OCPI mod_tokens, AllowedType"""


@dataclass(frozen=True, slots=True)
class Authorization:
    """One answer that the eMSP gave to a CPO; fields are the columns of `typed/authorizations`."""

    authorization_id: str
    authorization_reference: str | None
    token_uid: str
    token_type: str | None
    contract_id: str | None
    cpo_id: str | None
    location_id: str | None
    evse_uid: str | None
    result: str
    authorized_at: datetime
    last_updated_at: datetime


def read_authorization(log: Fields) -> Authorization:
    """Read one line of the log; `country_code` and `party_id` are those of the CPO that asked."""
    result = log.text("allowed")
    if result not in _RESULTS:
        log.fail("unknown_value", "allowed", f"one of {', '.join(sorted(_RESULTS))}")
    country, party = log.maybe_text("country_code"), log.maybe_text("party_id")
    return Authorization(
        authorization_id=log.text("authorization_id"),
        authorization_reference=log.maybe_text("authorization_reference"),
        token_uid=log.text("token_uid"),
        token_type=log.maybe_text("token_type"),
        contract_id=log.maybe_text("contract_id"),
        cpo_id=party_id(country, party) if country and party else None,
        location_id=log.maybe_text("location_id"),
        evse_uid=log.maybe_text("evse_uid"),
        result=result,
        authorized_at=log.instant("timestamp"),
        last_updated_at=log.instant("last_updated"),
    )
