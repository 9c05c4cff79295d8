"""`roamledger connect`: credentials handshakes with peers."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.shared import console

app = typer.Typer(help="Credentials handshakes with peers, and what is agreed with each.", no_args_is_help=True)

ConnectionId = Annotated[str, typer.Argument(metavar="CONNECTION", help="its connection_id in roamledger.toml")]


@app.command("register")
def connect_register(connection: ConnectionId) -> None:
    """Exchange credentials with a peer for the first time, under the token A in the connection's token_env."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.register(connection, console))


@app.command("rotate")
def connect_rotate(connection: ConnectionId) -> None:
    """Exchange both tokens for new ones. Safe to run again after a crash."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.rotate(connection, console))


@app.command("unregister")
def connect_unregister(connection: ConnectionId) -> None:
    """End the registration with a peer and forget both tokens."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.unregister(connection, console))


@app.command("status")
def connect_status(
    connection: Annotated[str, typer.Argument(metavar="[CONNECTION]", help="all by default")] = "",
) -> None:
    """What is agreed with each peer: version and fingerprints of tokens, never a token."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.status(connection, console))
