"""Where a CDR leaves the price open: which notes that earns, and the interval that the price is in.

The interval is conservative: whatever the operator's finer record says, the price by it lies inside. Volumes are priced
at the least and the highest of what is possible for their period; a step whose volume or component is open adds
nothing or a whole step; limits, the rounding of the total and a credit's sign act on both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rating.kernel.amounts import Matched, Pricing, Rows, flat_keys, priced_rows
from models.rating.kernel.crossings import Surroundings, uncertain_periods
from models.rating.kernel.exact import UNITS_OF_PRODUCT, VOLUME_UNIT, Flags, Ints, edges_of, is_first, sums
from models.rating.kernel.matching import (
    CHARGING,
    ENERGY,
    NO_COMPONENT,
    PARKING,
    SLOTS,
    VOLUME_OF,
    Slot,
)
from models.rating.kernel.spans import (
    Possible,
    distinct_pairs,
    pairs_of,
    possible_matches,
)
from models.rating.kernel.totals import Owners, Side, rounded_total, with_limits
from models.rating.outcome import Note
from models.rating.policy import FlatRepetition, HourSnapping, RoundingPlace
from models.types.vocabularies import ComponentKind, Dimension

_WH: Final = 10**6
_SECOND: Final = 10**9
_SECONDS_OF_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Openness:
    """Per session with periods: the notes, whether an interval is given, and its ends without and with VAT."""

    spans: Flags
    is_ambiguous: Flags
    is_open: Flags
    low: dict[str, Side]
    high: dict[str, Side]

    @property
    def notes(self) -> dict[Note, Flags]:
        """Give the notes that it earns."""
        return {Note.PERIOD_SPANS_PRICE_CHANGE: self.spans, Note.AMBIGUOUS_HOUR: self.is_ambiguous}


def openness_of(
    around: Surroundings, pricing: Pricing, matched: list[Matched], steps: list[Rows], owners: Owners
) -> Openness:
    """Look into the periods that need it, and bound the price of their sessions."""
    n = len(around.periods.owners)
    spans, ambiguous = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    uncertain = uncertain_periods(around)
    possible: dict[Slot, Possible] = {}
    for found in matched if uncertain.any() else ():
        rows = found.asked[np.flatnonzero(uncertain[found.asked])]
        if len(rows):
            possible[found.slot] = possible_matches(around, found.slot, rows)
            at_start, other = _differs(around, found, possible[found.slot])
            spans[around.periods.owner[at_start]] = True
            ambiguous[around.periods.owner[other]] = True
    is_open = spans | ambiguous
    if around.is_zone_unknown:
        is_open = np.ones(n, dtype=np.bool_)
    if not is_open.any() or not _is_bounded(around):
        nothing = {name: Side(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)) for name in ("excl", "incl")}
        return Openness(spans, ambiguous, is_open, nothing, nothing)
    low, high = _bounds(around, pricing, matched, possible, steps, is_open)
    for sides in (low, high):
        with_limits(pricing, sides, owners)
        rounded_total(pricing, sides)
    return Openness(spans, ambiguous, is_open, *_credited(low, high, owners))


def _is_bounded(around: Surroundings) -> bool:
    """Tell whether the policy lets the price be bounded: not where each row is rounded or steps snap to seconds."""
    is_rounded_inside = around.policy.rounding_place in (RoundingPlace.EACH_ROW, RoundingPlace.EACH_PERIOD)
    return not is_rounded_inside and around.policy.hour_snapping is HourSnapping.NONE


def _differs(around: Surroundings, found: Matched, possible: Possible) -> tuple[Ints, Ints]:
    """List periods whose price changes inside, and those whose price a second reading of the hour would change."""
    if found.slot[1] is Dimension.FLAT:
        new = _charges_anew(around, found, possible)
        return possible.period[new & ~possible.is_alternative], possible.period[new & possible.is_alternative]
    price = np.where(possible.component == NO_COMPONENT, -1, around.book.components.price_class[possible.component])
    width = int(price.max(initial=0)) + 2
    pair = possible.period * width + price + 1
    plain = np.sort(pair[~possible.is_alternative], kind="stable")
    period = plain[is_first(plain)] // width
    changed = period[~is_first(period)]
    second = np.flatnonzero(possible.is_alternative)
    same = np.append(plain, -1)[np.searchsorted(plain, pair[second])] == pair[second]
    return changed, possible.period[second[~same]]


def _charges_anew(around: Surroundings, found: Matched, possible: Possible) -> Flags:
    """Tell which possible fixed fees are not charged by the start of their period."""
    is_fee = possible.component != NO_COMPONENT
    key = np.zeros(len(is_fee), dtype=np.int64)
    key[is_fee] = flat_keys(around.book, around.policy, possible.component[is_fee])
    charged_key = flat_keys(around.book, around.policy, found.component)
    width = int(max(key.max(initial=0), charged_key.max(initial=0))) + 1
    charged = around.periods.owner[found.rows] * width + charged_key
    order = np.argsort(charged)
    wanted = around.periods.owner[possible.period] * width + key
    place = np.minimum(np.searchsorted(charged[order], wanted), max(len(charged) - 1, 0))
    if not len(charged):
        return is_fee
    hit = order[place]
    is_charged = (charged[hit] == wanted) & (found.rows[hit] <= possible.period)
    return is_fee & ~is_charged


def _bounds(
    around: Surroundings,
    pricing: Pricing,
    matched: list[Matched],
    possible: dict[Slot, Possible],
    steps: list[Rows],
    is_open: Flags,
) -> tuple[dict[str, Side], dict[str, Side]]:
    n = len(around.periods.owners)
    low = {name: Side(np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)) for name in ("excl", "incl")}
    high = {name: Side(np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.bool_)) for name in ("excl", "incl")}
    options = {found.slot: _options(around, found, possible.get(found.slot)) for found in matched}
    open_slots = {slot: _open_owners(around, possible.get(slot)) for slot in SLOTS}
    for slot, (every, found) in options.items():
        asked = is_open[around.periods.owner[every]]
        period, component = every[asked], found[asked]
        options[slot] = period, component
        rows = _priced(around, pricing, slot, period, component)
        if slot[1] is Dimension.FLAT:
            _add_fees(around, rows, _charged(around, matched, slot), low, high)
        else:
            _add_extremes(around, rows, low, high)
    for rows in steps:
        _add_steps(around, pricing, rows, options[rows.slot], _is_step_open(rows.slot, open_slots), low, high)
    return low, high


def _options(around: Surroundings, found: Matched, possible: Possible | None) -> tuple[Ints, Ints]:
    """Give pairs of period and component: what is possible where a period was looked into, else what was found.

    Fixed fees: those charged, and those that could be charged beside or instead.
    """
    is_flat = found.slot[1] is Dimension.FLAT
    period, component = (found.rows, found.component) if is_flat else (found.asked, found.found)
    if possible is None:
        return period, component
    if is_flat:
        certain = np.full(len(period), not around.is_zone_unknown)
        counts = possible.is_alternative | around.is_zone_unknown | _charges_anew(around, found, possible)
    else:
        looked_into = np.zeros(len(around.version), dtype=np.bool_)
        looked_into[possible.period] = True
        certain = ~looked_into[period]
        counts = np.ones(len(possible.period), dtype=np.bool_)
    every = np.concatenate([component[certain], possible.component[counts]])
    pairs = distinct_pairs(np.concatenate([period[certain], possible.period[counts]]), every)
    return pairs_of(pairs, every)


def _open_owners(around: Surroundings, possible: Possible | None) -> Flags:
    """Tell which sessions have more than one possible component in some period of a slot."""
    found = np.full(len(around.periods.owners), around.is_zone_unknown)
    if possible is not None:
        period, _ = pairs_of(distinct_pairs(possible.period, possible.component), possible.component)
        found[around.periods.owner[period[1:][period[1:] == period[:-1]]]] = True
    return found


def _is_step_open(slot: Slot, open_slots: dict[Slot, Flags]) -> Flags:
    """Tell whose step is open: of two clocks one is stepped, so either may open the other's."""
    if slot in (CHARGING, PARKING):
        return open_slots[CHARGING] | open_slots[PARKING]
    return open_slots[slot]


def _priced(around: Surroundings, pricing: Pricing, slot: Slot, period: Ints, component: Ints) -> Rows:
    """Price pairs of period and component; what is free has component 0 here and is set to nothing afterwards."""
    is_flat = slot[1] is Dimension.FLAT
    priced = component != NO_COMPONENT
    volume = np.full(len(period), VOLUME_UNIT) if is_flat else around.periods.volumes[VOLUME_OF[slot]][period]
    return priced_rows(
        pricing,
        ComponentKind.VOLUME,
        slot,
        period=period,
        component=np.where(priced, component, 0),
        volume=volume,
        charged=np.where(priced, volume, 0),
        divisor=UNITS_OF_PRODUCT,
    )


def _sides(rows: Rows) -> dict[str, tuple[Ints, Flags]]:
    return {"excl": (rows.excl, rows.excl_known), "incl": (rows.incl, rows.incl_known)}


def _add_extremes(around: Surroundings, rows: Rows, low: dict[str, Side], high: dict[str, Side]) -> None:
    """Add the least and the highest amount of each period."""
    period = rows.period
    first = np.flatnonzero(np.diff(period, prepend=-1))
    if not len(first):
        return
    edges = edges_of(around.periods.owner[period[first]], len(around.periods.owners))
    for name, (amount, known) in _sides(rows).items():
        low[name].amount[:] += sums(np.minimum.reduceat(amount, first), edges)
        high[name].amount[:] += sums(np.maximum.reduceat(amount, first), edges)
        _unknown(around, low[name], high[name], period[~known])


def _charged(around: Surroundings, matched: list[Matched], slot: Slot) -> Flags:
    """Tell which sessions are charged a fixed fee by what their periods say."""
    flags = np.zeros(len(around.periods.owners), dtype=np.bool_)
    for found in matched:
        if found.slot == slot and not around.is_zone_unknown:
            flags[around.periods.owner[found.rows]] = True
    return flags


def _add_fees(around: Surroundings, rows: Rows, charged: Flags, low: dict[str, Side], high: dict[str, Side]) -> None:
    """Add fixed fees: per key the least and the highest of those possible, and nothing where none is certain."""
    if not len(rows.period):
        return
    owner = around.periods.owner[rows.period]
    key = flat_keys(around.book, around.policy, rows.component)
    certain = charged & _has_one_fee(around, rows)
    order = np.lexsort((key, owner))
    group = owner[order] * (int(key.max()) + 1) + key[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    edges = edges_of(owner[order][first], len(around.periods.owners))
    is_certain = certain[owner[order][first]]
    for name, (amount, known) in _sides(rows).items():
        least = np.minimum.reduceat(amount[order], first)
        most = np.maximum.reduceat(amount[order], first)
        low[name].amount[:] += sums(np.where(is_certain, least, np.minimum(least, 0)), edges)
        high[name].amount[:] += sums(np.where(is_certain, most, np.maximum(most, 0)), edges)
        _unknown(around, low[name], high[name], rows.period[~known])


def _has_one_fee(around: Surroundings, rows: Rows) -> Flags:
    """Tell which sessions have one fixed fee possible and no more than that."""
    count = np.bincount(around.periods.owner[rows.period], minlength=len(around.periods.owners))
    once = around.policy.flat_repetition is FlatRepetition.ONCE_PER_SESSION
    return (count == 1) if once else np.zeros(len(count), dtype=np.bool_)


def _add_steps(
    around: Surroundings,
    pricing: Pricing,
    rows: Rows,
    options: tuple[Ints, Ints],
    is_open: Flags,
    low: dict[str, Side],
    high: dict[str, Side],
) -> None:
    """Add steps as they are where nothing of them is open; elsewhere between nothing and a whole step."""
    n = len(around.periods.owners)
    closed = ~is_open[around.periods.owner[rows.period]]
    edges = edges_of(around.periods.owner[rows.period[closed]], n)
    for name, (amount, known) in _sides(rows).items():
        for side in (low[name], high[name]):
            side.amount[:] += sums(amount[closed], edges)
        _unknown(around, low[name], high[name], rows.period[closed & ~known])
    period, component = options
    wanted = (component != NO_COMPONENT) & is_open[around.periods.owner[period]]
    whole = _whole_steps(pricing, rows.slot, period[wanted], component[wanted])
    owner = around.periods.owner[whole.period]
    for name, (amount, known) in _sides(whole).items():
        np.minimum.at(least := np.zeros(n, dtype=np.int64), owner, amount)
        np.maximum.at(most := np.zeros(n, dtype=np.int64), owner, amount)
        low[name].amount[:] += least
        high[name].amount[:] += most
        _unknown(around, low[name], high[name], whole.period[~known])


def _whole_steps(pricing: Pricing, slot: Slot, period: Ints, component: Ints) -> Rows:
    is_energy = slot == ENERGY
    step = pricing.book.components.step_size[component] * (_WH if is_energy else _SECOND)
    return priced_rows(
        pricing,
        ComponentKind.STEP,
        slot,
        period=period,
        component=component,
        volume=step,
        charged=step,
        divisor=UNITS_OF_PRODUCT if is_energy else UNITS_OF_PRODUCT * _SECONDS_OF_HOUR,
    )


def _unknown(around: Surroundings, low: Side, high: Side, periods: Ints) -> None:
    owner = around.periods.owner[periods]
    low.known[owner] = False
    high.known[owner] = False


def _credited(low: dict[str, Side], high: dict[str, Side], owners: Owners) -> tuple[dict[str, Side], dict[str, Side]]:
    """Turn the interval of a credit around: its least is the negative of what was the highest."""
    turned = owners.is_credit
    least = {name: Side(np.where(turned, -high[name].amount, side.amount), side.known) for name, side in low.items()}
    most = {name: Side(np.where(turned, -low[name].amount, side.amount), side.known) for name, side in high.items()}
    return least, most
