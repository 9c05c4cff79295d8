"""`roamledger sandbox`: serve the roaming network, or write it to disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from pipelines.commands.close import parse_month
from pipelines.lib.errors import UserError
from pipelines.sandbox.exhibits.plan import CountError, read_counts
from pipelines.sandbox.files import settings_toml, write_world
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.server_faults import fault_table
from pipelines.sandbox.world import build_world


class Manners(NamedTuple):
    """How the peers of a served sandbox behave."""

    faults: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    by_hand: bool = True
    """whether tokens were agreed on by hand; else a credentials handshake comes first"""

    @classmethod
    def read(cls, faults: str, versions: str, *, handshake: bool) -> Manners:
        """Read lists joined by commas."""
        listed = [tuple(filter(None, text.split(","))) for text in (faults, versions)]
        return cls(*listed, by_hand=not handshake)


def serve(
    port: int, seed: int, sessions: int, month: str, manners: Manners, console: Console, exhibits: str = ""
) -> None:
    """Serve the world until interrupted, and say how to reach it; the fault `list` prints the faults instead."""
    if "list" in manners.faults:
        console.print(_fault_table())
        return
    world = build_world(seed, sessions, parse_month(month), exhibits=_counts(exhibits))
    with SandboxServer(world, port, manners.faults, manners.versions, by_hand=manners.by_hand) as server:
        console.print(f"[bold]Sandbox[/] of {sessions:,} sessions (seed {seed}) on port {server.port}; Ctrl+C stops it")
        console.print("\nroamledger.toml:\n", style="dim")
        console.print(settings_toml(server.connections()), markup=False, highlight=False)
        console.print("Environment:\n", style="dim")
        for name, token in server.tokens().items():
            console.print(f"export {name}={token}", markup=False, highlight=False)
        try:
            server.wait()
        except KeyboardInterrupt:
            console.print(f"\nstopped after {server.requests:,} requests")


def write(directory: Path, sessions: int, seed: int, month: str, console: Console, exhibits: str = "") -> None:
    """Write the world's files into a directory."""
    began = time.monotonic()
    world = build_world(seed, sessions, parse_month(month), exhibits=_counts(exhibits))
    try:
        write_world(world, directory)
    except OSError as error:
        msg = f"folder {directory} cannot be written ({error.strerror}): choose another"
        raise UserError(msg) from None
    seconds = time.monotonic() - began
    console.print(
        f"{len(world.cdrs):,} CDRs of {sessions:,} sessions (seed {seed}) in {directory} after {seconds:.1f} s"
    )


def _counts(text: str) -> dict[str, int]:
    try:
        return read_counts(text)
    except CountError as error:
        msg = f"--exhibits: {error}"
        raise UserError(msg) from None


def _fault_table() -> Table:
    table = Table("fault", "strikes", "what happens", title="Fault modes of the sandbox", title_justify="left")
    for name, (kind, said) in fault_table().items():
        table.add_row(name, kind, said)
    return table
