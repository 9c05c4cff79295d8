"""The tariff versions that a session names or was priced with, as they were known at its start."""

from collections.abc import Sequence

import msgspec

from models.reconciliation.packs.priced import Tariff, TariffPrice
from models.reconciliation.packs.tables import PackTables, Row


def tariffs_of(tables: PackTables, key: str) -> tuple[Tariff, ...]:
    """Give the versions about a CDR: those that priced it first, then those published, then those that it carries.

    A version that is no longer in the tables is left out; the recomputation still names it.
    """
    named = tables.rows("tariffs_at_start", key)
    used = [row["tariff_version_id"] for row in tables.rows("components", key)]
    rated = tables.row("rated", key).get("tariff_version_id")
    published, carried = ({row[f"{which}_version_id"] for row in named} for which in ("published", "own"))
    order = (*used, rated, *_of(named, "chosen"), *_of(named, "published"), *_of(named, "own"))
    found = (tables.row("versions", version) for version in dict.fromkeys(order) if version is not None)
    return tuple(
        _tariff(
            tables,
            row,
            is_published_at_start=row["tariff_version_id"] in published,
            is_carried=row["tariff_version_id"] in carried,
            prices_session=row["tariff_version_id"] in {*used, rated},
        )
        for row in found
        if row
    )


def _of(named: Sequence[Row], which: str) -> list[str | None]:
    return [row[f"{which}_version_id"] for row in named]


def _tariff(tables: PackTables, version: Row, **marks: bool) -> Tariff:
    rows = tables.rows("prices", version["tariff_version_id"])
    ordered = sorted(rows, key=lambda row: (row["element_index"], row["component_index"]))
    prices = tuple(msgspec.convert(row, TariffPrice) for row in ordered)
    return msgspec.convert({**version, **marks, "prices": prices}, Tariff)
