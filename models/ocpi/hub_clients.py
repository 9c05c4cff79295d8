"""Reading ClientInfo objects of OCPI 2.2.1 and 2.3.0 (mod_hub_client_info): who can be reached through a hub."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.ocpi.fields import Fields
from models.types.identifiers import party_id

_STATUSES: Final = frozenset({"CONNECTED", "OFFLINE", "PLANNED", "SUSPENDED"})
"""OCPI mod_hub_client_info, ConnectionStatus"""


@dataclass(frozen=True, slots=True)
class HubClient:
    """A party behind a hub in one role; fields are the columns of `typed/hub_clients`."""

    client_id: str
    """the party, such as DE*LDW"""
    client_role: str
    """CPO, EMSP, ...; an unknown role is kept as sent"""
    status: str
    """CONNECTED, OFFLINE, PLANNED or SUSPENDED; an unknown status is kept and noted"""
    last_updated_at: datetime


def read_hub_client(client: Fields) -> HubClient:
    """Read one ClientInfo."""
    status = client.text("status")
    if status not in _STATUSES:
        client.note("status", f"unknown status {status}")
    return HubClient(
        client_id=party_id(client.text("country_code"), client.text("party_id")),
        client_role=client.text("role").upper(),
        status=status,
        last_updated_at=client.instant("last_updated"),
    )
