"""`roamledger tokens`: tokens at risk, blocks, and what peers were told."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.shared import Actor, console

app = typer.Typer(help="Tokens at risk: why, and blocking them at every peer.", no_args_is_help=True)

Uid = Annotated[str, typer.Argument(metavar="UID", help="uid of the token, in any case")]
TokenType = Annotated[str | None, typer.Option("--type", help="RFID, APP_USER, ...: where a uid has several")]
Reason = Annotated[str, typer.Option(help="why; it is kept for good")]
Send = Annotated[bool, typer.Option("--send", help="decide, and tell the peers; without it only say what would be")]


@app.command("list")
def tokens_list(
    month: Annotated[str, typer.Option(help="billing month; the last one that was worked through by default")] = "",
    everything: Annotated[bool, typer.Option("--all", help="also tokens that need no attention")] = False,
) -> None:
    """The tokens of a month that want attention, the riskiest first."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_risks(month, console, everything=everything))


@app.command("show")
def tokens_show(uid: Uid, token_type: TokenType = None) -> None:
    """One token: its score and reasons by month, what was decided, and what peers were told."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_one(uid, token_type, console))


@app.command("signals")
def tokens_signals() -> None:
    """The catalogue of signals: points, what each finds, and the thresholds in force."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_signals(console))


@app.command("block")
def tokens_block(uid: Uid, reason: Reason, token_type: TokenType = None, by: Actor = "", send: Send = False) -> None:
    """Block a token at every connected peer. Says what it would do; does it with --send."""
    from models.types.vocabularies import TokenDecisionKind
    from pipelines.commands import tokens as command

    raise typer.Exit(command.decide(TokenDecisionKind.BLOCK, uid, token_type, reason, by, console, send=send))


@app.command("unblock")
def tokens_unblock(uid: Uid, reason: Reason, token_type: TokenType = None, by: Actor = "", send: Send = False) -> None:
    """Take a block back at every connected peer. Says what it would do; does it with --send."""
    from models.types.vocabularies import TokenDecisionKind
    from pipelines.commands import tokens as command

    raise typer.Exit(command.decide(TokenDecisionKind.UNBLOCK, uid, token_type, reason, by, console, send=send))


@app.command("outbox")
def tokens_outbox(
    everything: Annotated[bool, typer.Option("--all", help="also what was delivered or superseded")] = False,
) -> None:
    """What peers are still to be told, with their last answer; exit 1 where anything is."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_outbox(console, everything=everything))


@app.command("send")
def tokens_send(
    patience: Annotated[float, typer.Option(min=0, help="seconds to go on trying what fails")] = 60.0,
    again: Annotated[bool, typer.Option("--again", help="also what was given up")] = False,
    at_once: Annotated[bool, typer.Option("--at-once", help="do not wait for what is due later")] = False,
) -> None:
    """Deliver the outbox to the peers; exit 1 where something was not taken. Safe to run again."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.deliver(console, patience=patience, again=again, at_once=at_once))
