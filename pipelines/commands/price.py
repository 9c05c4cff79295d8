"""`roamledger price`: prices JSON lines of CDRs with their tariffs, exactly, and tells why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.rating.policy import PolicyError
from pipelines.lib.errors import UserError
from pipelines.lib.explanations import explained, readable
from pipelines.lib.price_lines import Answer, as_json, price_lines
from reports.explanation import ExplainedLine, ExplainedRow, page

_NUMBER_COLUMNS: Final = ("volume", "billed", "unit price", "VAT", "excl. VAT", "incl. VAT")
_ERRORS_SHOWN: Final = 20
_PLACES: Final = (
    "Places are element.component, counted from 0 as in the OCPI list; times are local to the charge point."
)


def run(
    path: Path,
    explain: bool,  # noqa: FBT001 - as typer gives it
    output: Path | None,
    console: Console,
    html: Path | None = None,
    policies: Sequence[str] = (),
) -> int:
    """Price a file; give the exit code: 1 if any line has an error, else 0.

    Args:
        path: JSON lines as `pipelines.lib.price_lines` describes them.
        explain: tell the story of every line on the console, from its component rows.
        output: where the answers go as JSON lines; standard output if absent and nothing is explained.
        console: shows the stories, and the summary of what went to a file.
        html: where the stories go as one page.
        policies: choices on contested points as NAME=VALUE, for lines that do not choose themselves.

    Raises:
        UserError: when a file cannot be read or written, or a policy does not exist.
    """
    texts = _read(path)
    answers = _priced(texts, policies)
    if output is not None:
        _write(output, "".join(_json_lines(answers)))
    elif not explain and html is None:
        sys.stdout.writelines(_json_lines(answers))
    if html is not None:
        _write(html, page([explained(answer) for answer in answers]))
    if explain:
        console.print(f"{_PLACES}\n", highlight=False)
        for answer in answers:
            _tell(explained(answer), console)
    failed = sum(answer.error is not None for answer in answers)
    files = [file for file in (output, html) if file is not None]
    if files:
        _summarise(texts, answers, files, console)
    return 1 if failed else 0


def _read(path: Path) -> list[str]:
    try:
        # Not splitlines(): it also splits at characters that JSON allows inside a text.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise UserError(msg) from None


def _priced(texts: Iterable[str], policies: Sequence[str]) -> list[Answer]:
    pairs = [policy.partition("=") for policy in policies]
    try:
        return price_lines(texts, {name.strip(): value.strip() for name, _, value in pairs})
    except PolicyError as error:
        msg = f"--policy: {error}"
        raise UserError(msg) from None


def _write(file: Path, text: str) -> None:
    try:
        _ = file.write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{file} cannot be written: {error}"
        raise UserError(msg) from None


def _json_lines(answers: list[Answer]) -> list[str]:
    return [json.dumps(as_json(answer), ensure_ascii=False) + "\n" for answer in answers]


def _summarise(texts: Sequence[str], answers: Sequence[Answer], files: Sequence[Path], console: Console) -> None:
    """Say how many lines were priced, and name the others by their line and id."""
    numbers = [number for number, text in enumerate(texts, start=1) if text.strip("\ufeff \t\r\n")]
    failed = [(number, answer) for number, answer in zip(numbers, answers, strict=True) if answer.error is not None]
    names = escape(", ".join(map(str, files)))
    console.print(f"{len(answers) - len(failed)} of {len(answers)} lines priced, {len(failed)} with an error: {names}")
    for number, answer in failed[:_ERRORS_SHOWN]:
        who = "no id" if answer.line_id is None else readable(answer.line_id)
        reason = readable(answer.error).removeprefix(f"line {number}: ")
        console.print(f"  line {number}, {escape(who)}: {escape(reason)}", highlight=False)
    if len(failed) > _ERRORS_SHOWN:
        console.print(f"  and {len(failed) - _ERRORS_SHOWN} more")


def _tell(line: ExplainedLine, console: Console) -> None:
    """Say for each amount of a line which component of which tariff it comes from."""
    if line.error:
        console.print(f"[bold]{escape(line.line_id)}[/]: [red]{escape(line.error)}[/]", highlight=False)
    else:
        console.print(_table(line))
    for sentence in (*_components(line.rows), *line.proof, *line.interval, *(f"note: {note}" for note in line.notes)):
        console.print(f"  {escape(sentence)}", highlight=False)
    if not line.error:
        chosen = [f"{choice.name}={choice.value}" for choice in line.policies if not choice.is_default]
        console.print(f"  policy: {escape('; '.join(chosen)) or 'all defaults'}", highlight=False)
    console.print()


def _table(line: ExplainedLine) -> Table:
    title = escape(f"{line.line_id}: {line.currency}, {line.tariffs}\n{line.session}")
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("what", "from", "place"):
        table.add_column(heading)
    for heading in _NUMBER_COLUMNS:
        # Folded, never cut: a digit that is missing is a wrong number.
        table.add_column(heading, justify="right", overflow="fold")
    for row in line.rows:
        table.add_row(*map(escape, _cells(row)))
    table.add_section()
    table.add_row("[bold]total[/]", *[""] * 6, line.total_excl_vat, line.total_incl_vat)
    return table


def _cells(row: ExplainedRow) -> tuple[str, ...]:
    volumes = (f"{volume} {row.unit}".rstrip() if volume else "" for volume in (row.volume, row.billed_volume))
    return (row.what, row.period, row.place, *volumes, row.unit_price, row.vat, row.excl_vat, row.incl_vat)


def _components(rows: Iterable[ExplainedRow]) -> list[str]:
    """Say once for each component whose it is and when it applies."""
    told = (f"{row.place} of {row.tariff}: {row.applies or 'no restrictions'}" for row in rows if row.place)
    return list(dict.fromkeys(told))
