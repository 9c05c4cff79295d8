"""The network as real HTTP on 127.0.0.1, for as long as the block lasts."""

from __future__ import annotations

from itertools import chain

from pipelines.lib.serving import HttpService
from pipelines.lib.settings import Connection
from pipelines.sandbox.application import Network
from pipelines.sandbox.connections import connections_at, token_env
from pipelines.sandbox.credentials import Registration
from pipelines.sandbox.object_faults import with_object_faults
from pipelines.sandbox.peers import CONNECTION_IDS, offered_versions, token_of
from pipelines.sandbox.server_faults import FaultLine, known_faults
from pipelines.sandbox.wire_versions import modules_in
from pipelines.sandbox.world import World


class SandboxServer(HttpService):
    """Serves a world while its block runs.

    Args:
        world: what to serve.
        port: on 127.0.0.1; 0 takes a free one. A port in use is a `UserError`.
        faults: names from `server_faults.fault_table`.
        versions: OCPI versions to offer, for all connections or `CONNECTION=VERSION`; by default 2.2.1.
        slow_seconds: how long a `slow` answer waits.
        by_hand: whether tokens were agreed on by hand; else each is a token A, and a handshake comes first.
    """

    def __init__(
        self,
        world: World,
        port: int = 0,
        faults: tuple[str, ...] = (),
        versions: tuple[str, ...] = (),
        *,
        slow_seconds: float = 3.0,
        by_hand: bool = True,
    ) -> None:
        offered = offered_versions(versions)
        chosen = known_faults(faults)
        spoken = sorted(set(chain(*offered.values())))
        modules = {version: with_object_faults(modules_in(version, world), chosen) for version in spoken}
        line = FaultLine(chosen, slow_seconds, world.seed)
        self._network = Network(modules, offered, line, by_hand=by_hand)
        super().__init__(self._network.application, name="sandbox", port=port)

    @property
    def requests(self) -> int:
        """How many requests have been received."""
        return self._network.requests

    def registration(self, connection_id: str) -> Registration:
        """Give how far a connection's handshake has come."""
        return self._network.registration(connection_id)

    def connections(self) -> tuple[Connection, ...]:
        """Give the connections as the settings declare them."""
        return connections_at(self.url)

    def tokens(self) -> dict[str, str]:
        """Give the credentials tokens by the name of their environment variable."""
        return {token_env(connection_id): token_of(connection_id) for connection_id in CONNECTION_IDS}
