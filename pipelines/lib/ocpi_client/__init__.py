"""The OCPI client: versions, endpoints and paged lists of one peer, however badly it answers.

`failures.py` says what can go wrong, `transport.py` gets one answer with retries, `peer.py` speaks the protocol.
"""

from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure
from pipelines.lib.ocpi_client.peer import Page, Peer, PeerApi
from pipelines.lib.ocpi_client.transport import Transport

__all__ = ["FailureKind", "Page", "Peer", "PeerApi", "PeerFailure", "Transport"]
