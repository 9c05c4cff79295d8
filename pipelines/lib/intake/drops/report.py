"""What is to be said about the files that the newest pull found dropped: kept for its console, and whoever looks next.

Records and books are taken by different assets, so each keeps its own half, in the place of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from pipelines.lib.intake.files.report import FileReport
from pipelines.lib.lake import Lake

Kind = Literal["records", "books"]
_KINDS: Final[tuple[Kind, ...]] = ("records", "books")


class DropReport(msgspec.Struct, frozen=True, kw_only=True):
    """One line per file with problems, and per folder that nothing looks into."""

    rejected: tuple[str, ...] = ()
    """files of which nothing was loaded"""
    warnings: tuple[str, ...] = ()
    """files that were loaded and have problems, and files that lie where nobody looks"""


def keep_drop_report(lake: Lake, kind: Kind, files: Sequence[FileReport], strays: Sequence[str] = ()) -> None:
    """Put what is to be said in the place of what was said before."""
    report = DropReport(
        rejected=tuple(_line(each) for each in files if each.outcome == "rejected"),
        warnings=(*(_line(each) for each in files if each.outcome != "rejected" and each.problems), *strays),
    )
    lake.write_bytes(_path(lake, kind), msgspec.json.format(msgspec.json.encode(report), indent=1))


def last_drop_report(lake: Lake) -> DropReport:
    """Give what the newest pull had to say about dropped files; nothing where there was none."""
    paths = [path for kind in _KINDS if lake.fs.exists(path := _path(lake, kind))]
    found = [msgspec.json.decode(lake.read_bytes(path), type=DropReport) for path in paths]
    return DropReport(
        rejected=tuple(line for each in found for line in each.rejected),
        warnings=tuple(line for each in found for line in each.warnings),
    )


def _line(report: FileReport) -> str:
    return f"{report}; report: {report.report_file}" if report.report_file else str(report)


def _path(lake: Lake, kind: Kind) -> str:
    return f"{lake.root}/raw/last_drops_{kind}.json"
