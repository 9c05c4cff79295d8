"""`roamledger verify`: recompute everything and say what does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable

from rich.console import Console

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.commands.close import parse_month
from pipelines.commands.progress import RunProgress, run_progress
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings, load_settings
from pipelines.lib.verification.breach import Breach
from pipelines.lib.verification.conservation import RAW_PAGES, conservation_breaches
from pipelines.lib.verification.documents import document_breaches
from pipelines.lib.verification.recompute import recomputed_tables
from pipelines.lib.verification.warehouse import warehouse_breaches
from pipelines.receiver.waiting import Waiting, breaches

CHECKS = (
    ("conservation", "every received record is typed, quarantined or a duplicate; every CDR has one verdict"),
    ("recomputation", "typed tables, prices, verdicts and charges, made again from the raw bytes"),
    ("documents", "hashes, arithmetic, gapless numbers, lines = charges, ledger = register, PDFs"),
    ("warehouse", "the published marts = a fresh build, with all its tests"),
)


def run(text: str, console: Console, *, as_json: bool) -> int:
    """Verify all months, or one; give 0 when everything holds, 1 when something broke."""
    settings = load_settings()
    lake, register = Lake(settings.lake), Register(settings.register)
    months = _months(lake, text)
    quiet = Console(quiet=True) if as_json else console
    with run_progress(quiet) as progress:
        found = _run(_checks(settings, lake, register, months, progress))
    if as_json:
        console.print_json(json.dumps(_as_json(months, found)))
    else:
        _say(found, months, console)
        if (waiting := Waiting.of(settings.home)).entries and waiting.is_received:
            console.print(f"{waiting}, which publishes it within a minute", style="dim", markup=False, highlight=False)
    return 1 if any(found.values()) else 0


def _checks(
    settings: Settings, lake: Lake, register: Register, months: list[BillingMonth], progress: RunProgress
) -> dict[str, Callable[[], list[Breach]]]:
    return {
        "conservation": lambda: [*breaches(settings.home), *conservation_breaches(lake)],
        "recomputation": lambda: recomputed_tables(settings, months, progress.step),
        "documents": lambda: document_breaches(settings, lake, register),
        "warehouse": lambda: warehouse_breaches(settings, lake),
    }


def _run(checks: dict[str, Callable[[], list[Breach]]]) -> dict[str, list[Breach]]:
    """Run the checks in their order; from raw pages that were changed nothing can be recomputed."""
    found: dict[str, list[Breach]] = {}
    for name, check in checks.items():
        is_raw_sound = not any(breach.check == RAW_PAGES for breach in found.get("conservation", ()))
        found[name] = check() if is_raw_sound or name != "recomputation" else [_not_recomputed()]
    return found


def _not_recomputed() -> Breach:
    return Breach("recomputation", "typed tables, prices and charges", "intact raw pages", "changed ones: see above")


def _months(lake: Lake, text: str) -> list[BillingMonth]:
    months = lake.months(Layer.BILLED, "charges")
    if not text:
        return months
    month = parse_month(text)
    if month not in months:
        known = ", ".join(str(each) for each in months) or "none yet: pull first"
        msg = f"{month} was never worked through (months: {known})"
        raise UserError(msg)
    return [month]


def _as_json(months: list[BillingMonth], found: dict[str, list[Breach]]) -> dict[str, object]:
    return {
        "months": [str(month) for month in months],
        "holds": not any(found.values()),
        "breaches": [breach.as_dict() for breaches in found.values() for breach in breaches],
    }


def _say(found: dict[str, list[Breach]], months: list[BillingMonth], console: Console) -> None:
    console.print(f"Verified {', '.join(str(month) for month in months) or 'an empty home'}")
    for name, meaning in CHECKS:
        breaches = found[name]
        mark = "[bold red]✗[/]" if breaches else "[green]✓[/]"
        console.print(f"{mark} [bold]{name:<14}[/] {meaning}")
        for breach in breaches:
            console.print(f"    {breach}", markup=False, highlight=False, style="red")
