"""Adding rows up per session, and bounding the total by min_price and max_price (P11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.kernel.amounts import Pricing, Rows
from models.rating.kernel.exact import (
    AMOUNT_BOUND,
    COARSE_BITS,
    HIGHEST,
    LOWEST,
    Flags,
    Ints,
    absolute_sum_exceeds,
    largest,
    rounded_quotient,
    sums,
)
from models.rating.kernel.matching import CHARGING, ENERGY, FLAT, PARKING, RESERVED, RESERVED_FLAT, Slot
from models.rating.kernel.rulebook import RuleBook
from models.rating.policy import RoundingPlace

TOTAL: Final = "total"
_PART_OF: Final[dict[Slot, str]] = {
    ENERGY: "energy",
    CHARGING: "time",
    PARKING: "parking",
    FLAT: "fixed",
    RESERVED: "reservation",
    RESERVED_FLAT: "reservation",
}
PARTS: Final = tuple(dict.fromkeys(_PART_OF.values()))


@dataclass(frozen=True, slots=True)
class Side:
    """Amounts of one kind per session, without or with VAT, in 1e-12; meaningless where not known."""

    amount: Ints
    known: Flags


@dataclass(frozen=True, slots=True)
class Difference:
    """What is added to a total after its rows, without and with VAT; nothing where that side is not known."""

    excl: Ints
    incl: Ints


@dataclass(frozen=True, slots=True)
class Totals:
    """Per session with periods: every total without and with VAT, and what was added to the sum of the rows."""

    excl: dict[str, Side]
    incl: dict[str, Side]
    period_rounding: Difference
    """per period"""
    limit: Difference
    rounding: Difference
    credit: Difference
    has_rows: Flags
    too_large: Flags


@dataclass(frozen=True, slots=True)
class Owners:
    """What totals depend on, one entry per session with periods."""

    limiting_version: Ints
    """the version whose limits bound the session, or NO_VERSION"""
    is_credit: Flags

    @property
    def count(self) -> int:
        """Give the number of sessions with periods."""
        return len(self.limiting_version)


def totals_of(pricing: Pricing, rows: list[Rows], owners: Owners) -> Totals:
    """Add everything up: rows, what rounding per period adds, the limits, the rounding of the total, the credit."""
    n = owners.count
    excl = {part: Side(np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)) for part in PARTS}
    incl = {part: Side(np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)) for part in PARTS}
    has_rows = np.zeros(n, dtype=np.bool_)
    for row in rows:
        part = _PART_OF[row.slot]
        _add(excl[part], row.excl, row.excl_known, row.edges)
        _add(incl[part], row.incl, row.incl_known, row.edges)
        has_rows |= np.diff(row.edges) > 0
    sides = {name: _sum(parts, n) for name, parts in (("excl", excl), ("incl", incl))}
    by_period = _period_rounding(pricing, rows, sides)
    if pricing.policy.rounding_place is RoundingPlace.EACH_PERIOD:
        edges = pricing.periods.edges
        _apply(sides, Difference(sums(by_period.excl, edges), sums(by_period.incl, edges)))
    limit = with_limits(pricing, sides, owners)
    rounding = rounded_total(pricing, sides)
    credit = Difference(*(np.where(owners.is_credit & side.known, -2 * side.amount, 0) for side in sides.values()))
    _apply(sides, credit)
    return Totals(
        excl={TOTAL: sides["excl"], **excl},
        incl={TOTAL: sides["incl"], **incl},
        period_rounding=by_period,
        limit=limit,
        rounding=rounding,
        credit=credit,
        has_rows=has_rows,
        too_large=_too_large(pricing, rows),
    )


def with_limits(pricing: Pricing, sides: dict[str, Side], owners: Owners) -> Difference:
    """Bring totals between min_price and max_price, and say what that added."""
    limit = Difference(*(_distance(pricing.book, sides[name], owners, f"{name}_vat") for name in ("excl", "incl")))
    _apply(sides, limit)
    return limit


def rounded_total(pricing: Pricing, sides: dict[str, Side]) -> Difference:
    """Round totals to the minor unit where the policy says so, and say what that added."""
    rounding = Difference(*(_total_rounding(pricing, sides[name]) for name in ("excl", "incl")))
    _apply(sides, rounding)
    return rounding


def _add(side: Side, values: Ints, known: Flags, edges: Ints) -> None:
    if len(values):
        side.amount[:] += sums(values, edges)
        if not known.all():
            side.known[:] &= sums((~known).astype(np.int64), edges) == 0


def _sum(parts: dict[str, Side], n: int) -> Side:
    amount, known = np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)
    for side in parts.values():
        amount += side.amount
        known &= side.known
    return Side(amount, known)


def _apply(sides: dict[str, Side], difference: Difference) -> None:
    for name, side in sides.items():
        side.amount[:] += getattr(difference, name)


def _period_rounding(pricing: Pricing, rows: list[Rows], sides: dict[str, Side]) -> Difference:
    """Say what rounds the sum of each period to the minor unit, where the policy rounds there."""
    owner = pricing.periods.owner
    sum_of = {name: np.zeros(len(owner), dtype=np.int64) for name in sides}
    if pricing.policy.rounding_place is not RoundingPlace.EACH_PERIOD:
        return Difference(sum_of["excl"], sum_of["incl"])
    for row in rows:
        np.add.at(sum_of["excl"], row.period, np.where(row.excl_known, row.excl, 0))
        np.add.at(sum_of["incl"], row.period, np.where(row.incl_known, row.incl, 0))
    unit = pricing.minor_unit[owner]
    return Difference(
        *(np.where(sides[name].known[owner], _to_unit(sum_of[name], unit), 0) for name in ("excl", "incl"))
    )


def _total_rounding(pricing: Pricing, side: Side) -> Ints:
    if pricing.policy.rounding_place is not RoundingPlace.TOTAL:
        return np.zeros(len(side.amount), dtype=np.int64)
    return np.where(side.known, _to_unit(side.amount, pricing.minor_unit), 0)


def _to_unit(amount: Ints, unit: Ints) -> Ints:
    """Say what an amount lacks to the nearest multiple of a unit, half away from zero."""
    return rounded_quotient(amount, unit) * unit - amount


def _too_large(pricing: Pricing, rows: list[Rows]) -> Flags:
    """Tell which sessions leave the bounds in which their sums are exact."""
    flags = np.zeros(len(pricing.periods.owners), dtype=np.bool_)
    for row in rows:
        if row.too_large.any():
            flags[pricing.periods.owner[row.period[row.too_large]]] = True
    most = largest(np.diff(pricing.periods.edges))
    for parts in (
        [(_counted(row.excl, row.excl_known), row.edges) for row in rows],
        [(_counted(row.incl, row.incl_known), row.edges) for row in rows],
    ):
        if sum(largest(amounts) for amounts, _ in parts) * most > AMOUNT_BOUND:
            flags |= _sum_exceeds(parts)
    return flags


def _counted(amounts: Ints, known: Flags) -> Ints:
    return amounts if known.all() else np.where(known, amounts, 0)


def _sum_exceeds(parts: list[tuple[Ints, Ints]]) -> Flags:
    coarse = sum(sums(np.abs(amounts) >> COARSE_BITS, edges) for amounts, edges in parts)
    exact = sum(sums(np.abs(amounts), edges) for amounts, edges in parts)
    return absolute_sum_exceeds(np.asarray(coarse), np.asarray(exact))


def _distance(book: RuleBook, side: Side, owners: Owners, vat: str) -> Ints:
    """Say what must be added to bring a known total between its bounds; the upper bound wins where they cross."""
    version = owners.limiting_version
    single = np.flatnonzero((version >= 0) & side.known & book.versions.has_limits[np.maximum(version, 0)])
    distance = np.zeros(len(version), dtype=np.int64)
    low, high = (bound_of(book.versions.limits[f"{name}_price_{vat}"][version[single]]) for name in ("min", "max"))
    total = side.amount[single]
    distance[single] = np.minimum(np.maximum(total, low), high) - total
    return distance


def bound_of(limit: Ints) -> Ints:
    """Bring a bound from 1e-9 to 1e-12, and leave an absent one as far away as it is."""
    absent = (limit == LOWEST) | (limit == HIGHEST)
    return np.where(absent, limit, np.where(absent, 0, limit) * 1000)
