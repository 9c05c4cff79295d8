"""How fresh each connection's modules are: `typed/freshness`, counted from manifests and landed records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import polars as pl

from models.schemas.registry import Layer, table
from models.types.money import rounded
from models.types.vocabularies import RecordOutcome
from pipelines.lib.intake.pull_report import PullReport
from pipelines.lib.raw_store import Manifest

_TABLE: Final = table(Layer.TYPED, "freshness")
_PERCENT_SCALE: Final = 4
_Place = tuple[str, str]


def freshness(manifests: Iterable[Manifest], records: pl.DataFrame, newest: PullReport) -> pl.DataFrame:
    """Count per connection and module.

    Args:
        manifests: every pull that was kept, whether or not it reached the end of its window; pushes are pulls of an
            empty window.
        records: landed records with their outcome.
        newest: the report of the last pull: peers that never answered have no manifest, and stand there.
    """
    pulls: dict[_Place, list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        pulls[manifest.connection_id, manifest.module].append(manifest)
    failures = {(each.connection_id, each.module): each.failure for each in newest.modules if each.failure}
    counts = _counts(records)
    rows = [
        _row(place, pulls.get(place, []), counts.get(place, _NONE), failures.get(place))
        for place in sorted(pulls.keys() | failures.keys())
    ]
    return pl.DataFrame(rows, schema=_TABLE.schema, orient="row")


_NONE: Final = (0, 0, None, None)


def _counts(records: pl.DataFrame) -> Mapping[_Place, tuple[int, int, datetime | None, datetime | None]]:
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


def _row(
    place: _Place,
    manifests: list[Manifest],
    counted: tuple[int, int, datetime | None, datetime | None],
    failure: str | None,
) -> tuple[object, ...]:
    asked = [each for each in manifests if each.since is None or each.since < each.until]
    ended = [each for each in asked if each.failure is None]
    pushed = [each for each in manifests if each.since is not None and each.since == each.until]
    last_pull_at = max((each.finished_at for each in ended), default=None)
    count, quarantined, received, updated = counted
    lag = int((last_pull_at - updated).total_seconds()) if last_pull_at and updated else None
    return (
        *place,
        last_pull_at,
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
        failure or _last_failure(asked),
    )


def _last_failure(asked: list[Manifest]) -> str | None:
    return max(asked, key=lambda each: each.finished_at).failure if asked else None


def _percent(part: int, whole: int) -> Decimal | None:
    return rounded(Decimal(100 * part) / whole, _PERCENT_SCALE) if whole else None
