"""How fresh each connection's modules are: `typed/freshness`, counted from manifests and landed records.

A manifest is kept of every attempt, so a peer that is dead counts as such; nothing else is asked, and `roamledger
verify` comes to the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from models.schemas.registry import Layer, table
from models.types.money import rounded
from models.types.vocabularies import RecordOutcome
from pipelines.lib.intake.capabilities import wanted_modules
from pipelines.lib.raw_store import Manifest
from pipelines.lib.settings import Connection

_TABLE: Final = table(Layer.TYPED, "freshness")
_PERCENT_SCALE: Final = 4
_Place = tuple[str, str]
_Counts = tuple[int, int, datetime | None, datetime | None]


def freshness(manifests: Iterable[Manifest], records: pl.DataFrame) -> pl.DataFrame:
    """Count per connection and module.

    Args:
        manifests: every pull that was tried, whether or not it reached the end of its window, or a first page; pushes
            and files are pulls of an empty window.
        records: landed records with their outcome.
    """
    pulls: dict[_Place, list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        pulls[manifest.connection_id, manifest.module].append(manifest)
    offered = _offered(manifest for tried in pulls.values() for manifest in tried)
    as_of = max((manifest.finished_at for tried in pulls.values() for manifest in tried), default=None)
    counts = _counts(records)
    rows = [
        _row(place, tried, counts.get(place, _NONE), as_of)
        for place, tried in sorted(pulls.items())
        if not _is_idle(place, tried, offered)
    ]
    return pl.DataFrame(rows, schema=_TABLE.schema, orient="row")


def stale(rows: pl.DataFrame, connections: Iterable[Connection], now: datetime) -> Iterator[str]:
    """Name each connection and module that gave nothing, by pull, push or file, for longer than its setting allows.

    Args:
        rows: `typed/freshness`.
        connections: those declared, and no others: who is no longer asked cannot be late.
        now: the instant that ages are measured to.
    """
    for connection in connections:
        own = rows.filter(
            pl.col("connection_id") == connection.connection_id,
            pl.col("module").is_in(wanted_modules(connection.kind)),
        )
        if own.is_empty():
            yield f"{connection.connection_id}: was never asked"
        latest = own.select("module", at=pl.max_horizontal("last_pull_at", "last_push_at"), why="last_failure")
        for module, at, why in latest.iter_rows():
            if at is None or now - at > timedelta(hours=connection.stale_after_hours):
                since = f"nothing since {at:%Y-%m-%dT%H:%M:%SZ}" if at else "never answered"
                yield f"{connection.connection_id}/{module}: {since}{f': {why}' if why else ''}"


def failing(manifests: Iterable[Manifest], connections: Iterable[Connection]) -> Iterator[str]:
    """Name each connection and module whose newest pull failed, and why; of connections that are declared."""
    declared = {connection.connection_id for connection in connections}
    asked: dict[_Place, list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        if manifest.is_asked and manifest.connection_id in declared:
            asked[manifest.connection_id, manifest.module].append(manifest)
    offered = _offered(manifest for tried in asked.values() for manifest in tried)
    for place, tried in sorted(asked.items()):
        if not _is_idle(place, tried, offered) and (why := _last_failure(tried)):
            yield f"{'/'.join(place)}: {why}"


_NONE: Final[_Counts] = (0, 0, None, None)


def _offered(manifests: Iterable[Manifest]) -> Mapping[str, Manifest]:
    """Give, by connection, the newest manifest that says what the peer offered."""
    return {each.connection_id: each for each in sorted(manifests, key=_age) if each.offers}


def _is_idle(place: _Place, tried: Sequence[Manifest], offered: Mapping[str, Manifest]) -> bool:
    """Tell whether a module was only tried while its peer was dead, and is none that the peer has, as it said since."""
    connection_id, module = place
    last = offered.get(connection_id)
    return last is not None and module not in last.offers and not any(each.ocpi_version for each in tried)


def _counts(records: pl.DataFrame) -> Mapping[_Place, _Counts]:
    grouped = records.group_by("connection_id", "module").agg(
        pl.len(),
        (pl.col("outcome") == str(RecordOutcome.QUARANTINED)).sum().alias("quarantined"),
        pl.col("received_at").max(),
        pl.col("last_updated_at").max(),
    )
    return {
        (connection, module): (count, quarantined, received, updated)
        for connection, module, count, quarantined, received, updated in grouped.iter_rows()
    }


def _row(place: _Place, manifests: list[Manifest], counted: _Counts, as_of: datetime | None) -> tuple[object, ...]:
    asked = [each for each in manifests if each.is_asked]
    ended = [each for each in asked if each.failure is None]
    pushed = [each for each in manifests if not each.is_asked]
    count, quarantined, received, updated = counted
    # A peer whose clock runs ahead has news from the future: that is no lag below zero.
    lag = max(0, int((as_of - updated).total_seconds())) if as_of and updated else None
    return (
        *place,
        max((each.finished_at for each in ended), default=None),
        max((each.until for each in ended), default=None),
        max((each.finished_at for each in pushed), default=None),
        received,
        updated,
        lag,
        len(asked),
        len(asked) - len(ended),
        count,
        quarantined,
        _percent(len(asked) - len(ended), len(asked)),
        _percent(quarantined, count),
        _last_failure(asked),
    )


def _last_failure(asked: Sequence[Manifest]) -> str | None:
    return max(asked, key=_age).failure if asked else None


def _age(manifest: Manifest) -> tuple[datetime, str]:
    """Order pulls by when they ended; of two in one second the second has the greater id."""
    return manifest.finished_at, manifest.pull_id


def _percent(part: int, whole: int) -> Decimal | None:
    return rounded(Decimal(100 * part) / whole, _PERCENT_SCALE) if whole else None
