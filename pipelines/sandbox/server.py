"""The network as real HTTP on 127.0.0.1: uvicorn in a thread, for as long as the block lasts."""

from __future__ import annotations

import socket
import threading
import time
from itertools import chain
from types import TracebackType
from typing import Self

import uvicorn

from pipelines.lib.errors import UserError
from pipelines.lib.settings import Connection
from pipelines.sandbox.application import Network
from pipelines.sandbox.connections import connections_at, token_env
from pipelines.sandbox.credentials import Registration
from pipelines.sandbox.object_faults import with_object_faults
from pipelines.sandbox.peers import CONNECTION_IDS, offered_versions, token_of
from pipelines.sandbox.server_faults import FaultLine, known_faults
from pipelines.sandbox.wire_versions import modules_in
from pipelines.sandbox.world import World

HOST = "127.0.0.1"
_START_SECONDS = 20.0


class SandboxServer:
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
        self._socket = _bound(port)
        config = uvicorn.Config(
            self._network.application(),
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="sandbox", daemon=True
        )

    def __enter__(self) -> Self:
        """Start serving; return when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                msg = f"the sandbox did not start on port {self.port}: choose another with --port"
                raise UserError(msg)
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving and free the port."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self._socket.getsockname()[1])

    @property
    def requests(self) -> int:
        """How many requests have been received."""
        return self._network.requests

    def registration(self, connection_id: str) -> Registration:
        """Give how far a connection's handshake has come."""
        return self._network.registration(connection_id)

    def connections(self) -> tuple[Connection, ...]:
        """Give the connections as the settings declare them."""
        return connections_at(f"http://{HOST}:{self.port}")

    def tokens(self) -> dict[str, str]:
        """Give the credentials tokens by the name of their environment variable."""
        return {token_env(connection_id): token_of(connection_id) for connection_id in CONNECTION_IDS}

    def wait(self) -> None:
        """Serve until interrupted."""
        while self._thread.is_alive():
            self._thread.join(timeout=0.5)


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        msg = f"port {port} on {HOST} cannot be used ({error.strerror}): choose another with --port, 0 takes a free one"
        raise UserError(msg) from None
    return listener
