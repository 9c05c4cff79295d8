"""The watched folder: files that are complete are loaded and moved aside with their report.

Layout: `<home>/drop/<connection>/<module>/FILE`; a version other than 2.2.1 is one more folder,
`<home>/drop/<connection>/<module>/2.3.0/FILE`; `<home>/drop/master/FILE` takes the eMSP's own books. A file that was
dealt with lies in `done/` or `rejected/` beside where it was, with `FILE.report.json` and `FILE.report.txt`. Files that
lie anywhere else are left alone, and every pull says so (`stray_folders.py`).

No symbolic link is followed below `drop` (`put_aside.py`). Whatever one file does to us, the others are taken.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.lib.errors import UserError
from pipelines.lib.intake.drops.master import finish_accepted, load_master_files
from pipelines.lib.intake.drops.put_aside import LINK, LinkFound, entered, make_way, put_aside
from pipelines.lib.intake.files.loading import MODULES, FileSource, load_file
from pipelines.lib.intake.files.report import FileFinding, FileReport, clipped, shown
from pipelines.lib.intake.files.stamp import Stamp, stamp
from pipelines.lib.lake import Lake
from pipelines.lib.settings import OcpiVersion, Settings

DROP: Final = "drop"
MASTER: Final = "master"
SETTLED_SECONDS: Final = 10.0
"""a file that was not written to for so long is complete; who sends more slowly uses `.part` names"""

_UNFINISHED: Final = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
VERSIONS: Final[tuple[OcpiVersion, ...]] = ("2.1.1", "2.2.1", "2.3.0")
_NOTHING: Final = "nothing of it was loaded"
_AGAIN: Final = "it stays where it is, and the next pull takes it again"

_Load = Callable[[Sequence[Path], Sequence[Stamp]], list[FileReport]]


def take_drops(settings: Settings, lake: Lake, *, settled_seconds: float = SETTLED_SECONDS) -> list[FileReport]:
    """Load every complete file of a connection's folders and move it aside; a bad file never stops the others."""
    reports: dict[str, FileReport] = {}
    for source, folder in places(settings):

        def load(paths: Sequence[Path], seen: Sequence[Stamp], source: FileSource = source) -> list[FileReport]:
            return [load_file(settings, lake, path, source, each) for path, each in zip(paths, seen, strict=True)]

        whose = (source.connection.connection_id, source.module, source.ocpi_version)
        place = _Place(settings.home / DROP, folder, *whose)
        for report in place.take(settled_seconds, load):
            reports.setdefault(report.file, report)  # a link above several places is told of once
    return list(reports.values())


def take_book_drops(settings: Settings, *, settled_seconds: float = SETTLED_SECONDS) -> list[FileReport]:
    """Lay complete files of `drop/master` over the books, all of them or none, and move them aside."""
    finish_accepted(settings)

    def load(paths: Sequence[Path], seen: Sequence[Stamp]) -> list[FileReport]:
        return load_master_files(settings, paths, seen)

    place = _Place(settings.home / DROP, settings.home / DROP / MASTER, MASTER, None, "-", are_one_change=True)
    return place.take(settled_seconds, load)


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that is looked into, and what is said of its files where they could not be loaded."""

    root: Path
    folder: Path
    connection_id: str
    module: str | None
    """None: each file's name says what it holds"""
    ocpi_version: str
    are_one_change: bool = False
    """whether files that are there together are taken together"""

    def take(self, settled_seconds: float, load: _Load) -> list[FileReport]:
        """Load the complete files of this folder and move them aside."""
        try:
            with entered(self.root, self.folder) as folder:
                if folder is None:
                    return []
                make_way(folder)
                files = complete_files(self.folder, settled_seconds)
                groups = [files] if self.are_one_change and files else [[file] for file in files]
                return [report for group in groups for report in self._take_group(folder, group, load)]
        except LinkFound as found:
            return [self._refused(found.path, str(found), "put a folder of its name in its place")]
        except OSError as error:
            return [self._refused(self.folder, f"it cannot be looked into ({error.strerror})", "see who may read it")]

    def _take_group(self, folder: int, paths: Sequence[Path], load: _Load) -> list[FileReport]:
        try:
            seen = _stamps(folder, paths)
            reports = self._loaded(folder, paths, seen, load)
            if _stamps(folder, paths) != seen:
                return []  # somebody still writes: left for the next round
        except OSError as error:  # a full disk is not the file's fault, and a file that may not be read can be mended
            message = f"it could not be loaded ({error.strerror or type(error).__name__})"
            return [self._refused(path, message, _NOTHING, _AGAIN) for path in paths]
        return [put_aside(folder, path, report) for path, report in zip(paths, reports, strict=True)]

    def _loaded(self, folder: int, paths: Sequence[Path], seen: Sequence[Stamp], load: _Load) -> list[FileReport]:
        for path in paths:
            if wrong := _oddity(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
                return [self._refused(each, f"{path.name} is {wrong}", "drop the file itself") for each in paths]
        try:
            return load(paths, seen)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - what no reader foresaw may cost this file, and never its neighbours
            message = str(error) if isinstance(error, UserError) else f"it cannot be read ({error!r})"
            return [self._refused(path, message, _NOTHING) for path in paths]

    def _refused(self, path: Path, message: str, remedy: str, left: str | None = None) -> FileReport:
        return FileReport(
            file=shown(str(path)),
            connection_id=self.connection_id,
            module=self.module or shown(path.name.partition(".")[0]),
            ocpi_version=self.ocpi_version,
            outcome="rejected",
            problems=1,
            findings=(FileFinding(line=None, record=None, message=clipped(message), remedy=remedy),),
            left=left,
        )


def _stamps(folder: int, paths: Sequence[Path]) -> list[Stamp]:
    return [stamp(os.stat(path.name, dir_fd=folder, follow_symlinks=False)) for path in paths]


def _oddity(mode: int) -> str | None:
    """Say what something is that cannot be read as a file."""
    if stat.S_ISLNK(mode):
        return LINK
    return None if stat.S_ISREG(mode) else "no file, but a pipe, a socket or a device"


def complete_files(folder: Path, settled_seconds: float) -> list[Path]:
    """Give the files of a folder that nobody is still writing, by name."""
    if not folder.is_dir():
        return []
    latest = time.time() - settled_seconds
    return [path for path in sorted(folder.iterdir()) if _is_complete(path, latest)]


def is_settled_name(name: str) -> bool:
    """Tell whether a file of that name has the name that it shall keep."""
    return not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def _is_complete(path: Path, latest: float) -> bool:
    if not is_settled_name(path.name):
        return False
    try:
        found = path.lstat()
    except FileNotFoundError:  # gone since the folder was listed
        return False
    return not stat.S_ISDIR(found.st_mode) and found.st_mtime <= latest


def places(settings: Settings) -> list[tuple[FileSource, Path]]:
    """Give every folder that is looked into, with what its files are."""
    return [
        (FileSource(connection, module, version or "2.2.1"), folder / version if version else folder)
        for connection in settings.connections
        for module in MODULES
        for folder in (settings.home / DROP / connection.connection_id / module,)
        for version in (None, *VERSIONS)
    ]
