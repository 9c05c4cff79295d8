"""Named choices on the points that OCPI leaves open; the defaults are those of ARCHITECTURE.md.

A policy is recorded on every priced row, so that a price can be told apart from a choice. An agreement with a CPO names
the choices in which it differs, as `step_base=all_volume;hour_snapping=whole_seconds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final, Self


class StepBase(StrEnum):
    """Which volume `step_size` rounds up (ocpi/ocpi#546)."""

    PRICED_VOLUME = "priced_volume"
    """only volume that had a price; free minutes fill no step"""
    ALL_VOLUME = "all_volume"
    """the session's whole volume of the dimension, priced or free"""


class ParkThenCharge(StrEnum):
    """Which of the two clocks is stepped when both were priced."""

    PARKING_ALONE = "parking_alone"
    """parking, whatever came last"""
    LAST_CLOCK = "last_clock"
    """the one that was priced last; parking where both were priced in the same period"""


class HourSnapping(StrEnum):
    """Whether steps count hours of four decimals, or the whole seconds that they came from."""

    NONE = "none"
    """0.3334 h is 1200.24 s, and starts a new step of 600 s"""
    WHOLE_SECONDS = "whole_seconds"
    """0.3334 h is 1200 s, two steps of 600 s; the step then takes off what the four decimals said too much"""


class FlatRepetition(StrEnum):
    """How often a FLAT component is charged (ocpi/ocpi#390); a reservation always counts for itself."""

    ONCE_PER_SESSION = "once_per_session"
    ONCE_PER_TARIFF = "once_per_tariff"
    ONCE_PER_ELEMENT = "once_per_element"
    """once for every element that had its turn"""


class TimeWithoutDimension(StrEnum):
    """What a TIME price does to a CDR that lists no TIME in any period."""

    FREE = "free"
    """nothing is billed that was not claimed"""
    WALL_CLOCK = "wall_clock"
    """each period counts from its start to the next, less its parking and reservation, cut to 1e-9 hours"""


class EqualBounds(StrEnum):
    """What a daily window means whose start and end are the same time of day (ocpi/ocpi#466); no start is 00:00."""

    END_OF_DAY = "end_of_day"
    """an end of 00:00 is the end of the day, so 00:00 to 00:00 is all of it; any other such window is empty"""
    NEVER = "never"
    """it is empty"""
    WHOLE_DAY = "whole_day"
    """it is the whole day"""


class NightWeekday(StrEnum):
    """Which weekday the small hours of a window over midnight belong to."""

    OF_THE_INSTANT = "of_the_instant"
    """the local calendar's, so 02:00 after a Saturday evening is Sunday"""
    OF_THE_EVENING = "of_the_evening"
    """the day on which the window opened"""


class DurationClock(StrEnum):
    """What min_duration and max_duration count (P6)."""

    WHOLE_SESSION = "whole_session"
    """from plugging in, charging or not"""
    EACH_DIMENSION = "each_dimension"
    """hours of charging for ENERGY and TIME, hours of parking for PARKING_TIME; FLAT keeps to the session"""


class LimitsOfSeveralTariffs(StrEnum):
    """What min_price and max_price do when several tariffs price one session."""

    NOT_APPLIED = "not_applied"
    """nothing, and a note says so"""
    FIRST_TARIFF = "first_tariff"
    """those of the tariff used first bound the whole session"""


class RoundingPlace(StrEnum):
    """Where amounts are rounded to the minor unit of the currency."""

    NOT_HERE = "not_here"
    """rating keeps precise amounts; billing rounds"""
    EACH_ROW = "each_row"
    """every component of every period"""
    EACH_PERIOD = "each_period"
    """the sum of every period, a step belonging to the last period that it prices"""
    TOTAL = "total"
    """the total, after its limits"""


class AbsentVat(StrEnum):
    """What a component without `vat` says under prices that exclude tax (ocpi/ocpi#409)."""

    UNKNOWN = "unknown"
    """nothing: the amount including VAT is unknown, as in 2.1.1 and under tax_included NO of 2.3.0"""
    NOT_APPLICABLE = "not_applicable"
    """that no VAT applies: the amount including VAT is the amount (text of 2.2.1)"""


class TariffPrecedence(StrEnum):
    """Whose word on the tariff counts where a CDR carries tariffs of its own (ocpi/ocpi#273)."""

    PUBLISHED_FIRST = "published_first"
    """the version that was published at the session's start; a CPO's own copy is its claim"""
    CDR_FIRST = "cdr_first"
    """the tariff inside the CDR"""


@dataclass(frozen=True, slots=True)
class Policy:
    """One choice per open point."""

    step_base: StepBase = StepBase.PRICED_VOLUME
    park_then_charge: ParkThenCharge = ParkThenCharge.PARKING_ALONE
    hour_snapping: HourSnapping = HourSnapping.NONE
    flat_repetition: FlatRepetition = FlatRepetition.ONCE_PER_SESSION
    time_without_dimension: TimeWithoutDimension = TimeWithoutDimension.FREE
    equal_bounds: EqualBounds = EqualBounds.END_OF_DAY
    night_weekday: NightWeekday = NightWeekday.OF_THE_INSTANT
    duration_clock: DurationClock = DurationClock.WHOLE_SESSION
    limits_of_several_tariffs: LimitsOfSeveralTariffs = LimitsOfSeveralTariffs.NOT_APPLIED
    rounding_place: RoundingPlace = RoundingPlace.NOT_HERE
    absent_vat: AbsentVat = AbsentVat.UNKNOWN
    tariff_precedence: TariffPrecedence = TariffPrecedence.PUBLISHED_FIRST

    def __str__(self) -> str:
        """Write all choices as `name=value` pairs joined by `;`, the form of the column `policy`."""
        return ";".join(f"{choice.name}={getattr(self, choice.name)}" for choice in fields(self))

    def choosing(self, choices: Mapping[str, str]) -> Self:
        """Give this policy with some choices changed, each by its name and value.

        Raises:
            PolicyError: when a name or a value is not known; the message lists those that are.
        """
        return replace(self, **{name: _choice(name, value) for name, value in choices.items()})


class PolicyError(ValueError):
    """Raised where a policy is named that does not exist."""


def read_choices(text: str) -> dict[str, str]:
    """Read `name=value` pairs joined by `;` and prove that each is known; an empty text chooses nothing.

    Raises:
        PolicyError: when the text is something else.
    """
    pairs = [pair.split("=", 1) for pair in text.split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):  # noqa: PLR2004 - a name and a value
        msg = f"expected name=value pairs joined by ';', found {text!r}"
        raise PolicyError(msg)
    choices = {name.strip(): value.strip() for name, value in pairs}
    _ = DEFAULT_POLICY.choosing(choices)
    return choices


def _choice(name: str, value: str) -> StrEnum:
    if name not in CHOICES:
        msg = f"no policy is called {name!r}: it is one of {', '.join(CHOICES)}"
        raise PolicyError(msg)
    known = CHOICES[name]
    if value not in set(known):
        msg = f"{name} cannot be {value!r}: it is one of {', '.join(known)}"
        raise PolicyError(msg)
    return known(value)


DEFAULT_POLICY: Final = Policy()
CHOICES: Final[dict[str, type[StrEnum]]] = {
    choice.name: type(getattr(DEFAULT_POLICY, choice.name)) for choice in fields(DEFAULT_POLICY)
}
"""The open points by name, each with the choices that it has."""
