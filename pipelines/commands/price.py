"""`roamledger price`: prices JSON lines of CDRs with their tariffs, exactly, and tells why."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.rating.policy import PolicyError
from pipelines.lib.errors import UserError
from pipelines.lib.explanations import explained, readable
from pipelines.lib.price_lines import Answer, as_json, price_lines
from pipelines.lib.terminal import Terminal
from reports.explanation import ExplainedLine, ExplainedRow, page

_NUMBER_COLUMNS: Final = ("volume", "billed", "unit price", "VAT", "excl. VAT", "incl. VAT")
_ERRORS_SHOWN: Final = 20
_BLOCK: Final = 2_000
"""Lines priced together: enough for the kernel to be quick, few enough that a file of any length fits in memory."""
_PLACES: Final = (
    "Places are element.component, counted from 0 as in the OCPI list; times are local to the charge point."
)


@dataclass
class _Tally:
    """What is said at the end: how many lines were answered, and which could not be priced."""

    lines: int = 0
    failed: int = 0
    shown: list[Answer] = field(default_factory=list)
    """the first that failed"""

    def add(self, answers: Sequence[Answer]) -> None:
        """Count some answers."""
        failed = [answer for answer in answers if answer.error is not None]
        self.lines += len(answers)
        self.failed += len(failed)
        self.shown += failed[: _ERRORS_SHOWN - len(self.shown)]


def run(
    path: Path,
    explain: bool,  # noqa: FBT001 - as typer gives it
    output: Path | None,
    console: Console,
    html: Path | None = None,
    policies: Sequence[str] = (),
) -> int:
    """Price a file block by block; give the exit code: 1 if any line has an error, else 0.

    Args:
        path: JSON lines as `pipelines.lib.price_lines` describes them.
        explain: tell the story of every line on the console, from its component rows.
        output: where the answers go as JSON lines; standard output if absent and nothing is explained.
        console: shows the stories, and the summary of what went to a file.
        html: where the stories go as one page; it alone keeps every line in memory.
        policies: choices on contested points as NAME=VALUE, for lines that do not choose themselves.

    Raises:
        UserError: when a file cannot be read or written, or a policy does not exist.
    """
    tally, stories = _Tally(), list[ExplainedLine]()
    if explain:
        console.print(f"{_PLACES}\n", highlight=False)
    with _sink(output, is_quiet=explain or html is not None) as sink:
        for first, lines in _blocks(path):
            answers = _priced(lines, policies, first)
            tally.add(answers)
            sink.writelines(_json_lines(answers))
            told = [explained(answer) for answer in answers] if explain or html is not None else []
            for line in told if explain else ():
                _tell(line, console)
            stories += told if html is not None else ()
    if html is not None:
        _write(html, page(stories))
    _summarise(tally, [file for file in (output, html) if file is not None], console, is_told=explain)
    return 1 if tally.failed else 0


def _blocks(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Read a file in blocks of lines, each with the number of its first; only a line feed ends a line of JSON."""
    try:
        with path.open("rb") as file:
            first = 1
            while lines := list(islice(file, _BLOCK)):
                yield first, lines
                first += len(lines)
    except OSError as error:
        msg = f"{path} cannot be read: {error}"
        raise UserError(msg) from None


@contextmanager
def _sink(output: Path | None, *, is_quiet: bool) -> Iterator[TextIO]:
    """Give where answers are written: a file that appears when it is whole, standard output, or nowhere."""
    if output is None:
        yield io.StringIO() if is_quiet else sys.stdout
        return
    if output.exists() and not output.is_file():  # a pipe or a terminal has no place beside it
        with output.open("w", encoding="utf-8") as file:
            yield file
        return
    beside = output.with_name(f"{output.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        beside.replace(output)
    except OSError as error:
        msg = f"{output} cannot be written: {error}"
        raise UserError(msg) from None
    finally:
        beside.unlink(missing_ok=True)


def _priced(lines: Iterable[bytes], policies: Sequence[str], first: int) -> list[Answer]:
    pairs = [policy.partition("=") for policy in policies]
    try:
        return price_lines(lines, {name.strip(): value.strip() for name, _, value in pairs}, first)
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


def _summarise(tally: _Tally, files: Sequence[Path], console: Console, *, is_told: bool) -> None:
    """Say how many lines were priced, and name the others by their line and id.

    Where the answers themselves go to standard output, this goes beside them, to standard error.
    """
    if not files and not tally.failed:
        return
    where = console if files or is_told else Terminal(stderr=True)
    names = f": {escape(', '.join(map(str, files)))}" if files else ""
    priced = tally.lines - tally.failed
    where.print(f"{priced} of {tally.lines} lines priced, {tally.failed} with an error{names}", highlight=False)
    for answer in tally.shown:
        who = "no id" if answer.line_id is None else readable(answer.line_id)
        reason = readable(answer.error).removeprefix(f"line {answer.number}: ")
        where.print(f"  line {answer.number}, {escape(who)}: {escape(reason)}", highlight=False)
    if tally.failed > len(tally.shown):
        where.print(f"  and {tally.failed - len(tally.shown)} more")


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
