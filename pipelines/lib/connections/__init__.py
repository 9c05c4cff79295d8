"""Connections with peers: which tokens are in force, and the handshake that agrees on new ones.

`store.py` keeps the tokens that handshakes gave, `outbound.py` speaks to a peer under the one in force, `inbound.py`
tells whom a token sent to us belongs to.
"""

from pipelines.lib.connections.inbound import connection_of_authorization, connection_of_token
from pipelines.lib.connections.outbound import open_transport
from pipelines.lib.connections.store import Credentials, CredentialsStore, fingerprint

__all__ = [
    "Credentials",
    "CredentialsStore",
    "connection_of_authorization",
    "connection_of_token",
    "fingerprint",
    "open_transport",
]
