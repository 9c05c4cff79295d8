"""Speaking to a peer under the token that is in force: the one a handshake gave, else the one agreed by hand."""

from __future__ import annotations

from pipelines.lib.connections.store import CredentialsStore
from pipelines.lib.ocpi_client import Transport
from pipelines.lib.settings import Connection, Settings


def open_transport(settings: Settings, connection: Connection) -> Transport:
    """Open a transport to a connection.

    Raises:
        UserError: where neither a handshake nor the environment gives a token.
    """
    tokens = CredentialsStore.of(settings.home).read(connection.connection_id).their_tokens
    return Transport.open(connection, tokens=tokens) if tokens else Transport.open(connection)
