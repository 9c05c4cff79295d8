"""A folder into which others write: entered through no symbolic link, and what lies in it moved aside by name only.

Whoever may write into a drop folder may put a link there. Followed, it would have us read, move or overwrite files that
are none of theirs. So every step below the drop folder is taken from a folder that is already open (`dir_fd`), and a
report is made under a new name (`O_EXCL`) and renamed onto its place, which replaces a link and never follows it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pipelines.lib.intake.files.report import FileReport, shown

DONE: Final = "done"
REJECTED: Final = "rejected"
LINK: Final = "a symbolic link, and none is followed below the drop folder"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_LONGEST_NAME: Final = 255
"""bytes, on every usual file system"""
_JSON: Final = ".report.json"
_TEXT: Final = ".report.txt"
_SAME: Final = 8
"""digits of a SHA-256 in the name of a file whose own name is taken, or too long"""
_BLOCK: Final = 1 << 20


class LinkFound(Exception):  # noqa: N818 - what somebody put there is a finding, not a defect
    """A symbolic link where a folder is looked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is {LINK}")
        self.path = path


@contextmanager
def entered(root: Path, folder: Path) -> Iterator[int | None]:
    """Open a folder below `root` level by level; give None where it is not there, or is no folder.

    `root` itself may be a link: it is the operator's, and nobody else writes beside it.

    Raises:
        LinkFound: for a symbolic link at any level below `root`.
    """
    with contextlib.ExitStack() as opened:
        at, path = _opened(root, os.O_RDONLY | os.O_DIRECTORY), root
        for name in folder.relative_to(root).parts:
            if at is None:
                break
            opened.callback(os.close, at)
            path /= name
            if _is_link(name, at):
                raise LinkFound(path)
            at = _opened(name, _FOLDER, at)
        else:
            if at is not None:
                opened.callback(os.close, at)
        yield at


def make_way(folder: int) -> None:
    """Give whatever is called like a folder of ours, and is none, another name: it would block all that lies beside."""
    for name in (DONE, REJECTED):
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(_status(name, folder).st_mode):
                os.rename(name, _free(f"{name}.renamed", folder), src_dir_fd=folder, dst_dir_fd=folder)


def put_aside(folder: int, path: Path, report: FileReport) -> FileReport:
    """Write the report of a file, then move the file: one that is still there was not reported, and is taken again.

    Args:
        folder: the open folder in which the file lies.
        path: of the file, for its name and for what is said about it.
        report: what became of it.

    Give the report with the place where it lies, or with why the file could not be moved.
    """
    into = REJECTED if report.outcome == "rejected" else DONE
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(into, dir_fd=folder)
        aside = os.open(into, _FOLDER, dir_fd=folder)
        try:
            return _put(folder, aside, path, into, report)
        finally:
            os.close(aside)
    except OSError as error:
        left = f"it could not be moved to {into} ({error.strerror}) and stays where it is: see who may write there"
        return msgspec.structs.replace(report, problems=report.problems + 1, left=left)


def _put(folder: int, aside: int, path: Path, into: str, report: FileReport) -> FileReport:
    name = _fitting(path.name, _LONGEST_NAME)
    if _is_there(name, aside) and not _is_same(path.name, folder, name, aside):
        name = _fitting(f"{(report.sha256 or f'{time.time_ns():x}')[:_SAME]}-{path.name}", _LONGEST_NAME)
    stem = _fitting(name, _LONGEST_NAME - len(_JSON))
    told = msgspec.structs.replace(report, report_file=shown(str(path.parent / into / f"{stem}{_TEXT}")))
    _write(aside, f"{stem}{_JSON}", msgspec.json.format(msgspec.json.encode(told), indent=1))
    _write(aside, f"{stem}{_TEXT}", told.as_text().encode())
    os.rename(path.name, name, src_dir_fd=folder, dst_dir_fd=aside)
    return told


def _write(folder: int, name: str, content: bytes) -> None:
    beside = f".{secrets.token_hex(_SAME)}.tmp"
    made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    try:
        with os.fdopen(made, "wb") as file:
            file.write(content)
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise


def _opened(path: str | Path, flags: int, folder: int | None = None) -> int | None:
    try:
        return os.open(path, flags, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _status(name: str, folder: int) -> os.stat_result:
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def _is_there(name: str, folder: int) -> bool:
    try:
        _status(name, folder)
    except FileNotFoundError:
        return False
    return True


def _is_link(name: str, folder: int) -> bool:
    return _is_there(name, folder) and stat.S_ISLNK(_status(name, folder).st_mode)


def _is_same(name: str, folder: int, other: str, aside: int) -> bool:
    """Tell whether two names stand for regular files of the same bytes."""
    one, two = _status(name, folder), _status(other, aside)
    if not stat.S_ISREG(one.st_mode) or not stat.S_ISREG(two.st_mode) or one.st_size != two.st_size:
        return False
    with _reading(name, folder) as first, _reading(other, aside) as second:
        while block := first.read(_BLOCK):
            if block != second.read(_BLOCK):
                return False
    return True


def _reading(name: str, folder: int) -> io.BufferedReader:
    return os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb")


def _free(name: str, folder: int) -> str:
    return f"{name}-{secrets.token_hex(_SAME)}" if _is_there(name, folder) else name


def _fitting(name: str, most: int) -> str:
    """Give a name that is no longer than a file system takes: cut, and told from its like by a few digits."""
    encoded = os.fsencode(name)
    if len(encoded) <= most:
        return name
    mark = hashlib.sha256(encoded).hexdigest()[:_SAME]
    return f"{encoded[: most - _SAME - 1].decode(errors='ignore')}~{mark}"
