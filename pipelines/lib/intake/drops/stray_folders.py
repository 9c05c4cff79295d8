"""Dropped files that lie where nothing looks: told of at every pull, and left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from pipelines.lib.intake.drops.folder import DROP, MASTER, VERSIONS, is_settled_name, places
from pipelines.lib.intake.drops.put_aside import DONE, REJECTED
from pipelines.lib.intake.files.loading import MODULES
from pipelines.lib.settings import Settings


def stray_folders(settings: Settings) -> list[str]:
    """Say in a line each which folders below `drop` hold files that nothing looks into; the files stay there."""
    root = settings.home / DROP
    looked_into = {root / MASTER, *(folder for _, folder in places(settings))}
    ways = {parent for place in looked_into for parent in place.parents if parent.is_relative_to(root)}
    return [
        f"{folder}: {_why(settings, folder.relative_to(root).parts)}; {_counted(files)} left there"
        for folder, files in _strays(root, looked_into, ways)
    ]


def _strays(folder: Path, places: AbstractSet[Path], ways: AbstractSet[Path]) -> Iterator[tuple[Path, int]]:
    """Give the outermost folders that are no place and hold files, with the number of these."""
    within = _children(folder)
    for each in within:
        if each.is_symlink():
            continue  # whoever looks into such a folder says so, and what is behind it is none of ours
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
            return f"{unknown!r} is no version of OCPI that is read (known: {', '.join(VERSIONS)}): move the files"
        case _:
            return f"files are taken from {DROP}/<connection>/<module>: move them there"


def _counted(files: int) -> str:
    return "1 file is" if files == 1 else f"{files} files are"


def _is_waiting(path: Path) -> bool:
    """Tell whether something is a file under the name that it shall have."""
    return is_settled_name(path.name) and not path.is_symlink() and path.is_file()
