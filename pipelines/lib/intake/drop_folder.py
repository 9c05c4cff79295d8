"""The watched folder: files that are complete are loaded and moved aside with their report.

Layout: `<home>/drop/<connection>/<module>/FILE`; a version other than 2.2.1 is one more folder,
`<home>/drop/<connection>/<module>/2.3.0/FILE`; `<home>/drop/master/FILE` takes the eMSP's own books. A file that was
dealt with lies in `done/` or `rejected/` beside where it was, with `FILE.report.json` and `FILE.report.txt`. Files that
lie anywhere else are left alone, and every pull says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import msgspec

from pipelines.lib.intake.file_drops import MODULES, FileSource, load_file
from pipelines.lib.intake.file_report import FileReport
from pipelines.lib.intake.master_drops import finish_accepted, load_master_files
from pipelines.lib.lake import Lake
from pipelines.lib.settings import OcpiVersion, Settings

DROP: Final = "drop"
MASTER: Final = "master"
DONE: Final = "done"
REJECTED: Final = "rejected"
SETTLED_SECONDS: Final = 10.0
"""a file that was not written to for so long is complete; who sends more slowly uses `.part` names"""

_UNFINISHED: Final = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
_VERSIONS: Final[tuple[OcpiVersion, ...]] = ("2.1.1", "2.2.1", "2.3.0")
_SAME: Final = 8
"""digits of the SHA-256 in the name of a file whose own name is taken"""


def take_drops(settings: Settings, lake: Lake, *, settled_seconds: float = SETTLED_SECONDS) -> list[FileReport]:
    """Load every complete file of a connection's folders and move it aside; a bad file never stops the others."""
    reports: list[FileReport] = []
    for source, folder in _places(settings):
        for path in complete_files(folder, settled_seconds):
            seen = path.stat()
            report = load_file(settings, lake, path, source)
            if path.stat().st_size == seen.st_size:  # else it grew meanwhile: left where it is, for the next round
                reports.append(_move(path, report))
    return reports


def take_book_drops(settings: Settings, *, settled_seconds: float = SETTLED_SECONDS) -> list[FileReport]:
    """Lay complete files of `drop/master` over the books, all of them or none, and move them aside."""
    finish_accepted(settings)
    books = complete_files(settings.home / DROP / MASTER, settled_seconds)
    reports = load_master_files(settings, books) if books else []
    return [_move(path, report) for path, report in zip(books, reports, strict=True)]


def stray_folders(settings: Settings) -> list[str]:
    """Say in a line each which folders below `drop` hold files that nothing looks into; the files stay there."""
    root = settings.home / DROP
    places = {root / MASTER, *(folder for _, folder in _places(settings))}
    ways = {parent for place in places for parent in place.parents if parent.is_relative_to(root)}
    return [
        f"{folder}: {_why(settings, folder.relative_to(root).parts)}; {_counted(files)} left there"
        for folder, files in _strays(root, places, ways)
    ]


def _strays(folder: Path, places: AbstractSet[Path], ways: AbstractSet[Path]) -> Iterator[tuple[Path, int]]:
    """Give the outermost folders that are no place and hold files, with the number of these."""
    within = _children(folder)
    for each in within:
        if each in places or each in ways:
            yield from _strays(each, places, ways)
        elif not each.is_dir() or each.name.startswith(".") or (folder in places and each.name in {DONE, REJECTED}):
            continue
        elif files := sum(map(_is_waiting, each.rglob("*"))):
            yield each, files
    if folder not in places and (files := sum(map(_is_waiting, within))):
        yield folder, files


def _children(folder: Path) -> list[Path]:
    """Give what a folder holds; nothing where it is not there or may not be listed."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _why(settings: Settings, parts: Sequence[str]) -> str:
    """Say why the files of a folder are not taken, and what to do."""
    declared = sorted(each.connection_id for each in settings.connections)
    match parts:
        case [unknown, *_] if unknown not in {*declared, MASTER}:
            known = ", ".join(declared) or "none"
            return f"connection {unknown!r} is not declared (declared: {known}): declare it, or move the files"
        case [books, *_] if books == MASTER:
            return f"books are taken from {DROP}/{MASTER} itself: move the files"
        case [_, unknown, *_] if unknown not in MODULES:
            return f"module {unknown!r} is not read from files (known: {', '.join(MODULES)}): move the files"
        case [_, _, unknown, *_]:
            return f"{unknown!r} is no version of OCPI that is read (known: {', '.join(_VERSIONS)}): move the files"
        case _:
            return f"files are taken from {DROP}/<connection>/<module>: move them there"


def _counted(files: int) -> str:
    return "1 file is" if files == 1 else f"{files} files are"


def complete_files(folder: Path, settled_seconds: float) -> list[Path]:
    """Give the files of a folder that nobody is still writing, by name."""
    if not folder.is_dir():
        return []
    latest = time.time() - settled_seconds
    return [path for path in sorted(folder.iterdir()) if _is_complete(path, latest)]


def _is_complete(path: Path, latest: float) -> bool:
    return _is_waiting(path) and not path.is_symlink() and path.stat().st_mtime <= latest


def _is_waiting(path: Path) -> bool:
    """Tell whether something is a file under the name that it shall have."""
    return not path.name.startswith(".") and not path.name.lower().endswith(_UNFINISHED) and path.is_file()


def _places(settings: Settings) -> list[tuple[FileSource, Path]]:
    """Give every folder that is looked into, with what its files are."""
    return [
        (FileSource(connection, module, version or "2.2.1"), folder / version if version else folder)
        for connection in settings.connections
        for module in MODULES
        for folder in (settings.home / DROP / connection.connection_id / module,)
        for version in (None, *_VERSIONS)
    ]


def _move(path: Path, report: FileReport) -> FileReport:
    """Write the report, then move the file: a file that is still there was not reported, and is dealt with again.

    Give the report with the place where it lies.
    """
    folder = path.parent / (REJECTED if report.outcome == "rejected" else DONE)
    folder.mkdir(exist_ok=True)
    name = path.name
    if (folder / name).exists() and (folder / name).read_bytes() != path.read_bytes():
        name = f"{(report.sha256 or f'{time.time_ns():x}')[:_SAME]}-{name}"
    told = folder / f"{name}.report.txt"
    report = msgspec.structs.replace(report, report_file=str(told))
    (folder / f"{name}.report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    told.write_text(report.as_text(), encoding="utf-8")
    path.replace(folder / name)
    return report
