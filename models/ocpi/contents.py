"""Reading `content_json` of a tariff version back into the canonical tariff: the other way of `frames.tariff_content`.

So whatever needs a whole tariff (the lint, an explanation) can have it from one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import msgspec

from models.ocpi.canonical import Price, PriceComponent, Restrictions, Tariff, TariffElement
from models.types.vocabularies import Dimension, TaxIncluded

_DECODE: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_DAYS: Final = range(7)
_DECIMALS: Final = ("min_kwh", "max_kwh", "min_current_a", "max_current_a", "min_power_kw", "max_power_kw")
_WHOLE: Final = ("min_duration_seconds", "max_duration_seconds")


def tariff_of_content(content: str, tariff_type: str | None = None) -> Tariff:
    """Give the tariff whose canonical content this is; its type is no part of the content."""
    found: Mapping[str, Any] = _DECODE(content)
    return Tariff(
        owner_id=found["owner_id"],
        tariff_id=found["tariff_id"],
        currency=found["currency"],
        elements=tuple(_element(element) for element in found["elements"]),
        tariff_type=tariff_type,
        tax_included=TaxIncluded(found["tax_included"]),
        min_price=_price(found["min_price"]),
        max_price=_price(found["max_price"]),
        valid_from=_instant(found["valid_from"]),
        valid_to=_instant(found["valid_to"]),
    )


def _element(element: Mapping[str, Any]) -> TariffElement:
    components = tuple(
        PriceComponent(
            Dimension(each["dimension"]),
            Decimal(each["unit_price"]),
            _decimal(each["vat_rate_pct"]),
            each["step_size"],
        )
        for each in element["components"]
    )
    return TariffElement(components, _restrictions(element["restrictions"]))


def _restrictions(found: Mapping[str, Any]) -> Restrictions:
    mask: int = found.get("days_of_week_mask", 0)
    return Restrictions(
        **{name: time.fromisoformat(found[name]) for name in ("start_time", "end_time") if name in found},
        **{name: date.fromisoformat(found[name]) for name in ("start_date", "end_date") if name in found},
        **{name: Decimal(found[name]) for name in _DECIMALS if name in found},
        **{name: found[name] for name in _WHOLE if name in found},
        days_of_week=frozenset(day for day in _DAYS if mask >> day & 1),
        reservation=found.get("reservation"),
    )


def _price(found: list[Any] | None) -> Price | None:
    return None if found is None else Price(_decimal(found[0]), _decimal(found[1]))


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
