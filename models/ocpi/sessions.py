"""Reading Session objects of OCPI 2.1.1, 2.2.1 and 2.3.0 (mod_sessions)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from models.ocpi.fields import Fields
from models.ocpi.tariffs import owner_of, read_currency

_NOT_AVAILABLE: Final = "#NA"
"""what OCPI writes for a required id that cannot be known"""


@dataclass(frozen=True, slots=True)
class Session:
    """A charging session as its CPO reports it; fields are the columns of `typed/sessions`."""

    session_key: str
    cpo_id: str
    session_id: str
    started_at: datetime
    ended_at: datetime | None
    energy_kwh: Decimal
    token_uid: str | None
    contract_id: str | None
    auth_method: str | None
    authorization_reference: str | None
    location_id: str | None
    evse_uid: str | None
    connector_id: str | None
    currency: str | None
    status: str
    last_updated_at: datetime


def read_session(session: Fields, owner_id: str | None, version: str) -> Session:
    """Read one session; 2.1.1 spells its times `start_datetime` and `end_datetime` and nests the location."""
    cpo, session_id = owner_of(session, owner_id, version), session.text("id")
    token = session.maybe_child("cdr_token") or Fields("session", {"contract_id": session.values.get("auth_id")})
    where = _where(session)
    return Session(
        session_key=f"{cpo}*{session_id}".upper(),
        cpo_id=cpo,
        session_id=session_id,
        started_at=session.instant("start_datetime" if session.has("start_datetime") else "start_date_time"),
        ended_at=session.maybe_instant("end_datetime" if session.has("end_datetime") else "end_date_time"),
        energy_kwh=session.decimal("kwh"),
        token_uid=token.maybe_text("uid"),
        contract_id=token.maybe_text("contract_id"),
        auth_method=session.maybe_text("auth_method"),
        authorization_reference=session.maybe_text("authorization_reference"),
        location_id=where[0],
        evse_uid=where[1],
        connector_id=where[2],
        currency=read_currency(session) if session.has("currency") else None,
        status=session.text("status"),
        last_updated_at=session.instant("last_updated"),
    )


def _where(session: Fields) -> tuple[str | None, str | None, str | None]:
    """Give location, EVSE and connector: ids from 2.2 on; 2.1.1 sends the Location with the one EVSE used."""
    location = session.maybe_child("location")
    if location is None:
        names = ("location_id", "evse_uid", "connector_id")
        found = [session.maybe_text(name) for name in names]
        return found[0], _known(found[1]), _known(found[2])
    evse = next(iter(location.children("evses")), None)
    connector = next(iter(evse.children("connectors")), None) if evse else None
    return (
        location.maybe_text("id"),
        _known(evse.maybe_text("uid")) if evse else None,
        _known(connector.maybe_text("id")) if connector else None,
    )


def _known(identifier: str | None) -> str | None:
    return None if identifier == _NOT_AVAILABLE else identifier
