"""The right wholesale price of a session, in plain scalar arithmetic over what happened and what the CPO charges.

Nothing here knows OCPI: no elements, no restrictions, no charging periods. The session is walked hour by hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipelines.sandbox.clock import HOUR, local_minute
from pipelines.sandbox.prices import PriceList
from pipelines.sandbox.sessions import Session

_WH_PER_KWH = 1000


def wholesale_price(prices: PriceList, session: Session) -> Decimal:
    """Give the exact price without VAT, in the CPO's currency."""
    total = prices.start_fee + _energy_price(prices, session) + _time_price(prices, session)
    if prices.min_price is not None:
        total = max(total, prices.min_price)
    return total if prices.max_price is None else min(total, prices.max_price)


def _energy_price(prices: PriceList, session: Session) -> Decimal:
    if not prices.windows:
        steps = -(-session.charge.energy_wh // prices.energy_step_wh)
        return steps * prices.energy_step_wh * prices.per_kwh / _WH_PER_KWH
    return sum((_piece_price(prices, session, *piece) for piece in _hours(session)), Decimal(0))


def _piece_price(prices: PriceList, session: Session, since: int, until: int) -> Decimal:
    energy_wh = session.charge.meter(until - session.started) - session.charge.meter(since - session.started)
    return energy_wh * prices.kwh_price_at(local_minute(since, session.evse.location.zone)) / _WH_PER_KWH


def _hours(session: Session) -> Iterator[tuple[int, int]]:
    """Cut the charging time at full hours: every window of every list begins at one."""
    since, end = session.started, session.started + session.charge.charging_seconds
    while since < end:
        until = min(end, (since // HOUR + 1) * HOUR)
        yield since, until
        since = until


def _time_price(prices: PriceList, session: Session) -> Decimal:
    """Price the clocks. The step rounds the parking clock where parking costs something, else the charging clock."""
    charging = session.charge.charging_seconds if prices.per_charging_hour else 0
    free_until = max(session.charge.charging_seconds, prices.parking_free_seconds)
    parking = max(0, session.charge.seconds - free_until) if prices.per_parking_hour else 0
    step = prices.time_step_seconds
    if parking:
        parking = -(-parking // step) * step
    else:
        charging = -(-charging // step) * step
    return (charging * prices.per_charging_hour + parking * prices.per_parking_hour) / HOUR
