"""Whether a CDR that came again in another version of OCPI says the same: held together on what both can say.

A peer that changes its version, or that is reached directly and through a hub, tells its CDRs again in other words.
2.1.1 (mod_cdrs, mod_tariffs) knows no session, card, reference, VAT, parts of a cost, credits or reservations; how a
record was read (its notes) is nothing that it says. Ids compare without case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, Restrictions, Tariff, TariffElement
from models.types.vocabularies import TaxIncluded

_FIRST: Final = "2.1.1"
"""the one version that says less than the others"""
_IDS: Final = (
    *("cdr_id", "session_id", "authorization_reference", "token_uid", "contract_id", "credit_reference_id"),
    *("location_id", "evse_uid", "evse_id", "connector_id"),
)
_UNSAID: Final = (
    *("session_id", "authorization_reference", "token_uid", "token_type", "credit_reference_id"),
    *("total_energy_cost", "total_time_cost", "total_parking_cost", "total_fixed_cost", "total_reservation_cost"),
    *("has_signed_values", "meter_start_kwh", "meter_end_kwh"),
)
"""fields of a CDR for which 2.1.1 has no place"""


def is_retold(cdr: Cdr, version: str, other: Cdr, other_version: str) -> bool:
    """Tell whether two bodies of one CDR, in two versions, say the same wherever both versions say anything."""
    tells = _in_first if _FIRST in {version, other_version} else _in_any
    return _comparable(tells(cdr)) == _comparable(tells(other)) and _carry_the_same(cdr, other)


def _in_any(cdr: Cdr) -> Cdr:
    return cdr


def _in_first(cdr: Cdr) -> Cdr:
    """Leave of a CDR what 2.1.1 can say of it."""
    return replace(
        cdr,
        **dict.fromkeys(_UNSAID),
        total_cost=Price(cdr.total_cost.excl_vat),
        # 2.1.1 has no COMMAND, and no two-phase current: of the power type it says surely no more than AC or DC.
        auth_method="AUTH_REQUEST" if cdr.auth_method == "COMMAND" else cdr.auth_method,
        connector_power_type=cdr.connector_power_type and cdr.connector_power_type.partition("_")[0],
        is_credit=False,
        is_home_charging=False,
        periods=tuple(map(_period_in_first, cdr.periods)),
    )


def _period_in_first(period: ChargingPeriod) -> ChargingPeriod:
    return replace(period, tariff_id=None, reservation_hours=None, min_power_kw=None, max_power_kw=None)


def _comparable(cdr: Cdr) -> Cdr:
    """Give a CDR as it compares: without what its reader added, ids in one case, periods in the order of time.

    The owner is left out: both bodies came under one key, and 2.1.1 names it by the connection alone.
    """
    ids = {name: (getattr(cdr, name) or "").upper() for name in _IDS}
    periods = (
        replace(period, tariff_id=(period.tariff_id or "").upper(), unknown_dimensions=()) for period in cdr.periods
    )
    ordered = tuple(sorted(periods, key=lambda period: period.started_at))
    return replace(cdr, owner_id="", notes=(), tariffs=(), periods=ordered, **ids)


def _carry_the_same(cdr: Cdr, other: Cdr) -> bool:
    """Tell whether two CDRs carry the same tariffs: by name, and by price where both versions can tell it."""
    pairs = zip(cdr.tariffs, other.tariffs, strict=False)
    return len(cdr.tariffs) == len(other.tariffs) and all(_is_same_tariff(*pair) for pair in pairs)


def _is_same_tariff(tariff: Tariff, other: Tariff) -> bool:
    if (tariff.tariff_id.upper(), tariff.currency) != (other.tariff_id.upper(), other.currency):
        return False
    tells_tax = TaxIncluded.YES in {tariff.tax_included, other.tax_included}
    if tells_tax or not all(map(_is_in_first, (*tariff.elements, *other.elements))):
        return True  # an older version has no words for its price, and each peer leaves out what it thinks best
    return _prices(tariff) == _prices(other)


def _is_in_first(element: TariffElement) -> bool:
    """Tell whether 2.1.1 can say when an element applies."""
    bounds = element.restrictions
    return bounds.reservation is None and bounds.min_current_a is None and bounds.max_current_a is None


def _prices(tariff: Tariff) -> list[tuple[Restrictions, list[tuple[object, ...]]]]:
    """Give what every version says of prices: without VAT."""
    return [
        (
            element.restrictions,
            [(each.dimension, each.unit_price, each.step_size) for each in element.components],
        )
        for element in tariff.elements
    ]
