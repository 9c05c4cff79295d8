"""The receiver as real HTTP: uvicorn in a thread, for as long as the block lasts."""

from __future__ import annotations

import os
import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

import uvicorn

from pipelines.lib.errors import UserError
from pipelines.lib.settings import Settings
from pipelines.receiver.application import ROOT, Bounds, Receiver
from pipelines.receiver.spool import lock

HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 15.0


class ReceiverServer:
    """Receives while its block runs; at its end everything accepted is in the raw store.

    Args:
        settings: names home, connections and who we are.
        host: the address to listen on; TLS is a reverse proxy's.
        port: 0 takes a free one. A port in use is a `UserError`.
        bounds: what one connection may ask.

    Raises:
        UserError: when another process receives for the same home.
    """

    def __init__(self, settings: Settings, host: str = HOST, port: int = 0, bounds: Bounds | None = None) -> None:
        self._lock = lock(settings.home / "receiver")
        try:
            self._socket = _bound(host, port)
            receiver = Receiver(settings, bounds or Bounds())
        except BaseException:
            os.close(self._lock)
            raise
        config = uvicorn.Config(
            receiver.application(),
            log_level="error",
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._host = host
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="receiver", daemon=True
        )

    def __enter__(self) -> Self:
        """Start receiving; return when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                msg = f"the receiver did not start on port {self.port}: choose another with --port"
                raise UserError(msg)
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what is under way, publish what was accepted, free port and lock."""
        self._server.should_exit = True
        self._thread.join(timeout=_STOP_SECONDS)
        self._socket.close()
        os.close(self._lock)

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self._socket.getsockname()[1])

    @property
    def versions_url(self) -> str:
        """Where a peer on this machine begins."""
        return f"http://{self._host}:{self.port}{ROOT}/versions"

    def wait(self) -> None:
        """Receive until interrupted."""
        while self._thread.is_alive():
            self._thread.join(timeout=0.5)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        msg = f"port {port} on {host} cannot be used ({error.strerror}): choose another with --port, 0 takes a free one"
        raise UserError(msg) from None
    return listener
