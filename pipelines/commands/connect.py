"""`roamledger connect`: the credentials handshake with a peer, and what is agreed with each."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as RichTable

from pipelines.lib.connections import Credentials, CredentialsStore, fingerprint
from pipelines.lib.connections.handshake import Agreed, Handshake
from pipelines.lib.register import Register
from pipelines.lib.register.connections import ConnectionEvent, connection_events
from pipelines.lib.settings import Connection, load_settings


def register(connection_id: str, console: Console) -> int:
    """Register with a peer; give the exit code."""
    _tell("registered", _handshake(connection_id).register(), console)
    return 0


def rotate(connection_id: str, console: Console) -> int:
    """Exchange the tokens; give the exit code."""
    _tell("rotated", _handshake(connection_id).rotate(), console)
    return 0


def unregister(connection_id: str, console: Console) -> int:
    """End a registration; give the exit code."""
    _handshake(connection_id).unregister()
    console.print(f"{connection_id}: unregistered, and both tokens forgotten", highlight=False)
    return 0


def status(connection_id: str, console: Console) -> int:
    """Show what is agreed with one connection, or with all; prove what a rotation left unproven."""
    settings = load_settings()
    chosen = [settings.connection(connection_id)] if connection_id else list(settings.connections)
    events, store = Register(settings.register), CredentialsStore.of(settings.home)
    table = RichTable(title="Connections", title_justify="left", header_style="bold")
    for name in ("connection", "state", "version", "their token", "our token", "since (UTC)"):
        table.add_column(name)
    for connection in chosen:
        known = store.read(connection.connection_id)
        if len(known.their_tokens) > 1:
            known = Handshake(settings, events, connection).prove().credentials
        with events.reading() as tx:
            last = next(iter(connection_events(tx, connection.connection_id)[-1:]), None)
        table.add_row(connection.connection_id, _state(connection, known), *_facts(known, last))
    console.print(table)
    return 0


def _handshake(connection_id: str) -> Handshake:
    settings = load_settings()
    return Handshake(settings, Register(settings.register), settings.connection(connection_id))


def _tell(done: str, agreed: Agreed, console: Console) -> None:
    known = agreed.credentials
    theirs, ours = (fingerprint(each[0]) for each in (known.their_tokens, known.our_tokens))
    line = f"{known.connection_id}: {done} under OCPI {known.version}, their token {theirs}, our token {ours}"
    console.print(line, highlight=False, soft_wrap=True)
    if agreed.parties:
        console.print(f"the peer speaks for {', '.join(agreed.parties)}", highlight=False, markup=False, soft_wrap=True)
    if len(known.their_tokens) > 1:
        line = "the new token is not proven yet: the old one is kept; `roamledger connect status` tries again"
        console.print(line, style="yellow", soft_wrap=True)


def _state(connection: Connection, known: Credentials) -> str:
    """Say where a connection stands, in a word or two."""
    if known.pending is not None:
        return f"{known.pending.kind} begun {known.pending.begun_at:%Y-%m-%d %H:%M}: run it again"
    if known.is_registered:
        return "registered" if len(known.their_tokens) == 1 else "registered, new token not proven"
    return f"by hand ({connection.token_env})" if connection.token_env else "no token"


def _facts(known: Credentials, last: ConnectionEvent | None) -> tuple[str, ...]:
    theirs, ours = (", ".join(map(fingerprint, each)) or "-" for each in (known.their_tokens, known.our_tokens))
    return known.version or "-", theirs, ours, f"{last.happened_at:%Y-%m-%d %H:%M}" if last else "-"
