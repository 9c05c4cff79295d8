"""The `roamledger` command: what it can do, and nothing about how; each command's work is in `pipelines/commands`.

Commands are imported when they run, because Dagster, dbt and WeasyPrint take seconds to import.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from pipelines.lib.errors import UserError

for _switch in ("DAGSTER_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_switch, "1")
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")

app = typer.Typer(
    name="roamledger",
    help="The billing back office of an e-Mobility Service Provider: OCPI in, proven invoices out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
sandbox = typer.Typer(help="A roaming network to run against: seeded, with planted faults and their truth.")
disputes = typer.Typer(help="CDRs that are held, and why.")
connect = typer.Typer(help="Credentials handshakes with peers, and what is agreed with each.")
app.add_typer(sandbox, name="sandbox", no_args_is_help=True)
app.add_typer(connect, name="connect", no_args_is_help=True)
app.add_typer(disputes, name="disputes", no_args_is_help=True)
cpo_invoices = typer.Typer(help="What operators ask to be paid, held against what was accepted.")
app.add_typer(cpo_invoices, name="cpo-invoices", no_args_is_help=True)
tokens = typer.Typer(help="Tokens at risk: why, and blocking them at every peer.")
app.add_typer(tokens, name="tokens", no_args_is_help=True)

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
"""in a pipe or a log a line has 120 columns, not the 80 of a terminal that is not there"""
complaints = Console(stderr=True)

Month = Annotated[str, typer.Argument(metavar="MONTH", help="billing month, such as 2026-10")]
ConnectionId = Annotated[str, typer.Argument(metavar="CONNECTION", help="its connection_id in roamledger.toml")]
Json = Annotated[bool, typer.Option("--json", help="machine-readable output")]
Seed = Annotated[int, typer.Option(help="the world's seed: same seed, same world")]
Exhibits = Annotated[
    str, typer.Option(help="planted faults by reconciliation rule, such as R21=5,combined=4; all for some of each")
]
Instant = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"], help="UTC")]


@app.command()
def demo(
    month: Annotated[str, typer.Option(help="the month to bill")] = "2026-10",
    sessions: Annotated[int, typer.Option(min=50, help="sessions of the world, over two months")] = 3300,
    seed: Seed = 42,
) -> None:
    """A month, end to end: sandbox up, pull over HTTP, close, documents, summary."""
    from pipelines.commands import demo as command

    raise typer.Exit(command.run(month, sessions, seed, console))


@sandbox.command("serve")
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


@sandbox.command("write")
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


@app.command()
def pull(
    party: Annotated[str, typer.Option(help="only the connection that reaches this party, such as DE-LDW")] = "",
    since: Instant = None,
    until: Instant = None,
    module: Annotated[list[str] | None, typer.Option(help="only this OCPI module; repeat for more")] = None,
) -> None:
    """Pull what is new from every OCPI peer, or any window again, and work it through to verdicts and charges."""
    from pipelines.commands import pull as command

    raise typer.Exit(command.run(party, since, until, console, module or ()))


@connect.command("register")
def connect_register(connection: ConnectionId) -> None:
    """Exchange credentials with a peer for the first time, under the token A in the connection's token_env."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.register(connection, console))


@connect.command("rotate")
def connect_rotate(connection: ConnectionId) -> None:
    """Exchange both tokens for new ones. Safe to run again after a crash."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.rotate(connection, console))


@connect.command("unregister")
def connect_unregister(connection: ConnectionId) -> None:
    """End the registration with a peer and forget both tokens."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.unregister(connection, console))


@connect.command("status")
def connect_status(
    connection: Annotated[str, typer.Argument(metavar="[CONNECTION]", help="all by default")] = "",
) -> None:
    """What is agreed with each peer: version and fingerprints of tokens, never a token."""
    from pipelines.commands import connect as command

    raise typer.Exit(command.status(connection, console))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on; TLS is a reverse proxy's")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 8780,
    requests_per_second: Annotated[float, typer.Option(min=0.01, help="of one connection, on average")] = 100.0,
    body_bytes: Annotated[int, typer.Option(min=1024, help="the longest body")] = 2 << 20,
) -> None:
    """Receive what OCPI peers push, into the same raw store as what is pulled, until interrupted."""
    from pipelines.commands import serve as command

    raise typer.Exit(command.run(host, port, requests_per_second, body_bytes, console))


@app.command()
def load(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="NDJSON, JSON, CSV, gzip or not; folders")],
    connection: Annotated[str, typer.Option(help="whose they are; by default the name of their folder")] = "",
    module: Annotated[str, typer.Option(help="what they hold, or master; by default their own name")] = "",
    ocpi_version: Annotated[str, typer.Option(help="2.1.1, 2.2.1 or 2.3.0")] = "2.2.1",
    raw_only: Annotated[bool, typer.Option("--raw-only", help="keep the records, work nothing through")] = False,
) -> None:
    """Take records from files as if their peer had served them. The same file twice changes nothing."""
    from pipelines.commands import load as command

    raise typer.Exit(command.run(paths, connection, module, ocpi_version, console, raw_only=raw_only))


@app.command()
def close(
    month: Month,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be issued, issue nothing")] = False,
) -> None:
    """Close a billing month: issue its documents, render them, publish the warehouse. Safe to run again."""
    from pipelines.commands import close as command

    raise typer.Exit(command.run(month, console, dry_run=dry_run))


@app.command()
def rules() -> None:
    """Every reconciliation rule with its severity, needs and thresholds, as Markdown."""
    from pipelines.commands import rules as command

    raise typer.Exit(command.show())


@app.command()
def price(
    file: Annotated[Path, typer.Argument(help="JSON lines: id, ocpi_version, timezone, tariffs, cdr")],
    explain: Annotated[bool, typer.Option("--explain", help="say for each cent why it is there")] = False,
    output: Annotated[Path | None, typer.Option(help="write JSON lines here instead of to the terminal")] = None,
    html: Annotated[Path | None, typer.Option(help="write the explanations here, as one page")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="a choice on a contested point, such as step_base=all_volume; repeat"),
    ] = None,
) -> None:
    """Price CDRs by their tariffs, exactly."""
    from pipelines.commands import price as command

    raise typer.Exit(command.run(file, explain, output, console, html, policy or ()))


@app.command()
def reprice(
    month: Annotated[str, typer.Option(metavar="MONTH", help="a month that was worked through, such as 2026-10")],
    plan: Annotated[str | None, typer.Option(help="a plan that every contract would have had")] = None,
    tariff: Annotated[
        Path | None, typer.Option(help="an OCPI Tariff object, in the place of the published one of its owner and id")
    ] = None,
    ocpi_version: Annotated[str, typer.Option(help="of the tariff file: 2.1.1, 2.2.1 or 2.3.0")] = "2.2.1",
    output: Annotated[Path | None, typer.Option(help="write sums and sessions to .csv, .parquet or .json")] = None,
) -> None:
    """What a past month would have come to under another plan or tariff. Touches nothing that was issued."""
    from pipelines.commands import reprice as command

    raise typer.Exit(command.run(month, plan, tariff, ocpi_version, output, console))


@app.command()
def quote(
    session: Annotated[
        list[str] | None,
        typer.Option(help='such as "20 kWh in 30 min" or "50 kWh in 6 h with 2 h idle" (of the 6); repeat for more'),
    ] = None,
    at: Annotated[str, typer.Option(help="start: 2026-10-15T12:00 at each charge point, with Z in UTC; or now")] = "",
    plan: Annotated[str | None, typer.Option(help="only this plan")] = None,
    connector: Annotated[list[str] | None, typer.Option(help="only this EVSE id; repeat for more")] = None,
    output: Annotated[Path | None, typer.Option(help="write every price to .csv, .parquet or .json")] = None,
) -> None:
    """The price catalogue: for every connector and plan all components, and what reference sessions would cost."""
    from pipelines.commands import quote as command

    raise typer.Exit(command.run(session or [], at, plan, connector or [], output, console))


@app.command()
def verify(
    month: Annotated[str, typer.Argument(help="only this month; all by default")] = "",
    json: Json = False,
) -> None:
    """Recompute every stored number from the layer before it; exit 1 names what broke."""
    from pipelines.commands import verify as command

    raise typer.Exit(command.run(month, console, as_json=json))


@app.command()
def trace(
    document: Annotated[str, typer.Argument(help="document number, such as INV-DE-2026-000001")],
    line: Annotated[int | None, typer.Argument(help="line number")] = None,
    json: Json = False,
) -> None:
    """Lead from a document, or one line of it, back to CDR bytes, tariff element and rounding step."""
    from pipelines.commands import trace as command

    raise typer.Exit(command.run(document, line, console, as_json=json))


@app.command()
def known(
    kind: Annotated[str, typer.Argument(help="tariff, token, connector or contract")],
    key: Annotated[str, typer.Argument(help="its key, such as DE*LDW*T1 for a tariff")],
    at: Instant = None,
) -> None:
    """What was known about an object, at an instant or over all time: when it was valid, and when we believed it."""
    from pipelines.commands import known as command
    from pipelines.lib.settings import load_settings

    raise typer.Exit(command.run(kind, key, at.replace(tzinfo=UTC) if at else None, load_settings(), console))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="one SELECT on the published warehouse")],
    limit: Annotated[int, typer.Option(min=1, help="rows to show")] = 50,
    output: Annotated[str, typer.Option(help="table, csv or json")] = "table",
) -> None:
    """Ask the published warehouse, read-only."""
    from pipelines.commands import query as command
    from pipelines.lib.settings import load_settings

    raise typer.Exit(command.run(sql, load_settings(), console, limit, output))


States = Annotated[list[str] | None, typer.Option("--state", help="open, sent, refused, credited, ...; may repeat")]
OfCpo = Annotated[str, typer.Option("--cpo", help="of one operator, such as DE*LDW")]
OfRule = Annotated[str, typer.Option("--rule", help="that break one rule, such as R21")]
OfMonth = Annotated[str, typer.Option("--month", help="of CDRs of one billing month")]
Live = Annotated[bool, typer.Option("--live", help="only what is in dispute")]
Overdue = Annotated[bool, typer.Option("--overdue", help="only what the CPO should have answered")]


@disputes.command("list")
def disputes_list(
    states: States = None,
    cpo: OfCpo = "",
    rule: OfRule = "",
    month: OfMonth = "",
    live: Live = False,
    overdue: Overdue = False,
) -> None:
    """Cases with their state, what is claimed and held, and by when the CPO must answer."""
    from pipelines.commands import disputes as command
    from pipelines.lib.disputes.selection import selection

    chosen = selection(states or (), cpo, rule, month, is_live=live, is_overdue=overdue)
    raise typer.Exit(command.show_all(console, chosen))


@disputes.command("export")
def disputes_export(
    output: Annotated[Path, typer.Argument(help="file to write: .csv, .parquet or .json")],
    states: States = None,
    cpo: OfCpo = "",
    rule: OfRule = "",
    month: OfMonth = "",
    live: Live = False,
    overdue: Overdue = False,
) -> None:
    """Write cases and their events to a file."""
    from pipelines.commands import disputes as command
    from pipelines.lib.disputes.selection import selection

    chosen = selection(states or (), cpo, rule, month, is_live=live, is_overdue=overdue)
    raise typer.Exit(command.export(output, console, chosen))


@disputes.command("decide")
def disputes_decide(
    case: Annotated[str, typer.Argument(help="case id, the key of its CDR")] = "",
    decision: Annotated[
        str,
        typer.Argument(
            help="sent, acknowledged, accepted, refused, escalated, written_off, paid_under_protest or withdrawn"
        ),
    ] = "",
    amount: Annotated[str, typer.Option(help="accepted, withdrawn: for how much; all that is held by default")] = "",
    reason: Annotated[str, typer.Option(help="why; it is kept for good")] = "",
    at: Annotated[str, typer.Option(help="when it happened, such as 2026-11-05; now by default")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="many at once: a CSV with case_id, decision, amount, reason, at")
    ] = None,
    by: Actor = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would become of each line")] = False,
) -> None:
    """Decide about one case, or about many from a CSV; exit 1 where a line was refused, the others are applied."""
    from pipelines.commands import dispute_decisions as command

    one = command.OneDecision(case, decision, amount, reason, at)
    raise typer.Exit(command.decide(one, file, by, console, dry_run=dry_run))


@disputes.command("show")
def disputes_show(case: Annotated[str, typer.Argument(help="case id, the key of its CDR")]) -> None:
    """One case with its events and findings."""
    from pipelines.commands import disputes as command

    raise typer.Exit(command.show_one(case, console))


Folder = Annotated[Path | None, typer.Option("--output", help="folder; by default that of the month's documents")]


@disputes.command("pack")
def disputes_pack(
    case: Annotated[str, typer.Argument(help="case id, the key of its CDR")], output: Folder = None
) -> None:
    """The evidence of one case for its CPO, as JSON and PDF."""
    from pipelines.commands import evidence as command

    raise typer.Exit(command.one(case, output, console))


@disputes.command("packs")
def disputes_packs(month: OfMonth = "", cpo: OfCpo = "", output: Folder = None) -> None:
    """The evidence of every case, as JSON and PDF; what lies there already is left alone."""
    from pipelines.commands import evidence as command

    raise typer.Exit(command.several(month, cpo, output, console))


@disputes.command("letters")
def disputes_letters(
    month: OfMonth = "",
    first: Annotated[str, typer.Option("--from", help="instead of a month: cases opened from this day on")] = "",
    last: Annotated[str, typer.Option("--to", help="and up to this day; today by default")] = "",
    cpo: OfCpo = "",
    output: Folder = None,
) -> None:
    """A message per CPO in its language, with its live cases as a CSV beside it. Nothing is sent."""
    from pipelines.commands import dispute_letters as command

    raise typer.Exit(command.write(month, first, last, cpo, output, console))


@disputes.command("rules")
def disputes_rules() -> None:
    """The catalogue of rules, with what each holds and its thresholds."""
    from pipelines.commands import disputes as command

    raise typer.Exit(command.show_rules(console))


Uid = Annotated[str, typer.Argument(metavar="UID", help="uid of the token, in any case")]
TokenType = Annotated[str | None, typer.Option("--type", help="RFID, APP_USER, ...: where a uid has several")]
Reason = Annotated[str, typer.Option(help="why; it is kept for good")]
Actor = Annotated[str, typer.Option("--by", help="who decides; by default who is logged in")]
Send = Annotated[bool, typer.Option("--send", help="decide, and tell the peers; without it only say what would be")]


@tokens.command("list")
def tokens_list(
    month: Annotated[str, typer.Option(help="billing month; the last one that was worked through by default")] = "",
    everything: Annotated[bool, typer.Option("--all", help="also tokens that need no attention")] = False,
) -> None:
    """The tokens of a month that want attention, the riskiest first."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_risks(month, console, everything=everything))


@tokens.command("show")
def tokens_show(uid: Uid, token_type: TokenType = None) -> None:
    """One token: its score and reasons by month, what was decided, and what peers were told."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_one(uid, token_type, console))


@tokens.command("signals")
def tokens_signals() -> None:
    """The catalogue of signals: points, what each finds, and the thresholds in force."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_signals(console))


@tokens.command("block")
def tokens_block(uid: Uid, reason: Reason, token_type: TokenType = None, by: Actor = "", send: Send = False) -> None:
    """Block a token at every connected peer. Says what it would do; does it with --send."""
    from models.types.vocabularies import TokenDecisionKind
    from pipelines.commands import tokens as command

    raise typer.Exit(command.decide(TokenDecisionKind.BLOCK, uid, token_type, reason, by, console, send=send))


@tokens.command("unblock")
def tokens_unblock(uid: Uid, reason: Reason, token_type: TokenType = None, by: Actor = "", send: Send = False) -> None:
    """Take a block back at every connected peer. Says what it would do; does it with --send."""
    from models.types.vocabularies import TokenDecisionKind
    from pipelines.commands import tokens as command

    raise typer.Exit(command.decide(TokenDecisionKind.UNBLOCK, uid, token_type, reason, by, console, send=send))


@tokens.command("outbox")
def tokens_outbox(
    everything: Annotated[bool, typer.Option("--all", help="also what was delivered or superseded")] = False,
) -> None:
    """What peers are still to be told, with their last answer; exit 1 where anything is."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.show_outbox(console, everything=everything))


@tokens.command("send")
def tokens_send(
    patience: Annotated[float, typer.Option(min=0, help="seconds to go on trying what fails")] = 60.0,
    again: Annotated[bool, typer.Option("--again", help="also what was given up")] = False,
    at_once: Annotated[bool, typer.Option("--at-once", help="do not wait for what is due later")] = False,
) -> None:
    """Deliver the outbox to the peers; exit 1 where something was not taken. Safe to run again."""
    from pipelines.commands import tokens as command

    raise typer.Exit(command.deliver(console, patience=patience, again=again, at_once=at_once))


@cpo_invoices.command("check")
def cpo_invoices_check(
    file: Annotated[Path, typer.Argument(help="OCPI 2.3.0 reconciliation record (JSON), UBL 2.1 (XML), or CSV")],
    cpo: Annotated[str, typer.Option(help="whose invoice it is, such as DE*LDW")],
    invoice: Annotated[str | None, typer.Option(help="its number; a CSV names none")] = None,
    output: Annotated[Path | None, typer.Option(help="write every line to .csv, .parquet or .json")] = None,
    by: Actor = "",
    json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="write nothing to the register")] = False,
) -> None:
    """Hold a CPO's invoice against our accepted CDRs; exit 1 where something is to be disputed."""
    from pipelines.commands import cpo_invoices as command

    raise typer.Exit(command.check(file, cpo, invoice, output, by, console, as_json=json, dry=dry_run))


@cpo_invoices.command("export")
def cpo_invoices_export(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="its number, as it was checked")],
    cpo: Annotated[str, typer.Option(help="whose invoice it is, such as DE*LDW")],
    output: Annotated[Path | None, typer.Option(help="JSON file to write; printed by default")] = None,
) -> None:
    """Which CDRs of an invoice are accepted, as the reconciliation record of OCPI 2.3.0; exit 1 if some do not fit."""
    from pipelines.commands import cpo_invoices as command

    raise typer.Exit(command.export(invoice, cpo, output, console, complaints))


def main() -> None:
    """Run the command line; what a user can mend is said in one line."""
    os.umask(0o077)  # everything that a home holds is somebody's money or somebody's name
    try:
        app()
    except UserError as error:
        _complain(str(error))
    except OSError as error:
        _complain(f"{error.filename or 'a file'}: {error.strerror or error}: mend that and run the command again")


def _complain(line: str) -> NoReturn:
    complaints.print("roamledger:", style="bold red", end=" ")
    complaints.print(line, highlight=False, markup=False, soft_wrap=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
