"""From matched components to amounts: volumes and fixed fees, and VAT on each.

An amount that is not known keeps its face value beside a flag, and becomes null in the frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.exact import UNITS_OF_PRODUCT, VOLUME_UNIT, Flags, Ints, product_over
from models.rating.facts import Periods
from models.rating.matching import NO_COMPONENT, SLOTS, VOLUME_OF, Moments, Scopes, Slot, first_matches
from models.rating.policy import AbsentVat, Policy
from models.rating.rulebook import MODES, NO_RATE, PERCENT_UNIT, RuleBook
from models.types.vocabularies import ComponentKind, Dimension, TaxIncluded

_WHOLE: Final = 100 * PERCENT_UNIT
"""100 percent in units of 1e-4 percent."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Priced components of one kind and slot: one entry per row, in the order of periods."""

    kind: ComponentKind
    slot: Slot
    period: Ints
    """place of the period; the same as everywhere"""
    component: Ints
    volume: Ints
    """in 1e-9 kWh or hours"""
    excl: Ints
    incl: Ints
    excl_known: Flags
    incl_known: Flags
    too_large: Flags


def volume_rows(book: RuleBook, periods: Periods, moments: Moments, scopes: Scopes, policy: Policy) -> list[Rows]:
    """Price every volume of every period, and the fixed fees, slot by slot."""
    return [_slot_rows(book, periods, moments, scopes, policy, slot) for slot in SLOTS]


def _slot_rows(
    book: RuleBook,
    periods: Periods,
    moments: Moments,
    scopes: Scopes,
    policy: Policy,
    slot: Slot,
) -> Rows:
    is_reservation, dimension = slot
    in_scope = scopes.reservation if is_reservation else scopes.session
    volume = None if dimension is Dimension.FLAT else periods.volumes[VOLUME_OF[slot]]
    rows = np.flatnonzero(in_scope if volume is None else in_scope & (volume != 0))
    component = first_matches(book, moments, slot, rows)
    matched = component != NO_COMPONENT
    if volume is None:
        matched[np.flatnonzero(matched)[_repeated(periods.session[rows[matched]])]] = False
    rows, component = rows[matched], component[matched]
    amount = np.full(len(rows), VOLUME_UNIT, dtype=np.int64) if volume is None else volume[rows]
    kind = ComponentKind.FLAT if volume is None else ComponentKind.VOLUME
    return priced_rows(
        book,
        policy,
        kind,
        slot,
        period=rows,
        component=component,
        volume=amount,
        charged=amount,
        divisor=UNITS_OF_PRODUCT,
    )


def _repeated(session: Ints) -> Flags:
    """Tell which entries are not the first of their session: FLAT is charged once (P9)."""
    return np.diff(session, prepend=-1) == 0


def priced_rows(
    book: RuleBook,
    policy: Policy,
    kind: ComponentKind,
    slot: Slot,
    *,
    period: Ints,
    component: Ints,
    volume: Ints,
    charged: Ints,
    divisor: int,
) -> Rows:
    """Multiply what is charged by the unit price, and add or take off VAT."""
    rules = book.components
    face, too_large = product_over(charged, rules.unit_price[component], divisor)
    mode = book.versions.mode[rules.version[component]]
    taxed = _taxed(face, rules.vat_rate[component], mode, too_large)
    known = _known_sides(face, rules.vat_rate[component], mode, policy)
    return Rows(kind, slot, period, component, volume, *taxed, *known, too_large)


def _taxed(face: Ints, rate: Ints, mode: Ints, too_large: Flags) -> tuple[Ints, Ints]:
    """Give amounts without and with VAT where there is a rate (P12, P16), else the face value twice."""
    gross = (rate != NO_RATE) & (mode == MODES.index(TaxIncluded.YES))
    net = (rate != NO_RATE) & (mode == MODES.index(TaxIncluded.NO))
    excl, incl = face.copy(), face.copy()
    incl[net], too_large[net] = _beyond(too_large[net], product_over(face[net], _WHOLE + rate[net], _WHOLE))
    whole = np.full(int(gross.sum()), _WHOLE, dtype=np.int64)
    excl[gross], too_large[gross] = _beyond(too_large[gross], product_over(face[gross], whole, _WHOLE + rate[gross]))
    return excl, incl


def _beyond(before: Flags, product: tuple[Ints, Flags]) -> tuple[Ints, Flags]:
    return product[0], before | product[1]


def _known_sides(face: Ints, rate: Ints, mode: Ints, policy: Policy) -> tuple[Flags, Flags]:
    """Tell whether the amounts without and with VAT are known; nothing stays nothing at any rate."""
    unknown = (rate == NO_RATE) & (face != 0)
    incl_unknown = unknown & (mode == MODES.index(TaxIncluded.NO))
    if policy.absent_vat is AbsentVat.NOT_APPLICABLE:
        incl_unknown = np.zeros(len(face), dtype=np.bool_)
    return ~(unknown & (mode == MODES.index(TaxIncluded.YES))), ~incl_unknown
