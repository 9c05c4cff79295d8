"""The sandbox's peers as `roamledger.toml` declares connections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pipelines.lib.settings import Connection
from pipelines.sandbox.peers import CONNECTION_IDS, HUB
from pipelines.sandbox.places import PARTIES
from pipelines.sandbox.wire import EMSP


def token_env(connection_id: str) -> str:
    """Give the environment variable that holds the token of a connection."""
    return f"ROAMLEDGER_TOKEN_{connection_id.upper()}"


def connections_at(base_url: str) -> tuple[Connection, ...]:
    """Give the connections to a sandbox that listens at `base_url`."""
    return tuple(
        Connection(
            connection_id=connection_id,
            kind=_kind(connection_id),
            parties=_parties(connection_id),
            versions_url=f"{base_url}/{connection_id}/ocpi/versions",
            token_env=token_env(connection_id),
        )
        for connection_id in CONNECTION_IDS
    )


def settings_toml(connections: Iterable[Connection]) -> str:
    """Write `roamledger.toml` for these connections; tokens stay in the environment."""
    return "\n".join(_table(connection) for connection in connections)


def _table(connection: Connection) -> str:
    parties = ", ".join(f'"{party}"' for party in connection.parties)
    return (
        "[[connections]]\n"
        f'connection_id = "{connection.connection_id}"\n'
        f'kind = "{connection.kind}"\n'
        f"parties = [{parties}]\n"
        f'versions_url = "{connection.versions_url}"\n'
        f'token_env = "{connection.token_env}"\n'
    )


def _kind(connection_id: str) -> Literal["cpo", "hub", "platform"]:
    if connection_id == EMSP:
        return "platform"
    return "hub" if connection_id == HUB else "cpo"


def _parties(connection_id: str) -> tuple[str, ...]:
    if connection_id == EMSP:
        return ("DE*NST",)
    return tuple(party.party_id for party in PARTIES if party.connection_id == connection_id)
