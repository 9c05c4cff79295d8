"""Adding rows up per session, and bounding the total by min_price and max_price (P11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.amounts import Rows
from models.rating.exact import COARSE_BITS, HIGHEST, LOWEST, Flags, Ints, absolute_sum_exceeds, sums
from models.rating.matching import Slot
from models.rating.rulebook import RuleBook
from models.types.vocabularies import Dimension

TOTAL: Final = "total"
_PARTS: Final[dict[str, Callable[[Slot], bool]]] = {
    TOTAL: lambda _: True,
    "energy": lambda slot: slot == (False, Dimension.ENERGY),
    "time": lambda slot: slot == (False, Dimension.TIME),
    "parking": lambda slot: slot == (False, Dimension.PARKING_TIME),
    "fixed": lambda slot: slot == (False, Dimension.FLAT),
    "reservation": lambda slot: slot[0],
}


@dataclass(frozen=True, slots=True)
class Side:
    """Amounts of one kind per session, without or with VAT, in 1e-12; meaningless where not known."""

    amount: Ints
    known: Flags


@dataclass(frozen=True, slots=True)
class Totals:
    """Per session with periods: every total without and with VAT, and what limits added."""

    excl: dict[str, Side]
    incl: dict[str, Side]
    limit_excl: Ints
    limit_incl: Ints
    has_rows: Flags
    too_large: Flags


def totals_of(book: RuleBook, rows: list[Rows], owner: Ints, n_owners: int, single_version: Ints) -> Totals:
    """Add everything up; `single_version` is the one version that priced a session, or NO_VERSION."""
    excl = {name: _side(rows, owner, n_owners, wanted, "excl") for name, wanted in _PARTS.items()}
    incl = {name: _side(rows, owner, n_owners, wanted, "incl") for name, wanted in _PARTS.items()}
    limit_excl = _distance(book, excl[TOTAL], single_version, "excl_vat")
    limit_incl = _distance(book, incl[TOTAL], single_version, "incl_vat")
    too_large = _too_large(rows, owner, n_owners)
    excl[TOTAL] = Side(excl[TOTAL].amount + limit_excl, excl[TOTAL].known)
    incl[TOTAL] = Side(incl[TOTAL].amount + limit_incl, incl[TOTAL].known)
    has_rows = np.zeros(n_owners, dtype=np.bool_)
    for row in rows:
        has_rows[owner[row.period]] = True
    return Totals(excl, incl, limit_excl, limit_incl, has_rows, too_large)


def _side(rows: list[Rows], owner: Ints, n_owners: int, wanted: Callable[[Slot], bool], side: str) -> Side:
    amount = np.zeros(n_owners, dtype=np.int64)
    known = np.ones(n_owners, dtype=np.bool_)
    for row in rows:
        if wanted(row.slot):
            values, flags = (row.excl, row.excl_known) if side == "excl" else (row.incl, row.incl_known)
            amount += _by_owner(values, owner[row.period], n_owners)
            known[owner[row.period[~flags]]] = False
    return Side(amount, known)


def _by_owner(values: Ints, owners: Ints, n_owners: int) -> Ints:
    """Add values up per owner; owners are in order."""
    total = np.zeros(n_owners, dtype=np.int64)
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    total[owners[starts]] = sums(values, starts)
    return total


def _too_large(rows: list[Rows], owner: Ints, n_owners: int) -> Flags:
    """Tell which sessions leave the bounds in which their sums are exact."""
    flags = np.zeros(n_owners, dtype=np.bool_)
    for row in rows:
        flags[owner[row.period[row.too_large]]] = True
    flags |= _sum_exceeds([(row, np.where(row.excl_known, row.excl, 0)) for row in rows], owner, n_owners)
    flags |= _sum_exceeds([(row, np.where(row.incl_known, row.incl, 0)) for row in rows], owner, n_owners)
    return flags


def _sum_exceeds(values: list[tuple[Rows, Ints]], owner: Ints, n_owners: int) -> Flags:
    parts = [(np.abs(amounts), owner[row.period]) for row, amounts in values]
    coarse = sum(
        (_by_owner(part >> COARSE_BITS, owners, n_owners) for part, owners in parts), np.zeros(n_owners, np.int64)
    )
    exact = sum((_by_owner(part, owners, n_owners) for part, owners in parts), np.zeros(n_owners, np.int64))
    return absolute_sum_exceeds(coarse, exact)


def _distance(book: RuleBook, side: Side, version: Ints, vat: str) -> Ints:
    """Say what must be added to bring a known total between its bounds; the upper bound wins where they cross."""
    single = (version >= 0) & side.known
    low, high = (_bound(book.versions.limits[f"{name}_price_{vat}"][version[single]]) for name in ("min", "max"))
    distance = np.zeros(len(version), dtype=np.int64)
    total = side.amount[single]
    distance[single] = np.minimum(np.maximum(total, low), high) - total
    return distance


def _bound(limit: Ints) -> Ints:
    """Bring a bound from 1e-9 to 1e-12, and leave an absent one as far away as it is."""
    absent = (limit == LOWEST) | (limit == HIGHEST)
    return np.where(absent, limit, np.where(absent, 0, limit) * 1000)
