"""What rating says about one session: its rows, its totals, and in which words it declines."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from models.ocpi.canonical import Price, Tariff
from models.types.vocabularies import ComponentKind, Dimension, RatingOutcome, TaxIncluded


class Reason(StrEnum):
    """Why a session is not priced, as the sentence that people read. Where several hold, the first listed is given."""

    NO_PERIODS = "the session has no charging periods"
    END_BEFORE_START = "the session ends before it starts"
    NO_TARIFF = "no tariff is known for the session"
    UNKNOWN_TARIFF = "a charging period names a tariff that is not among the session's tariffs"
    NO_VALID_TARIFF = "no tariff of the session is valid at its start"
    CURRENCY_DIFFERS = "a tariff has another currency than the session"
    NO_TIME_ZONE = "a tariff has local times, days or dates and the time zone of the location is unknown"
    OUT_OF_RANGE = "a volume, price or amount is too large to be priced exactly"


class Note(StrEnum):
    """What a reader of a priced session should know; listed in this order."""

    CREDIT = "credit"
    """a credit CDR: its total is negative, its parts stay positive as those of the original do"""
    PERIODS_OUT_OF_ORDER = "periods_out_of_order"
    """the CDR listed its charging periods in another order than that of time; they were sorted"""
    UNKNOWN_DIMENSION = "unknown_dimension"
    """a charging period has a dimension that OCPI does not know; it was not priced"""
    PERIOD_OUTSIDE_SESSION = "period_outside_session"
    """a charging period starts before the session or after its end"""
    START_NOT_COVERED = "start_not_covered"
    """the first charging period starts after the session: what happened before it is not said"""
    MISSING_ZONE = "missing_zone"
    """a tariff has local times, days or dates and the time zone of the location is unknown"""
    PERIOD_SPANS_PRICE_CHANGE = "period_spans_price_change"
    """a price changes inside a charging period, which the operator should have cut there (P3)"""
    AMBIGUOUS_HOUR = "ambiguous_hour"
    """the price depends on which of two doubled hours a tariff's time means, on a night when clocks are set back"""
    NOTHING_PRICED = "nothing_priced"
    """no component of any tariff applied: the session is free"""
    MISSING_COMPONENT = "missing_component"
    """the session charged, and its tariffs have no price for energy or charging time, and no FLAT either"""
    UNPRICED_VOLUME = "unpriced_volume"
    """a tariff prices energy, charging or reservation, but not all volume of it met the restrictions; parking is not
    meant, because a grace time before it costs is usual"""
    TARIFF_OUTSIDE_VALIDITY = "tariff_outside_validity"
    """a charging period names a tariff that was not valid at session start; it was priced by it all the same"""
    SEVERAL_TARIFFS = "several_tariffs"
    LIMITS_NOT_APPLIED = "limits_not_applied"
    """several tariffs priced the session and one has a min_price or max_price: OCPI does not say what it bounds"""
    LIMIT_ON_ONE_SIDE = "limit_on_one_side"
    """a limit moved the amount without VAT or the amount with VAT, and not the other"""
    VAT_UNKNOWN = "vat_unknown"
    """a priced component has no VAT rate, so one of the totals is unknown"""


class CannotPriceError(Exception):
    """Raised inside the reference where a session cannot be priced; it leaves as an outcome."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PricedRow:
    """One priced component: the same facts as a row of `priced.RatedComponents`."""

    kind: ComponentKind
    tariff: Tariff
    amount_excl_vat: Decimal | None
    amount_incl_vat: Decimal | None
    period_index: int | None = None
    dimension: Dimension | None = None
    is_reservation: bool = False
    element_index: int | None = None
    component_index: int | None = None
    volume: Decimal | None = None
    """as measured; None for what a step adds and for what no volume is behind"""
    billed_volume: Decimal | None = None
    unit_price: Decimal | None = None
    vat_rate_pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PricedCdr:
    """One session priced by the reference; amounts are precise, sums of rows equal totals to the last digit."""

    outcome: RatingOutcome
    reason: Reason | None = None
    currency: str | None = None
    tax_included: TaxIncluded | None = None
    """None where several tariffs with different answers priced the session."""
    tariffs: tuple[Tariff, ...] = ()
    """The tariffs that priced it, in order of first use."""
    total: Price | None = None
    energy: Price | None = None
    time: Price | None = None
    parking: Price | None = None
    fixed: Price | None = None
    reservation: Price | None = None
    billed_energy_kwh: Decimal | None = None
    billed_charging_hours: Decimal | None = None
    billed_parking_hours: Decimal | None = None
    rows: tuple[PricedRow, ...] = ()
    notes: tuple[Note, ...] = ()

    @classmethod
    def declined(cls, reason: Reason) -> Self:
        """Give the outcome of a session that cannot be priced."""
        notes = (Note.MISSING_ZONE,) if reason is Reason.NO_TIME_ZONE else ()
        return cls(RatingOutcome.NOT_PRICED, reason, notes=notes)
