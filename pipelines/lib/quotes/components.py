"""The components of a plan's price list, in the order that AFIR asks for (Regulation (EU) 2023/1804, Art. 5(4)).

Price per kWh, per minute, per session, the occupancy fee per minute, then every other component: what a reservation
costs, bounds of the total, the plan's monthly fee.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import polars as pl

from models.types.money import PERCENT, VOLUME, VOLUME_SCALE, rounded
from models.types.vocabularies import Dimension, TaxIncluded
from pipelines.lib.quotes.wording import restriction_words, step_words

Row = Mapping[str, object]

_MINUTES: Final = 60


class PriceKind(StrEnum):
    """What a component is the price of, in the order of the regulation."""

    PER_KWH = "price per kWh"
    PER_MINUTE = "price per minute"
    PER_SESSION = "price per session"
    OCCUPANCY_FEE = "occupancy fee per minute"
    RESERVATION_PER_MINUTE = "reservation per minute"
    RESERVATION_FEE = "reservation fee"
    MINIMUM = "minimum per session"
    MAXIMUM = "maximum per session"
    MONTHLY_FEE = "monthly fee"


_ORDER: Final = {kind: place for place, kind in enumerate(PriceKind)}
_KINDS: Final = {
    Dimension.ENERGY: PriceKind.PER_KWH,
    Dimension.TIME: PriceKind.PER_MINUTE,
    Dimension.FLAT: PriceKind.PER_SESSION,
    Dimension.PARKING_TIME: PriceKind.OCCUPANCY_FEE,
}
_RESERVED: Final = {Dimension.TIME: PriceKind.RESERVATION_PER_MINUTE, Dimension.FLAT: PriceKind.RESERVATION_FEE}
_PER_HOUR: Final = (PriceKind.PER_MINUTE, PriceKind.OCCUPANCY_FEE, PriceKind.RESERVATION_PER_MINUTE)

COMPONENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "plan_id": pl.String(),
    "current_type": pl.String(),
    "place_country": pl.String(),
    "tariff_version_id": pl.String(),
    "position": pl.Int64(),
    "component": pl.String(),
    "price": VOLUME,
    "currency": pl.String(),
    "is_vat_included": pl.Boolean(),
    "vat_rate_pct": PERCENT,
    "applies": pl.String(),
    "steps": pl.String(),
    "unit_price": VOLUME,
}
"""One row per component (`plan_id`, `current_type`, `place_country`, `tariff_version_id`, `position`). `price` is what
`component` names, times per minute; `unit_price` is as the tariff has it, times per hour. `vat_rate_pct` is that of the
place for a consumer, null where it is not known and for the monthly fee. `applies` is null where nothing restricts it.
"""


def component_rows(
    lists: pl.DataFrame, versions: pl.DataFrame, components: pl.DataFrame, plans: Mapping[str, Row]
) -> pl.DataFrame:
    """Give the components of price lists in the shape of `COMPONENT_SCHEMA`.

    Args:
        lists: one row per `plan_id, current_type, place_country, tariff_version_id`, with `vat_rate_pct`.
        versions: `typed/tariff_versions`.
        components: `typed/tariff_components`.
        plans: rows of `master/plans` by id.
    """
    version_by_id = {str(row["tariff_version_id"]): row for row in versions.iter_rows(named=True)}
    listed: dict[str, list[Row]] = {}
    for row in components.sort("tariff_version_id", "element_index", "component_index").iter_rows(named=True):
        listed.setdefault(row["tariff_version_id"], []).append(row)
    rows = [
        {**price_list, **component, "position": position}
        for price_list in lists.sort("plan_id", "current_type", "place_country", "tariff_version_id").to_dicts()
        for version in [version_by_id[price_list["tariff_version_id"]]]
        for position, component in enumerate(
            _priced(version, listed.get(price_list["tariff_version_id"], []), plans[price_list["plan_id"]]), start=1
        )
    ]
    return pl.DataFrame([{name: row[name] for name in COMPONENT_SCHEMA} for row in rows], schema=COMPONENT_SCHEMA)


def _priced(version: Row, components: list[Row], plan: Row) -> list[dict[str, object]]:
    """List what a plan charges by a tariff version, in the order of the regulation; order of elements inside it."""
    is_vat_included = version["tax_included"] == TaxIncluded.YES
    rows = [*_of_tariff(components), *_limits(version, is_vat_included=is_vat_included), *_fee(plan)]
    ordered = sorted(rows, key=lambda row: _ORDER[PriceKind(str(row["component"]))])
    return [{"currency": version["currency"], "is_vat_included": is_vat_included, **row} for row in ordered]


def _of_tariff(components: list[Row]) -> Iterator[dict[str, object]]:
    """Give the components that can apply: behind one that always does none of its kind ever has its turn (P1)."""
    seen: dict[PriceKind, bool] = {}
    for component in components:
        kind = _kind(component)
        if kind is None or seen.get(kind):
            continue
        words, steps = restriction_words(component), step_words(component)
        is_further = kind in seen
        seen[kind] = not words
        applies = words or ("otherwise" if is_further else None)
        yield _row(kind, component["unit_price"], applies, steps or None)


def _kind(component: Row) -> PriceKind | None:
    """Give what a component is the price of; a reservation has no price of energy."""
    kinds = _KINDS if component["reservation"] is None else _RESERVED
    return kinds.get(Dimension(str(component["dimension"])))


def _limits(version: Row, *, is_vat_included: bool) -> Iterator[dict[str, object]]:
    side = "incl" if is_vat_included else "excl"
    for kind, name in ((PriceKind.MINIMUM, "min"), (PriceKind.MAXIMUM, "max")):
        bound = version[f"{name}_price_{side}_vat"]
        if bound is not None:
            yield _row(kind, bound, None, None)


def _fee(plan: Row) -> Iterator[dict[str, object]]:
    """Give the fee, whose VAT is that of the customer's country and not of the place."""
    if plan["monthly_fee"]:
        fee = _row(PriceKind.MONTHLY_FEE, plan["monthly_fee"], f"per {plan['fee_basis']}", None)
        yield {**fee, "vat_rate_pct": None}


def _row(kind: PriceKind, unit_price: object, applies: str | None, steps: str | None) -> dict[str, object]:
    price = Decimal(str(unit_price))
    shown = rounded(price / _MINUTES, VOLUME_SCALE) if kind in _PER_HOUR else price
    return {"component": str(kind), "price": shown, "unit_price": price, "applies": applies, "steps": steps}
