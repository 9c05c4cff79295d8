"""`roamledger serve`: receive what peers push, until interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from pipelines.lib.errors import UserError
from pipelines.lib.settings import load_settings
from pipelines.receiver.application import Bounds
from pipelines.receiver.server import ReceiverServer

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def run(host: str, port: int, requests_per_second: float, body_bytes: int, console: Console) -> int:
    """Receive until Ctrl+C or SIGTERM; what was accepted is in the raw store when this returns."""
    settings = load_settings()
    if not settings.connections:
        msg = "no connection is declared: add [[connections]] to roamledger.toml (see README, Connections)"
        raise UserError(msg)
    bounds = Bounds(
        body_bytes=body_bytes, requests_per_second=requests_per_second, burst=max(1, round(5 * requests_per_second))
    )
    with _signals() as told, ReceiverServer(settings, host, port, bounds) as server:
        console.print(f"[bold]Receiving[/] pushes at {server.versions_url}; Ctrl+C stops it", highlight=False)
        server.wait(lambda: bool(told))
        console.print("\nstopping: what was accepted goes into the raw store")
    return 0


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note Ctrl+C and SIGTERM, by which systemd and `docker stop` end us, instead of being torn away by them.

    A second one changes nothing: it would cut the publishing short that the first one asked for.
    """
    told: list[int] = []
    before = {each: signal.signal(each, lambda number, _: told.append(number)) for each in _ENDING}
    try:
        yield told
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
