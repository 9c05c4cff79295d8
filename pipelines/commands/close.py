"""`roamledger close MONTH`: issue what is due, render it, publish the warehouse."""

from __future__ import annotations

from typing import Final

from rich.console import Console

from models.types.time import BillingMonth
from pipelines.commands.progress import run_progress
from pipelines.lib.books import load_books
from pipelines.lib.close import CloseReport, close_month, is_closed, refuse_open_month
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.month_runs import stale_months, work_through
from pipelines.lib.register import Register
from pipelines.lib.runs import run_assets
from pipelines.lib.settings import load_settings
from pipelines.receiver.waiting import refuse_waiting

_YEARS: Final = range(2025, 2100)
"""billing begins with the first partition of the asset graph, 2025-01"""


def parse_month(text: str) -> BillingMonth:
    """Read a month argument; a bad one is a `UserError`."""
    try:
        month = BillingMonth.parse(text)
    except ValueError as error:
        raise UserError(str(error)) from None
    if month.year not in _YEARS:
        msg = f"month {text} cannot be billed: give one from {_YEARS.start}-01 to {_YEARS.stop - 1}-12"
        raise UserError(msg)
    return month


def run(text: str, console: Console, *, dry_run: bool) -> int:
    """Close a month, or say what a close would issue; give the exit code."""
    month, settings = parse_month(text), load_settings()
    lake, register = Lake(settings.lake), Register(settings.register)
    refuse_open_month(month, load_books(lake), settings.clock())
    was_closed = is_closed(register, month)
    if not was_closed and (waiting := refuse_waiting(settings, lake, month)):
        console.print(waiting, style="yellow", markup=False, highlight=False)
    with run_progress(console) as progress:
        work_through(
            [m for m in stale_months(lake, register, month) if dry_run or m != month],
            lambda m, step: progress.step(f"work through {m}", step),
        )
        if not dry_run:
            run_assets(
                ("rating", "reconciliation", "billing", "documents", "warehouse"),
                partition=str(month),
                report=lambda step: progress.step(f"close {month}", step),
            )
            progress.finish(f"close {month}")
    report = close_month(lake, register, month, settings.clock(), dry_run=dry_run)
    _say(report, "had already issued" if was_closed else "would issue" if dry_run else "issued", console)
    if not dry_run:
        console.print(f"  documents in {settings.documents / str(report.month)}", style="dim")
    return 0


def _say(report: CloseReport, verb: str, console: Console) -> None:
    """Tell what was issued, or would be, in a few lines."""
    console.print(
        f"[bold]{report.month}[/] {verb} {report.invoices} invoices on {report.monthly_bills} monthly bills and "
        f"{report.statements} reimbursement statements ({report.sessions:,} sessions, "
        f"{report.home_sessions:,} at home, {report.energy_kwh:,.1f} kWh)"
    )
    for totals in report.totals:
        console.print(
            f"  {totals.currency}: net {totals.net_total:,} + VAT {totals.vat_total:,} + rounding "
            f"{totals.rounding_amount:,} = [bold]{totals.total:,}[/] due, {totals.reimbursed:,} reimbursed"
        )
    console.print(f"  as of {report.as_of:%Y-%m-%d %H:%M} UTC, hash {report.outputs_sha256[:16]}", style="dim")
