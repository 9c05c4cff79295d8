"""The receiver as real HTTP, for as long as the block lasts; one process receives for a home."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final

from pipelines.lib.serving import LOOPBACK, HttpService
from pipelines.lib.settings import Settings
from pipelines.receiver.application import ROOT, Bounds, Receiver
from pipelines.receiver.spool import lock

_DRAIN_SECONDS: Final = 5


class ReceiverServer(HttpService):
    """Receives while its block runs; at its end everything accepted is in the raw store.

    Args:
        settings: names home, connections and who we are.
        host: the address to listen on; TLS is a reverse proxy's.
        port: 0 takes a free one. A port in use is a `UserError`.
        bounds: what one connection may ask.

    Raises:
        UserError: when another process receives for the same home.
    """

    def __init__(self, settings: Settings, host: str = LOOPBACK, port: int = 0, bounds: Bounds | None = None) -> None:
        self._lock = lock(settings.home / "receiver")
        try:
            super().__init__(
                lambda: Receiver(settings, bounds or Bounds()).application(),
                name="receiver",
                host=host,
                port=port,
                drain_seconds=_DRAIN_SECONDS,
                lifespan="on",
            )
        except BaseException:  # an interrupt as well: nobody else could receive while the lock is held
            os.close(self._lock)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer what is under way, publish what was accepted, free port and lock."""
        super().__exit__(kind, error, trace)
        if not self._thread.is_alive():  # else it still publishes, and the lock ends with the process: nobody else may
            os.close(self._lock)

    @property
    def versions_url(self) -> str:
        """Where a peer on this machine begins."""
        return f"{self.url}{ROOT}/versions"
