"""`roamledger serve`: receive what peers push, until interrupted."""

from __future__ import annotations

from rich.console import Console

from pipelines.lib.errors import UserError
from pipelines.lib.settings import load_settings
from pipelines.receiver.application import Bounds
from pipelines.receiver.server import ReceiverServer


def run(host: str, port: int, requests_per_second: float, body_bytes: int, console: Console) -> int:
    """Receive until Ctrl+C; what was accepted is in the raw store when this returns."""
    settings = load_settings()
    if not settings.connections:
        msg = "no connection is declared: add [[connections]] to roamledger.toml (see README, Connections)"
        raise UserError(msg)
    bounds = Bounds(
        body_bytes=body_bytes, requests_per_second=requests_per_second, burst=max(1, round(5 * requests_per_second))
    )
    with ReceiverServer(settings, host, port, bounds) as server:
        console.print(f"[bold]Receiving[/] pushes at {server.versions_url}; Ctrl+C stops it", highlight=False)
        try:
            server.wait()
        except KeyboardInterrupt:
            console.print("\nstopping: what was accepted goes into the raw store")
    return 0
