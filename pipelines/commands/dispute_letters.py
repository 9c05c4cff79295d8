"""`roamledger disputes letters`: a message per CPO about its live cases of a period, ready to be sent by a person."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rich.console import Console

from pipelines.commands.close import parse_month
from pipelines.lib.dispute_letters import Period, letters, write_letter
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import case_states
from pipelines.lib.settings import load_settings


def write(month: str, first: str, last: str, cpo: str, output: Path | None, console: Console) -> int:
    """Write the letters of a period and say where they are; give exit 0.

    Raises:
        UserError: when the period is none, or the folder cannot be written.
    """
    settings = load_settings()
    period = _period(month, first, last, settings.clock().date())
    with Register(settings.register).reading() as tx:
        states = case_states(tx)
    folder = output or settings.documents / str(period) / "letters"
    made = letters(Lake(settings.lake), states.values(), period, cpo.upper().replace("-", "*"))
    for letter in made:
        files = write_letter(folder, letter)
        told = f"{letter.cpo_id} ({letter.language}, {len(letter.cases):,} cases): {files.message}, {files.attachment}"
        console.print(told, soft_wrap=True, highlight=False, markup=False)
    if not made:
        console.print(f"No live case of {period} asks for a letter.", soft_wrap=True, markup=False)
    return 0


def _period(month: str, first: str, last: str, today: date) -> Period:
    if bool(month) == bool(first) or (last and not first):
        msg = "name the cases: either --month 2026-10, or --from 2026-11-01 with or without --to 2026-11-15"
        raise UserError(msg)
    if month:
        return Period.of_month(parse_month(month))
    period = Period(_day("--from", first), _day("--to", last) if last else today)
    if period.last_day < period.first_day:
        msg = f"--to {period.last_day} lies before --from {period.first_day}: exchange them"
        raise UserError(msg)
    return period


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        msg = f"{option} {text!r} is no day: write it such as 2026-11-01"
        raise UserError(msg) from None
