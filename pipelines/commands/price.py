"""`roamledger price`: prices JSON lines of CDRs with their tariffs, exactly, and tells why."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.ocpi.frames import tariff_version_id
from pipelines.lib.errors import UserError
from pipelines.lib.price_lines import Answer, PriceLine, Row, as_json, plain, price_lines

_NUMBER_COLUMNS = ("volume", "unit price", "VAT %", "excl. VAT", "incl. VAT")


def run(path: Path, explain: bool, output: Path | None, console: Console) -> int:  # noqa: FBT001 - as typer gives it
    """Price a file; give the exit code: 1 if any line has an error, else 0.

    Args:
        path: JSON lines as `pipelines.lib.price_lines` describes them.
        explain: tell the story of every line on the console, from its component rows.
        output: where the answers go as JSON lines; standard output if absent and nothing is explained.
        console: shows the stories, and the summary of what went to a file.

    Raises:
        UserError: when the file cannot be read or written.
    """
    answers = price_lines(_read(path))
    if output is not None:
        _write(output, answers)
    elif not explain:
        sys.stdout.writelines(_json_lines(answers))
    if explain:
        for answer in answers:
            _tell(answer, console)
    failed = sum(answer.error is not None for answer in answers)
    if output is not None:
        console.print(f"{len(answers) - failed} of {len(answers)} lines priced, {failed} with an error: {output}")
    return 1 if failed else 0


def _read(path: Path) -> list[str]:
    try:
        # Not splitlines(): it also splits at characters that JSON allows inside a text.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise UserError(msg) from None


def _write(output: Path, answers: list[Answer]) -> None:
    try:
        output.write_text("".join(_json_lines(answers)), encoding="utf-8")
    except OSError as error:
        msg = f"{output} cannot be written: {error}"
        raise UserError(msg) from None


def _json_lines(answers: list[Answer]) -> list[str]:
    return [json.dumps(as_json(answer), ensure_ascii=False) + "\n" for answer in answers]


def _tell(answer: Answer, console: Console) -> None:
    """Say for each amount of a line which component of which tariff it comes from."""
    if answer.error is not None or answer.cdr is None or answer.line is None:
        console.print(f"[bold]{escape(str(answer.line_id))}[/]: [red]{escape(str(answer.error))}[/]\n", highlight=False)
        return
    table = Table(title=_title(answer.cdr, answer.line), title_justify="left", box=SIMPLE)
    for heading in ("what", "from", "element"):
        table.add_column(heading)
    for heading in _NUMBER_COLUMNS:
        # Folded, never cut: a digit that is missing is a wrong number.
        table.add_column(heading, justify="right", overflow="fold")
    for row in answer.components:
        table.add_row(*_told(row, answer.line))
    table.add_section()
    table.add_row("[bold]total[/]", "", "", "", "", "", *_amounts(answer.cdr, "total_excl_vat", "total_incl_vat"))
    console.print(table)
    for note in (*answer.line.cdr.notes, *_notes(answer.cdr)):
        console.print(f"  note: {escape(note)}", highlight=False)
    console.print(f"  policy: {answer.cdr['policy']}\n", highlight=False)


def _notes(cdr: Row) -> list[str]:
    notes = cdr["notes"]
    return [str(note) for note in notes] if isinstance(notes, list) else []


def _told(row: Row, line: PriceLine) -> tuple[str, ...]:
    return (
        _what(row),
        _since(row, line),
        _component(row),
        plain(row["volume"]) or "",
        plain(row["unit_price"]) or "",
        plain(row["vat_rate_pct"]) or "",
        *_amounts(row, "amount_excl_vat", "amount_incl_vat"),
    )


def _amounts(row: Row, *names: str) -> tuple[str, ...]:
    return tuple(plain(row[name]) or "unknown" for name in names)


def _what(row: Row) -> str:
    if row["kind"] == "limit":
        return "min_price or max_price"
    scope = "reservation " if row["is_reservation"] else ""
    step = " (step_size)" if row["kind"] == "step" else ""
    return f"{scope}{row['dimension']}{step}"


def _since(row: Row, line: PriceLine) -> str:
    """Give the local start of the period that the row belongs to."""
    index = row["period_index"]
    if not isinstance(index, int):
        return ""
    start = sorted(period.started_at for period in line.cdr.periods)[index]
    zone = ZoneInfo(line.time_zone) if line.time_zone else start.tzinfo
    return f"{start.astimezone(zone):%a %H:%M:%S}"


def _component(row: Row) -> str:
    """Give the place in the tariff, counted from 0 as OCPI's lists are: element.component."""
    return "" if row["element_index"] is None else f"{row['element_index']}.{row['component_index']}"


def _title(cdr: Row, line: PriceLine) -> str:
    tariffs = {tariff_version_id(tariff): tariff.tariff_id for tariff in line.tariffs}
    version = cdr["tariff_version_id"]
    by = f"tariff {tariffs[version]}, version {version}" if isinstance(version, str) else "several tariffs"
    return escape(f"{line.line_id}: {cdr['currency']}, {by}")
