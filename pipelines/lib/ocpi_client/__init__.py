"""The OCPI client: versions, endpoints and paged lists of one peer, however badly it answers.

`peer.py` speaks the protocol over `versions.py` (what is agreed on) and `paging.py` (where the next page is);
`transport.py` gets one answer with retries, out of `requests.py` (what we send) and `answers.py` (what came), over
`wire.py` (HTTP itself) and its `hosts.py`, whose `bounded_answers.py` nobody can draw out;
`failures.py` says what can go wrong, `redaction.py` keeps tokens out of whatever is kept or printed, and `sieve.py`
tells quickly of a page that it has none.
"""

from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure
from pipelines.lib.ocpi_client.paging import Page
from pipelines.lib.ocpi_client.peer import Peer
from pipelines.lib.ocpi_client.transport import Transport
from pipelines.lib.ocpi_client.versions import PeerApi

__all__ = ["FailureKind", "Page", "Peer", "PeerApi", "PeerFailure", "Transport"]
