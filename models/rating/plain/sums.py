"""Sums of priced rows; one unknown amount makes a sum unknown."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from models.ocpi.canonical import Price
from models.rating.outcome import PricedRow


def total_of(rows: Iterable[PricedRow]) -> Price:
    """Add rows up, without and with VAT."""
    listed = list(rows)
    return Price(_sum(row.amount_excl_vat for row in listed), _sum(row.amount_incl_vat for row in listed))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def distance(total: Decimal | None, low: Decimal | None, high: Decimal | None) -> Decimal | None:
    """Say what must be added to a total to bring it between its bounds; the upper bound wins where they cross."""
    if total is None:
        return None
    bounded = total if low is None else max(total, low)
    return (bounded if high is None else min(bounded, high)) - total
