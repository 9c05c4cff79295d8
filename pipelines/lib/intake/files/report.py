"""What became of a file: for a machine as JSON, for a person as one line per problem with its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

MOST_PROBLEMS: Final = 1000
"""written out; beyond them they are only counted"""


def shown(text: str) -> str:
    """Give a name or a cell as it can be written into one line: control characters and bytes that are no UTF-8 escaped.

    Names come from outside: one with a line end would make two lines of a report, one with an escape code would speak
    to the terminal, and one that is no UTF-8 could not be written at all.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def clipped(text: str, most: int = 500) -> str:
    """Give a message as one line of a length that a person reads: it may quote what a file has in place of a name."""
    return shown(text[:most]) + ("…" if len(text) > most else "")


class FileFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a file."""

    line: int | None
    """from 1; for a JSON array the number of the entry; None where it is the whole file"""
    record: str | None
    message: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one line."""
        where = "file" if self.line is None else f"line {self.line}"
        return f"{where}{f', {self.record}' if self.record else ''}: {self.message}; {self.remedy}"


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file."""

    file: str
    connection_id: str
    module: str
    ocpi_version: str
    outcome: Literal["loaded", "duplicate", "rejected"]
    sha256: str | None = None
    """of what the file says, unzipped"""
    pull_id: str | None = None
    """under which its records stand in the raw store"""
    records: int = 0
    problems: int = 0
    """records that intake will quarantine, or faults of the file; one that could not be moved has one more"""
    findings: tuple[FileFinding, ...] = ()
    notes: tuple[str, ...] = ()
    report_file: str | None = None
    """where this report lies as text, once the file was moved beside it"""
    left: str | None = None
    """why a dropped file lies still where it was"""

    def __str__(self) -> str:
        """Say it in one line."""
        if self.outcome == "rejected":
            said = f"rejected: {'; '.join(map(str, self.findings[:1]))}"
        elif self.outcome == "duplicate":
            said = "given before with the same content: nothing was loaded twice"
        else:
            wrong = self.problems - (self.left is not None)
            said = f"{self.records} records" + (f", {wrong} with problems" if wrong else "")
        left = f"; {self.left}" if self.left else ""
        return f"{self.connection_id}/{self.module} {Path(self.file).name}: {said}{left}"

    def as_text(self) -> str:
        """Give the report for a person."""
        lines = [str(self), *(f"note: {note}" for note in self.notes), *map(str, self.findings)]
        if self.problems > len(self.findings):
            lines.append(f"and {self.problems - len(self.findings)} more")
        return "\n".join(lines) + "\n"
