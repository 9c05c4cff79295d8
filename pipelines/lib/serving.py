"""An ASGI application as real HTTP: uvicorn in a thread of this process, for as long as a block lasts."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from pipelines.lib.errors import UserError
from pipelines.lib.patience import Patience, patient

LOOPBACK: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0
_WAITING: Final = 128
"""Connections that the kernel holds until they are taken, and that asyncio takes at one go, before any is counted."""


class HttpService:
    """Serves an application while its block runs.

    Args:
        application: makes it, once the port is ours: what is dear to start is not started for a port in use.
        name: what it is called when it does not start.
        host: the address to listen on; TLS is a reverse proxy's.
        port: 0 takes a free one. A port in use is a `UserError`.
        drain_seconds: how long requests under way are waited for at the end.
        lifespan: whether the application starts and stops something of its own.
        patience: how long and with how many connections peers are waited for.
    """

    def __init__(
        self,
        application: Callable[[], ASGIApp],
        *,
        name: str,
        host: str = LOOPBACK,
        port: int = 0,
        drain_seconds: int = 1,
        lifespan: Literal["on", "off"] = "off",
        patience: Patience | None = None,
    ) -> None:
        self.host = host
        self._name, self._drain_seconds = name, drain_seconds
        self._socket = _bound(host, port)
        try:
            config = uvicorn.Config(
                application(),
                http=patient(AutoHTTPProtocol, patience or Patience()),
                backlog=_WAITING,
                ws="none",  # nobody speaks it here, and it would go on without the clock of a request
                log_level="error",
                access_log=False,
                server_header=False,
                lifespan=lifespan,
                timeout_graceful_shutdown=drain_seconds,
            )
        except BaseException:  # an interrupt as well: the port would stay taken for as long as the process lives
            self._socket.close()
            raise
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=name, daemon=True
        )

    def __enter__(self) -> Self:
        """Start serving; return when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                msg = f"the {self._name} did not start on port {self.port}: choose another with --port"
                raise UserError(msg)
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what is under way, stop serving and free the port."""
        self._server.should_exit = True
        self._thread.join(timeout=3 * self._drain_seconds + 2)
        self._socket.close()

    @property
    def port(self) -> int:
        """The port that is served."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Where the service begins, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def wait(self, is_told: Callable[[], bool] = lambda: False) -> None:
        """Serve until interrupted, or told to stop."""
        while self._thread.is_alive() and not is_told():
            # Not join(): where that is interrupted, Python 3.11 takes a living thread for ended (bpo-45274), so that
            # nobody waits for what it has still to do.
            time.sleep(0.2)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_WAITING)
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else "no port is above 65535"
        msg = f"port {port} on {host} cannot be used ({why}): choose another with --port, 0 takes a free one"
        raise UserError(msg) from None
    return listener
