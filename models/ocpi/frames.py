"""Canonical tariffs and periods as rows of the typed tables, and the identity of a tariff version by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

import polars as pl

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, PriceComponent, Restrictions, Tariff
from models.schemas.registry import Layer, table
from models.types.vocabularies import TariffSource

_NOWHERE: Final = dict.fromkeys(("connection_id", "module", "ocpi_version", "page_sha256", "page_position"))
"""where a version was told: only the intake knows, and our own price lists were told by nobody"""

_ID_DIGITS: Final = 16
"""Hex digits of a version id: 64 bits, so that a million versions collide with a chance of 1 in 37 million."""


def cdr_key(cdr: Cdr) -> str:
    """Give the key of a CDR, such as DE*LDW*C000017."""
    return f"{cdr.owner_id}*{cdr.cdr_id}".upper()


def tariff_key(tariff: Tariff) -> str:
    """Give the key of a tariff across its versions, such as DE*LDW*T1."""
    return f"{tariff.owner_id}*{tariff.tariff_id}".upper()


def tariff_version_id(tariff: Tariff) -> str:
    """Give the id of a version: the first 16 hex digits of the SHA-256 of its canonical content.

    The content is what a price depends on and whose tariff it is. `last_updated` and `type` are left out: a CPO that
    sends the same prices again, or embeds them in a CDR without the type, has not made a new version.
    """
    return hashlib.sha256(tariff_content(tariff).encode()).hexdigest()[:_ID_DIGITS]


def tariff_content(tariff: Tariff) -> str:
    """Write the canonical content as JSON: fixed key order, numbers without trailing zeros, null where absent."""
    content = {
        "owner_id": tariff.owner_id.upper(),
        "tariff_id": tariff.tariff_id.upper(),
        "currency": tariff.currency,
        "tax_included": str(tariff.tax_included),
        "min_price": _price_content(tariff.min_price),
        "max_price": _price_content(tariff.max_price),
        "valid_from": _plain(tariff.valid_from),
        "valid_to": _plain(tariff.valid_to),
        "elements": [
            {
                "components": [_component_content(component) for component in element.components],
                "restrictions": _restriction_content(element.restrictions),
            }
            for element in tariff.elements
        ],
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def tariff_frames(tariffs: Iterable[tuple[Tariff, TariffSource, datetime]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the frames `typed/tariff_versions` and `typed/tariff_components`, one version per content.

    Takes each tariff with its source and the instant at which it was received; the first to bring a content is the one
    that is kept, so give the earliest first. Where it was received is null: the intake fills it in.
    """
    first: dict[str, tuple[Tariff, TariffSource, datetime]] = {}
    for tariff, source, known_from in tariffs:
        _ = first.setdefault(tariff_version_id(tariff), (tariff, source, known_from))
    versions = [_version_row(key, *entry) for key, entry in first.items()]
    components = [row for key, (tariff, _, _) in first.items() for row in _component_rows(key, tariff)]
    return _frame("tariff_versions", versions), _frame("tariff_components", components)


def period_rows(cdr: Cdr, billing_month: date) -> list[dict[str, object]]:
    """Give the rows of `typed/charging_periods` of one CDR: chronological, numbered from 0."""
    key = cdr_key(cdr)
    return [
        {"cdr_key": key, "period_index": index, **_period_row(period), "billing_month": billing_month}
        for index, period in enumerate(chronological(cdr.periods))
    ]


def period_frame(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Give rows of `period_rows` as a frame that fits the contract."""
    return _frame("charging_periods", rows)


def chronological(periods: Sequence[ChargingPeriod]) -> list[ChargingPeriod]:
    """Order periods by their start; those that start together stay in the order received."""
    return sorted(periods, key=lambda period: period.started_at)


def _frame(name: str, rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    schema = table(Layer.TYPED, name).schema
    columns = {column: [row[column] for row in rows] for column in schema}
    return pl.DataFrame(columns, schema=schema)


def _period_row(period: ChargingPeriod) -> dict[str, object]:
    return {
        "started_at": period.started_at,
        "energy_kwh": period.energy_kwh,
        "charging_hours": period.charging_hours,
        "parking_hours": period.parking_hours,
        "reservation_hours": period.reservation_hours,
        "min_current_a": period.min_current_a,
        "max_current_a": period.max_current_a,
        "min_power_kw": period.min_power_kw,
        "max_power_kw": period.max_power_kw,
        "tariff_id": period.tariff_id,
    }


def _version_row(key: str, tariff: Tariff, source: TariffSource, known_from: datetime) -> dict[str, object]:
    return {
        "tariff_version_id": key,
        "tariff_key": tariff_key(tariff),
        "owner_id": tariff.owner_id,
        "tariff_id": tariff.tariff_id,
        "source": str(source),
        "currency": tariff.currency,
        "tariff_type": tariff.tariff_type,
        "tax_included": str(tariff.tax_included),
        "min_price_excl_vat": tariff.min_price and tariff.min_price.excl_vat,
        "min_price_incl_vat": tariff.min_price and tariff.min_price.incl_vat,
        "max_price_excl_vat": tariff.max_price and tariff.max_price.excl_vat,
        "max_price_incl_vat": tariff.max_price and tariff.max_price.incl_vat,
        "valid_from": tariff.valid_from,
        "valid_to": tariff.valid_to,
        "last_updated_at": tariff.last_updated_at,
        "known_from": known_from,
        "content_json": tariff_content(tariff),
        **_NOWHERE,
    }


def _component_rows(key: str, tariff: Tariff) -> Iterable[dict[str, object]]:
    for element_index, element in enumerate(tariff.elements):
        for component_index, component in enumerate(element.components):
            yield {
                "tariff_version_id": key,
                "element_index": element_index,
                "component_index": component_index,
                "dimension": str(component.dimension),
                "unit_price": component.unit_price,
                "vat_rate_pct": component.vat_rate_pct,
                "step_size": component.step_size,
                **_restriction_row(element.restrictions),
            }


def _restriction_row(found: Restrictions) -> dict[str, object]:
    return {
        "start_time": found.start_time,
        "end_time": found.end_time,
        "start_date": found.start_date,
        "end_date": found.end_date,
        "min_kwh": found.min_kwh,
        "max_kwh": found.max_kwh,
        "min_current_a": found.min_current_a,
        "max_current_a": found.max_current_a,
        "min_power_kw": found.min_power_kw,
        "max_power_kw": found.max_power_kw,
        "min_duration_seconds": found.min_duration_seconds,
        "max_duration_seconds": found.max_duration_seconds,
        "days_of_week_mask": sum(1 << day for day in found.days_of_week),
        "reservation": found.reservation,
    }


def _component_content(component: PriceComponent) -> dict[str, object]:
    return {
        "dimension": str(component.dimension),
        "unit_price": _plain(component.unit_price),
        "vat_rate_pct": _plain(component.vat_rate_pct),
        "step_size": component.step_size,
    }


def _restriction_content(restrictions: Restrictions) -> dict[str, object]:
    """Keep only what is restricted, so that an absent and an empty restrictions object are the same content."""
    row = _restriction_row(restrictions)
    if not restrictions.days_of_week:
        del row["days_of_week_mask"]
    return {name: _plain(value) for name, value in row.items() if value is not None}


def _price_content(price: Price | None) -> list[object] | None:
    return None if price is None else [_plain(price.excl_vat), _plain(price.incl_vat)]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, (datetime, date, time)) else value
