"""`roamledger demo`: two months of a roaming network, from HTTP to PDF, and what came of them.

The clock follows the story: on the 5th of each month the month before is pulled and closed, so the second pull goes on
from the first one's watermarks, and what arrives late for the first month is billed with the second.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from models.types.time import BillingMonth
from pipelines.commands import close, pull
from pipelines.commands.close import parse_month
from pipelines.commands.summary import print_summary
from pipelines.lib.errors import UserError
from pipelines.lib.settings import load_settings
from pipelines.sandbox.files import settings_toml, write_master
from pipelines.sandbox.server import SandboxServer
from pipelines.sandbox.world import build_world

COMPANY_ZONE = ZoneInfo("Europe/Berlin")
CLOSING_DAY, CLOSING_HOUR = 5, 6


def run(text: str, sessions: int, seed: int, console: Console) -> int:
    """Tell the whole story into the home of the settings; give the exit code."""
    began, month, settings = time.monotonic(), parse_month(text), load_settings()
    console.print(f"[bold]A roaming network[/] of {sessions:,} sessions (seed {seed}), {month.previous} and {month}")
    world = build_world(seed, sessions, month)
    _claim(settings.home, f"{month} sessions={sessions} seed={seed}\n")
    write_master(world, settings.master)
    with SandboxServer(world) as server:
        os.environ.update(server.tokens())
        (settings.home / "roamledger.toml").write_text(settings_toml(server.connections()), encoding="utf-8")
        for each in (month.previous, month):
            _live_through(each, console)
        requests = server.requests
    print_summary(load_settings(), month, requests, time.monotonic() - began, console)
    return 0


def _live_through(month: BillingMonth, console: Console) -> None:
    """Pull and close one month, on the 5th of the next."""
    day = datetime(month.next.year, month.next.month, CLOSING_DAY, CLOSING_HOUR, tzinfo=COMPANY_ZONE).astimezone(UTC)
    os.environ["ROAMLEDGER_NOW"] = day.isoformat()
    console.rule(f"{day:%d %B %Y}: pull, then close {month}", align="left", style="dim")
    pull.run("", None, None, console)
    close.run(str(month), console, dry_run=False)


def _claim(home: Path, world: str) -> None:
    """Mark the home as that world's: two worlds in one home would be one company with two pasts."""
    home.mkdir(parents=True, exist_ok=True)
    mark = home / "demo-world.txt"
    if mark.exists() and mark.read_text(encoding="utf-8") != world:
        msg = (
            f"{home} holds another demo ({mark.read_text(encoding='utf-8').strip()}): "
            "set ROAMLEDGER_HOME to an empty folder, or remove the generated folders of this one"
        )
        raise UserError(msg)
    mark.write_text(world, encoding="utf-8")
