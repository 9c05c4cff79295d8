"""From matched components to amounts: volumes and fixed fees, and VAT on each.

An amount that is not known keeps its face value beside a flag, and becomes null in the frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.rating.kernel.exact import (
    UNITS_OF_PRODUCT,
    VOLUME_UNIT,
    Flags,
    Ints,
    edges_of,
    is_first,
    product_over,
    rounded_quotient,
)
from models.rating.kernel.facts import Periods
from models.rating.kernel.matching import NO_COMPONENT, SLOTS, VOLUME_OF, Moments, Scopes, Slot, first_matches
from models.rating.kernel.matching import rows_of_slot as rows_of
from models.rating.kernel.rulebook import MODES, NO_RATE, WHOLE, Components, RuleBook
from models.rating.policy import AbsentVat, FlatRepetition, Policy, RoundingPlace
from models.types.vocabularies import ComponentKind, Dimension, TaxIncluded


@dataclass(frozen=True, slots=True)
class Rows:
    """Priced components of one kind and slot: one entry per row, in the order of periods."""

    kind: ComponentKind
    slot: Slot
    period: Ints
    """place of the period; the same as everywhere"""
    edges: Ints
    """where the rows of each session with periods begin, and where the last end"""
    component: Ints
    volume: Ints
    """in 1e-9 kWh or hours"""
    excl: Ints
    incl: Ints
    excl_known: Flags
    incl_known: Flags
    too_large: Flags


@dataclass(frozen=True, slots=True)
class Matched:
    """Where a slot found its components; `rows` and `component` are those that are priced, in the order of periods."""

    slot: Slot
    asked: Ints
    """every period that has something to be priced in the slot; none where no tariff prices it"""
    found: Ints
    """the component of each that was asked, or NO_COMPONENT; fixed fees are asked for no further than to the first"""
    rows: Ints
    component: Ints


@dataclass(frozen=True, slots=True)
class Pricing:
    """What an amount depends on beside its component and volume."""

    book: RuleBook
    policy: Policy
    periods: Periods
    minor_unit: Ints
    """per session with periods: the smallest amount of its currency, in 1e-12"""


def matched_slots(book: RuleBook, periods: Periods, moments: Moments, scopes: Scopes, policy: Policy) -> list[Matched]:
    """Find the components of every volume of every period, and of the fixed fees, slot by slot."""
    return [_matched(book, periods, moments, scopes, policy, slot) for slot in SLOTS]


def _matched(book: RuleBook, periods: Periods, moments: Moments, scopes: Scopes, policy: Policy, slot: Slot) -> Matched:
    if not book.count[slot].any():
        nothing = np.zeros(0, dtype=np.int64)
        return Matched(slot, nothing, nothing, nothing, nothing)
    asked = rows_of(periods, scopes, slot)
    if slot[1] is Dimension.FLAT and policy.flat_repetition is FlatRepetition.ONCE_PER_SESSION:
        found = _first_of_sessions(book, periods, moments, slot, asked, policy)
    else:
        found = first_matches(book, moments, slot, asked, policy)
    matched = np.flatnonzero(found != NO_COMPONENT)
    if slot[1] is Dimension.FLAT:
        keys = flat_keys(book, policy, found[matched])
        matched = matched[~repeated(periods.session[asked[matched]], keys)]
    return Matched(slot, asked, found, asked[matched], found[matched])


def _first_of_sessions(
    book: RuleBook, periods: Periods, moments: Moments, slot: Slot, asked: Ints, policy: Policy
) -> Ints:
    """Match the first period of each session, and the others only of sessions that found nothing there."""
    found = np.full(len(asked), NO_COMPONENT, dtype=np.int64)
    owner = periods.owner[asked]
    is_start = is_first(owner)
    starts = np.flatnonzero(is_start)
    found[starts] = first_matches(book, moments, slot, asked[starts], policy)
    settled = found[starts] != NO_COMPONENT
    if settled.all():
        return found
    is_settled = np.zeros(len(periods.owners), dtype=np.bool_)
    is_settled[owner[starts[settled]]] = True
    others = np.flatnonzero(~is_start & ~is_settled[owner])
    found[others] = first_matches(book, moments, slot, asked[others], policy)
    return found


def flat_keys(book: RuleBook, policy: Policy, component: Ints) -> Ints:
    """Say within what a fixed fee is charged once (P9): the session, its tariff or its element."""
    if policy.flat_repetition is FlatRepetition.ONCE_PER_SESSION:
        return np.zeros(len(component), dtype=np.int64)
    version = book.components.version[component]
    if policy.flat_repetition is FlatRepetition.ONCE_PER_TARIFF:
        return version
    return version * (int(book.components.element_index.max(initial=0)) + 1) + book.components.element_index[component]


def repeated(session: Ints, key: Ints) -> Flags:
    """Tell which entries are not the first of their session and key; sessions are in order."""
    if not key.any():
        return ~is_first(session)
    order = np.lexsort((np.arange(len(key)), key, session))
    same = np.zeros(len(key), dtype=np.bool_)
    same[order[1:]] = (np.diff(session[order]) == 0) & (np.diff(key[order]) == 0)
    return same


def volume_rows(pricing: Pricing, matched: list[Matched]) -> list[Rows]:
    """Price what was matched: volumes by their unit price, fixed fees once."""
    return [_slot_rows(pricing, found) for found in matched]


def _slot_rows(pricing: Pricing, found: Matched) -> Rows:
    is_flat = found.slot[1] is Dimension.FLAT
    volume = np.full(len(found.rows), VOLUME_UNIT, dtype=np.int64) if is_flat else _volume(pricing.periods, found)
    return priced_rows(
        pricing,
        ComponentKind.FLAT if is_flat else ComponentKind.VOLUME,
        found.slot,
        period=found.rows,
        component=found.component,
        volume=volume,
        charged=volume,
        divisor=UNITS_OF_PRODUCT,
    )


def _volume(periods: Periods, found: Matched) -> Ints:
    return periods.volumes[VOLUME_OF[found.slot]][found.rows]


def priced_rows(
    pricing: Pricing,
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
    rules = pricing.book.components
    price = rules.price_factor
    face, too_large = product_over(charged, price.values[component], divisor // price.common)
    excl, incl = _taxed(rules, face, component, too_large)
    known = _known_sides(pricing, face, component)
    edges = edges_of(pricing.periods.owner[period], len(pricing.periods.owners))
    rows = Rows(kind, slot, period, edges, component, volume, excl, incl, *known, too_large)
    return rounded_rows(rows, pricing) if pricing.policy.rounding_place is RoundingPlace.EACH_ROW else rows


def rounded_rows(rows: Rows, pricing: Pricing) -> Rows:
    """Round each amount to the minor unit of its currency."""
    unit = pricing.minor_unit[pricing.periods.owner[rows.period]]
    return replace(
        rows,
        excl=rounded_quotient(rows.excl, unit) * unit,
        incl=rounded_quotient(rows.incl, unit) * unit,
    )


def _taxed(rules: Components, face: Ints, component: Ints, too_large: Flags) -> tuple[Ints, Ints]:
    """Give amounts without and with VAT where there is a rate (P12, P16), else the face value twice."""
    vat = rules.vat_factor
    whole = WHOLE // vat.common
    if rules.is_net.all():
        incl, beyond = product_over(face, vat.values[component], whole)
        too_large |= beyond
        return face, incl
    excl, incl = face.copy(), face.copy()
    net, gross = np.flatnonzero(rules.is_net[component]), np.flatnonzero(rules.is_gross[component])
    incl[net], beyond = product_over(face[net], vat.values[component[net]], whole)
    too_large[net] |= beyond
    wholes = np.full(len(gross), whole, dtype=np.int64)
    excl[gross], beyond = product_over(face[gross], wholes, vat.values[component[gross]])
    too_large[gross] |= beyond
    return excl, incl


def _known_sides(pricing: Pricing, face: Ints, component: Ints) -> tuple[Flags, Flags]:
    """Tell whether the amounts without and with VAT are known; nothing stays nothing at any rate."""
    rules, rated = pricing.book.components, np.ones(len(face), dtype=np.bool_)
    if (rules.vat_rate != NO_RATE).all():
        return rated, rated
    unknown = (rules.vat_rate[component] == NO_RATE) & (face != 0)
    mode = pricing.book.versions.mode[rules.version[component]]
    incl_unknown = unknown & (mode == MODES.index(TaxIncluded.NO))
    if pricing.policy.absent_vat is AbsentVat.NOT_APPLICABLE:
        incl_unknown = ~rated
    return ~(unknown & (mode == MODES.index(TaxIncluded.YES))), ~incl_unknown
