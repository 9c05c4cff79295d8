"""What peers were told that we have and intake has not read yet: taking it over, and refusing to forget it.

A receiver publishes its spool by itself, half a minute after a push at the latest. One that was killed does not: the
next pull takes its spool over, under the same lock. A close must not pass over either, because an acknowledged CDR
would be missing from the month that it belongs to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.problems import RecordProblem
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.company import company_zone
from pipelines.lib.errors import UserError
from pipelines.lib.intake.identity import names_in, record_key
from pipelines.lib.intake.readers import READERS, PageContext
from pipelines.lib.intake.readers.decoding import as_object, decoded_record
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import alpha2_by_alpha3
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Settings
from pipelines.lib.verification.breach import Breach
from pipelines.receiver.entries import Entry
from pipelines.receiver.objects import ObjectIndex
from pipelines.receiver.publishing import Publisher
from pipelines.receiver.replaying import replay
from pipelines.receiver.spool import is_locked, lock, read_waiting, recover

_CDRS: Final = "cdrs"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is in the spool of a home."""

    entries: tuple[Entry, ...]
    """in the order in which they were acknowledged"""
    is_received: bool
    """whether a living receiver holds the spool, and will publish it"""

    @classmethod
    def of(cls, home: Path) -> Waiting:
        """Look into a home's spool; nothing is changed."""
        # In this order: a receiver that ends in between has published what was read, and nothing is called left.
        is_received = is_locked(_folder(home))
        return cls(tuple(read_waiting(_folder(home) / "spool")), is_received)

    @property
    def is_left(self) -> bool:
        """Whether something waits that no receiver will publish."""
        return bool(self.entries) and not self.is_received

    def __str__(self) -> str:
        """Say what waits in half a sentence."""
        first = self.entries[0]
        count = f"{len(self.entries):,} acknowledged {'push waits' if len(self.entries) == 1 else 'pushes wait'}"
        return f"{count} in the receiver's spool, the first is {first.module} {first.key}"


def take_over(settings: Settings, lake: Lake) -> int:
    """Publish what a receiver that is gone left in its spool; give how many pushes that were.

    A spool that a living receiver holds is left to it.
    """
    left = Waiting.of(settings.home)
    if not left.is_left:
        return 0
    try:
        handle = lock(_folder(settings.home))
    except UserError:  # somebody began to receive meanwhile, and publishes it
        return 0
    try:
        _ = opened(settings, lake)
    finally:
        os.close(handle)
    return len(left.entries)


def opened(settings: Settings, lake: Lake) -> tuple[ObjectIndex, Publisher]:
    """Bring index and spool of a home in order, and publish what a killed process left; the caller holds the lock."""
    folder = _folder(settings.home)
    index = ObjectIndex(folder / "objects.sqlite")
    publisher = Publisher(folder / "spool", lake, index)
    _ = replay(lake, index)
    recover(folder / "spool", index, settings.clock())
    _ = publisher()
    return index, publisher


def breaches(home: Path) -> list[Breach]:
    """Name what peers were told that we have, and what nobody will bring into the lake unless told to."""
    waiting = Waiting.of(home)
    if not waiting.is_left:
        return []
    found = f"{waiting}, and nobody receives: run roamledger pull"
    return [Breach("acknowledged = in the lake", "receiver/spool", "nothing without a receiver", found)]


def refuse_waiting(settings: Settings, lake: Lake, month: BillingMonth) -> str | None:
    """Refuse to close a month while a CDR of it, or of one before, is acknowledged and was not read by intake.

    Other pushes are no reason to refuse: while peers push, there always are some.

    Returns:
        One line about what else waits with a living receiver; None where nothing does.

    Raises:
        UserError: names the first such CDR and what to do; likewise where a receiver that is gone left anything.
    """
    waiting = Waiting.of(settings.home)
    if waiting.is_left:
        msg = f"{month} cannot be closed: {waiting}, and nobody receives: run roamledger pull, then close again"
        raise UserError(msg)
    zone = company_zone(lake)
    for entry in waiting.entries:
        if entry.module == _CDRS and not entry.is_evidence and _is_due(bytes(entry.record), _said(entry), month, zone):
            msg = (
                f"{month} cannot be closed: cdr {entry.key} waits in the receiver's spool, and is published within a "
                "minute: run roamledger pull then, and close again"
            )
            raise UserError(msg)
    if (unread := next(_unread(lake, month, zone), None)) is not None:
        msg = (
            f"{month} cannot be closed: cdr {unread} was received after the last pull: run roamledger pull, then close"
        )
        raise UserError(msg)
    return f"{waiting}: not in this close" if waiting.entries else None


def _unread(lake: Lake, month: BillingMonth, zone: ZoneInfo) -> Iterator[str]:
    """Give the keys of CDRs up to a month that are on raw pages which intake has not read."""
    read = set(
        lake.read(Layer.TYPED, "records").filter(module=_CDRS).select("connection_id", "pull_id").unique().rows()
    )
    store = RawStore(lake)
    for manifest in store.manifests(module=_CDRS):
        if (manifest.connection_id, manifest.pull_id) in read:
            continue
        for page in manifest.pages:
            context = PageContext(0, "", page.received_at, page.ocpi_version, manifest.owner_id)
            for record in store.read_records(page) if page.records > 0 else ():
                if _is_due(record, context, month, zone):
                    names = names_in(as_object(decoded_record(record), record))
                    yield record_key(_CDRS, names, manifest.owner_id) or "without a name"


def _is_due(record: bytes, context: PageContext, month: BillingMonth, zone: ZoneInfo) -> bool:
    """Tell whether a record is a CDR that a close of the month would bill; one that cannot be read never is."""
    try:
        ended_at = READERS[_CDRS](alpha2_by_alpha3()).take(as_object(decoded_record(record), record), context).at
    except RecordProblem:
        return False
    return ended_at is not None and ended_at < month.window(zone)[1]


def _said(entry: Entry) -> PageContext:
    return PageContext(0, "", entry.received_at, entry.ocpi_version, entry.owner_id)


def _folder(home: Path) -> Path:
    return home / "receiver"
