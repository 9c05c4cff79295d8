"""`roamledger sandbox`: the roaming network to run against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.shared import Seed, console

app = typer.Typer(
    help="A roaming network to run against: seeded, with planted faults and their truth.", no_args_is_help=True
)

Exhibits = Annotated[
    str, typer.Option(help="planted faults by reconciliation rule, such as R21=5,combined=4; all for some of each")
]


@app.command("serve")
def sandbox_serve(
    port: Annotated[int, typer.Option(help="port on 127.0.0.1")] = 8770,
    seed: Seed = 42,
    sessions: Annotated[int, typer.Option(min=50)] = 3300,
    month: Annotated[str, typer.Option(help="the second of the world's two months")] = "2026-10",
    faults: Annotated[str, typer.Option(help="fault modes, joined by commas: 429 or ldw=429; `list` tells them")] = "",
    versions: Annotated[str, typer.Option(help="OCPI versions to offer, joined by commas: 2.3.0 or ldw=2.1.1")] = "",
    exhibits: Exhibits = "",
    handshake: Annotated[bool, typer.Option(help="tokens are tokens A: a credentials handshake comes first")] = False,
) -> None:
    """Serve the roaming network over HTTP until interrupted."""
    from pipelines.commands import sandbox as command

    manners = command.Manners.read(faults, versions, handshake=handshake)
    command.serve(port, seed, sessions, month, manners, console, exhibits)


@app.command("write")
def sandbox_write(
    directory: Annotated[Path, typer.Argument(help="folder to write to")],
    sessions: Annotated[int, typer.Option(min=50)] = 3300,
    seed: Seed = 42,
    month: Annotated[str, typer.Option(help="the second of the world's two months")] = "2026-10",
    exhibits: Exhibits = "",
) -> None:
    """Write the same world as files: what peers serve, the master data, and the truth."""
    from pipelines.commands import sandbox as command

    command.write(directory, sessions, seed, month, console, exhibits)
