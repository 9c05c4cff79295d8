"""What a reader of a priced session should know, as flags per session with periods."""

from __future__ import annotations

import numpy as np

from models.rating.kernel.amounts import Matched, Pricing
from models.rating.kernel.choosing import NO_VERSION, Choice
from models.rating.kernel.exact import Flags, Ints
from models.rating.kernel.facts import Periods, Sessions
from models.rating.kernel.matching import CHARGING, ENERGY, FLAT, NO_COMPONENT, PARKING, VOLUME_OF, Slot
from models.rating.kernel.rulebook import RuleBook
from models.rating.kernel.totals import TOTAL, Totals
from models.rating.outcome import Note
from models.rating.policy import LimitsOfSeveralTariffs


def notes_of(
    sessions: Sessions,
    periods: Periods,
    choice: Choice,
    pricing: Pricing,
    matched: list[Matched],
    totals: Totals,
    version: Ints,
) -> dict[Note, Flags]:
    """Say which sessions have which notes; `version` is the one that priced a session, or NO_VERSION."""
    first, last = periods.started_at[periods.starts], periods.started_at[periods.edges[1:] - 1]
    start, end = sessions.started_at[periods.owners], sessions.ended_at[periods.owners]
    several = version == NO_VERSION
    excl, incl = totals.excl[TOTAL], totals.incl[TOTAL]
    both = excl.known & incl.known
    ignored = pricing.policy.limits_of_several_tariffs is LimitsOfSeveralTariffs.NOT_APPLIED
    return {
        Note.CREDIT: sessions.flags["is_credit"][periods.owners],
        Note.PERIODS_OUT_OF_ORDER: sessions.flags["has_unordered_periods"][periods.owners],
        Note.UNKNOWN_DIMENSION: sessions.flags["has_unknown_dimensions"][periods.owners],
        Note.PERIOD_OUTSIDE_SESSION: (first < start) | (last > end),
        Note.START_NOT_COVERED: first > start,
        Note.NOTHING_PRICED: ~totals.has_rows,
        Note.MISSING_COMPONENT: _missing_component(periods, choice.version, pricing.book),
        Note.UNPRICED_VOLUME: _unpriced_volume(periods, choice.version, pricing.book, matched),
        Note.TARIFF_OUTSIDE_VALIDITY: periods.owners_with(choice.outside_validity),
        Note.SEVERAL_TARIFFS: several,
        Note.LIMITS_NOT_APPLIED: several & _has_limits(periods, choice, pricing.book) & ignored,
        Note.LIMIT_ON_ONE_SIDE: both & ((totals.limit.excl == 0) != (totals.limit.incl == 0)),
        Note.VAT_UNKNOWN: ~both,
    }


def _has_limits(periods: Periods, choice: Choice, book: RuleBook) -> Flags:
    if not book.versions.has_limits.any():
        return np.zeros(len(periods.owners), dtype=np.bool_)
    return periods.owners_with(book.versions.has_limits[choice.version])


def _missing_component(periods: Periods, version: Ints, book: RuleBook) -> Flags:
    """Tell which sessions charged under tariffs that have no price for it anywhere, and no FLAT either."""
    priced = (book.count[ENERGY] > 0) | (book.count[CHARGING] > 0) | (book.count[FLAT] > 0)
    if priced.all():
        return np.zeros(len(periods.owners), dtype=np.bool_)
    charged = (periods.volumes[VOLUME_OF[ENERGY]] != 0) | (periods.volumes[VOLUME_OF[CHARGING]] != 0)
    return periods.owners_with(charged) & ~periods.owners_with(priced[version])


def _unpriced_volume(periods: Periods, version: Ints, book: RuleBook, matched: list[Matched]) -> Flags:
    """Tell which sessions have volume that met no component although its tariff prices the dimension.

    Parking is left out: a grace time before it costs is what most tariffs mean.
    """
    flags = np.zeros(len(version), dtype=np.bool_)
    for found in matched:
        if found.slot in VOLUME_OF and found.slot != PARKING:
            without = found.asked[found.found == NO_COMPONENT]
            flags[without[_prices(book, found.slot, version[without])]] = True
    return periods.owners_with(flags)


def _prices(book: RuleBook, slot: Slot, version: Ints) -> Flags:
    return book.count[slot][version] > 0
