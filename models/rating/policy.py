"""Named choices on the points that OCPI leaves open; the defaults are those of ARCHITECTURE.md.

A policy is recorded on every priced row, so that a price can be told apart from a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final


class StepBase(StrEnum):
    """Which volume `step_size` rounds up (ocpi/ocpi#546)."""

    PRICED_VOLUME = "priced_volume"
    """only volume that had a price; free minutes fill no step"""


class ParkThenCharge(StrEnum):
    """Which of the two clocks is stepped when a session has both."""

    PARKING_ALONE = "parking_alone"
    """parking where it was priced, charging time otherwise, whatever came last"""


class HourSnapping(StrEnum):
    """Whether hours of four decimals are first turned back into whole seconds."""

    NONE = "none"
    """0.3334 h is 1200.24 s, and starts a new step of 600 s"""


class FlatRepetition(StrEnum):
    """How often a FLAT component is charged (ocpi/ocpi#390)."""

    ONCE_PER_SESSION = "once_per_session"
    """once for the session, and once more for its reservation"""


class TimeWithoutDimension(StrEnum):
    """What a TIME price does to a CDR that lists no TIME."""

    FREE = "free"
    """nothing is billed that was not claimed"""


class EqualBounds(StrEnum):
    """What a window means whose start and end are the same time of day (ocpi/ocpi#466)."""

    NEVER = "never"
    """it is empty; an end of 00:00 is the end of the day and not such a case"""


class NightWeekday(StrEnum):
    """Which weekday the small hours of an overnight window belong to."""

    OF_THE_INSTANT = "of_the_instant"
    """the local calendar's, so 02:00 after a Saturday evening is Sunday"""


class LimitsOfSeveralTariffs(StrEnum):
    """What min_price and max_price do when several tariffs price one session."""

    NOT_APPLIED = "not_applied"
    """nothing, and a note says so"""


class RoundingPlace(StrEnum):
    """Where amounts are rounded to billed decimals."""

    NOT_HERE = "not_here"
    """rating keeps precise amounts; billing rounds"""


class AbsentVat(StrEnum):
    """What a component without `vat` says under prices that exclude tax (ocpi/ocpi#409)."""

    UNKNOWN = "unknown"
    """nothing: the amount including VAT is unknown, as in 2.1.1 and under tax_included NO of 2.3.0"""
    NOT_APPLICABLE = "not_applicable"
    """that no VAT applies: the amount including VAT is the amount (text of 2.2.1)"""


@dataclass(frozen=True, slots=True)
class Policy:
    """One choice per open point."""

    step_base: StepBase = StepBase.PRICED_VOLUME
    park_then_charge: ParkThenCharge = ParkThenCharge.PARKING_ALONE
    hour_snapping: HourSnapping = HourSnapping.NONE
    flat_repetition: FlatRepetition = FlatRepetition.ONCE_PER_SESSION
    time_without_dimension: TimeWithoutDimension = TimeWithoutDimension.FREE
    equal_bounds: EqualBounds = EqualBounds.NEVER
    night_weekday: NightWeekday = NightWeekday.OF_THE_INSTANT
    limits_of_several_tariffs: LimitsOfSeveralTariffs = LimitsOfSeveralTariffs.NOT_APPLIED
    rounding_place: RoundingPlace = RoundingPlace.NOT_HERE
    absent_vat: AbsentVat = AbsentVat.UNKNOWN

    def __str__(self) -> str:
        """Write the choices as `name=value` pairs joined by `;`, the form of the column `policy`."""
        return ";".join(f"{choice.name}={getattr(self, choice.name)}" for choice in fields(self))


DEFAULT_POLICY: Final = Policy()
