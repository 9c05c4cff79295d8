"""Files of the eMSP's own books: held against all others before any of them replaces what is in force.

Files that are there together are one change: all are taken, or none. What was accepted is first put aside under one
name (`.accepted`), then laid over the books file by file; a process killed in between is finished by the next one.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from models.schemas.registry import TABLES, Layer
from pipelines.lib.errors import UserError
from pipelines.lib.intake.files.formats import FileProblem
from pipelines.lib.intake.files.report import FileFinding, FileReport, clipped, shown
from pipelines.lib.intake.files.stamp import Stamp, hold_unchanged
from pipelines.lib.master_data import PLAN_TARIFFS, load_master
from pipelines.lib.settings import Settings

NAMES: Final = frozenset({f"{table.name}.csv" for table in TABLES if table.layer == Layer.MASTER} | {PLAN_TARIFFS})
_ACCEPTED: Final = ".accepted"
_MEND: Final = "correct it and give the files again; the books in force stay as they are"


def load_master_files(
    settings: Settings, paths: Sequence[Path], seen: Sequence[Stamp] | None = None
) -> list[FileReport]:
    """Lay files over the books, if the books as a whole still hold; the files themselves stay where they are.

    Files that are not as they were `seen` are refused: half of one may hold as well as the whole.
    """
    finish_accepted(settings)
    unknown = [path for path in paths if path.name not in NAMES]
    if unknown:
        message = f"{shown(unknown[0].name)} is no file of the books (known: {', '.join(sorted(NAMES))})"
        return [_report(path, message) for path in paths]
    with tempfile.TemporaryDirectory(prefix="books-", dir=_made(settings.home)) as folder:
        books = Path(folder)
        _overlay(settings, books, paths)
        try:
            for path, each in zip(paths, seen or (), strict=seen is not None):
                hold_unchanged(each, path.lstat())
            _hold_to_text(books, paths)
            load_master(books)
        except (UserError, FileProblem) as error:
            return [_report(path, str(error).replace(f"{books}{os.sep}", "")) for path in paths]
        _accept(settings, books, paths)
    finish_accepted(settings)
    return [_report(path, None) for path in paths]


def finish_accepted(settings: Settings) -> None:
    """Lay what was accepted over the books; again, where a process was killed while it did."""
    accepted = settings.home / _ACCEPTED
    if not accepted.is_dir():
        return
    for path in sorted(accepted.iterdir()):
        beside = _made(settings.master) / f".{path.name}.tmp"
        shutil.copyfile(path, beside)
        beside.replace(settings.master / path.name)
    shutil.rmtree(accepted)


def _overlay(settings: Settings, books: Path, paths: Sequence[Path]) -> None:
    for name in sorted(NAMES):
        if (settings.master / name).is_file():
            shutil.copyfile(settings.master / name, books / name)
    for path in paths:
        shutil.copyfile(path, books / path.name)


def _hold_to_text(books: Path, paths: Sequence[Path]) -> None:
    """Hold files to what `load_master` reads: UTF-8, and CSV whose cells are no longer than any book's."""
    for path in paths:
        try:
            with (books / path.name).open(encoding="utf-8", newline="") as file:
                for _ in csv.reader(file) if path.suffix == ".csv" else iter(lambda: file.read(1 << 20), ""):
                    pass
        except UnicodeDecodeError:
            msg = f"{path.name} is no UTF-8: save it as UTF-8"
            raise FileProblem(msg) from None
        except csv.Error as error:
            msg = f"{path.name} is no CSV ({error}): a quote may be missing"
            raise FileProblem(msg) from None


def _accept(settings: Settings, books: Path, paths: Sequence[Path]) -> None:
    """Put the new files aside under one name, with one rename: from here on they count."""
    aside = books / "new"
    aside.mkdir()
    for path in paths:
        shutil.copyfile(books / path.name, aside / path.name)
    aside.rename(settings.home / _ACCEPTED)


def _report(path: Path, fault: str | None) -> FileReport:
    findings = () if fault is None else (FileFinding(line=None, record=None, message=clipped(fault), remedy=_MEND),)
    return FileReport(
        file=shown(str(path)),
        connection_id="master",
        module=shown(path.name.partition(".")[0]),
        ocpi_version="-",
        outcome="rejected" if fault else "loaded",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        records=0 if fault else max(0, path.read_bytes().count(b"\n") - 1),
        problems=len(findings),
        findings=findings,
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
