"""The spool: pushes are on the disk before they are answered, many in one write.

Layout below `<home>/receiver/`:

* `spool/<sequence>.open`: the segment being written, one entry a line. Whoever waits while a write is under way shares
  the next one: one `fsync` for all of them;
* `spool/<pull id>.closed`: a segment that is full or old enough, on its way into the raw store;
* `lock`: held by the one process that writes: the receiver, or a pull that takes over what a killed one left.

A process killed at any point leaves at most a last line that was torn; nobody was answered for it, so it is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pipelines.lib.errors import UserError
from pipelines.receiver.entries import Entry, decoded, encoded
from pipelines.receiver.objects import ObjectIndex

OPEN: Final = ".open"
CLOSED: Final = ".closed"

_PATIENCE_SECONDS: Final = 1.0
"""so long the lock is tried for: who only looks whether somebody receives holds it as well, for a moment"""

logger = logging.getLogger("roamledger.receiver")


@dataclass(frozen=True, slots=True)
class Limits:
    """When a segment is closed."""

    segment_bytes: int = 8 << 20
    segment_seconds: float = 30.0
    """so long a push may take to reach the raw store"""


@dataclass
class SegmentWriter:
    """Writes segments, from one thread."""

    folder: Path
    index: ObjectIndex
    clock: Callable[[], datetime]
    limits: Limits = field(default_factory=Limits)
    _handle: int = -1
    _path: Path = Path()
    _size: int = 0
    _opened: float = 0.0

    def write(self, entries: list[Entry]) -> None:
        """Make entries durable, then known to the index; on an error nothing of them is left behind."""
        if self._handle < 0:
            self._open(entries[0].sequence)
        content = b"".join(map(encoded, entries))
        try:
            _write_all(self._handle, content)
            os.fdatasync(self._handle)
        except OSError:
            # What was half written must not become the beginning of the next entry's line.
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            raise
        self._size += len(content)
        self.index.apply(entries)

    def close_if_due(self, *, force: bool = False) -> bool:
        """Close the segment that is full or old enough; tell whether one was closed."""
        full = self._size >= self.limits.segment_bytes
        old = time.monotonic() - self._opened >= self.limits.segment_seconds
        if self._handle < 0 or not (full or old or force):
            return False
        os.close(self._handle)
        self._handle = -1
        close_segment(self._path, self.clock())
        return True

    def _open(self, sequence: int) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = self.folder / f"{sequence:020d}{OPEN}"
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size, self._opened = 0, time.monotonic()
        sync(self.folder)


class Spool:
    """The spool of one home, for handlers of one event loop."""

    def __init__(self, writer: SegmentWriter, publish: Callable[[], object]) -> None:
        self._writer = writer
        self._publish = publish
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._store = ThreadPoolExecutor(1, thread_name_prefix="publish")
        self._flushing: asyncio.Task[None] | None = None
        self._publishing: asyncio.Task[None] | None = None
        """held, because a task that nobody holds may be collected before it is done"""
        self._last = writer.index.last_sequence()

    def next_sequence(self) -> int:
        """Give a number above all given before; it follows the machine's clock where that does not go back."""
        self._last = max(self._last + 1, time.time_ns())
        return self._last

    async def append(self, entry: Entry) -> None:
        """Return when the entry is on the disk and in the index; raise `OSError` where it could not be written."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def roll_regularly(self) -> None:
        """Close the segment when it is old enough, and publish what is closed, until cancelled."""
        while True:
            await asyncio.sleep(min(self._writer.limits.segment_seconds / 4, 5.0))
            await self._on_disk(self._writer.close_if_due)
            await self._published()

    async def stop(self) -> None:
        """Publish everything and end the threads; no handler may be waiting any more."""
        if self._flushing is not None:
            await self._flushing
        await self._on_disk(lambda: self._writer.close_if_due(force=True))
        await self._published()
        self._disk.shutdown()
        self._store.shutdown()

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._on_disk(functools.partial(self._writer.write, [entry for entry, _ in batch]))
            except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must be told, or wait for ever
                _settle(batch, error)
            else:
                _settle(batch, None)
            if await self._on_disk(self._writer.close_if_due):
                self._publishing = asyncio.create_task(self._published())

    async def _on_disk(self, work: Callable[[], object]) -> object:
        """Run a piece of work in the one thread that writes segments."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    async def _published(self) -> None:
        """Publish closed segments; where that fails they stay, and the next round tries again."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._store, self._publish)
        except Exception as error:  # noqa: BLE001 - pushes are safe in the spool; the store may come back
            logger.error("segments could not be published: %s", type(error).__name__)  # noqa: TRY400


def recover(folder: Path, index: ObjectIndex, now: datetime) -> None:
    """Take over what a killed process left: cut torn lines off, tell the index, close the segments."""
    for path in sorted(folder.glob(f"*{OPEN}")):
        _cut_torn_line(path)
        entries = list(read_segment(path))
        if entries:
            index.apply(entries)
            close_segment(path, now)
        else:
            path.unlink()
    for path in sorted(folder.glob(f"*{CLOSED}")):
        index.apply(read_segment(path))


def close_segment(path: Path, now: datetime) -> Path:
    """Give a segment the id of the pull that it will be: when it was closed, and a number that never repeats."""
    closed = path.with_name(f"{now:%Y%m%dT%H%M%SZ}-push-{path.stem}{CLOSED}")
    path.rename(closed)
    sync(path.parent)
    return closed


def read_segment(path: Path) -> Iterator[Entry]:
    """Give the entries of a segment, in the order in which they were accepted.

    Raises:
        UserError: for a line that was changed after it was written; it was acknowledged, so it is not passed over.
    """
    with path.open("rb") as file:
        yield from _entries(path, file)


def _entries(path: Path, lines: Iterable[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        try:
            yield decoded(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            msg = f"spool segment {path}, line {number} is damaged: restore it from a backup, or move it aside"
            raise UserError(msg) from None


def _whole_lines(content: bytes) -> list[bytes]:
    """Give the lines that were written to their end: nobody was answered yet for what comes behind them."""
    return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)


def read_waiting(folder: Path) -> list[Entry]:
    """Give what waits in a spool, in the order in which it was accepted, while somebody may be writing and publishing.

    Raises:
        UserError: for a line that is damaged, as `read_segment`.
    """
    found: dict[int, Entry] = {}
    # What is renamed meanwhile is met as the one, as the other, or as both; what is gone is in the raw store.
    for suffix in (OPEN, CLOSED):
        for path in folder.glob(f"*{suffix}"):
            with contextlib.suppress(FileNotFoundError):
                found |= {entry.sequence: entry for entry in _entries(path, _whole_lines(path.read_bytes()))}
    return [found[sequence] for sequence in sorted(found)]


def lock(folder: Path) -> int:
    """Take the lock of a home's receiver; a `UserError` where another process holds it. Closing the handle frees it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            os.close(handle)
            msg = f"another `roamledger serve` writes to {folder}: stop it first, or set another ROAMLEDGER_HOME"
            raise UserError(msg) from None
        return handle


def is_locked(folder: Path) -> bool:
    """Tell whether a process holds the lock of a home's receiver."""
    try:
        handle = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _cut_torn_line(path: Path) -> None:
    """Cut off a last line that was not written to its end; a power cut may leave one that cannot be read."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    begin = content.rfind(b"\n", 0, max(whole - 1, 0)) + 1
    try:
        if whole:
            decoded(content[begin:whole])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        whole = begin
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
            file.flush()
            os.fsync(file.fileno())


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _settle(batch: list[tuple[Entry, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, done in batch:
        if done.done():  # its request was cancelled: the peer hung up while it waited
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
