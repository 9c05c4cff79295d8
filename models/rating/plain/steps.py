"""What step_size adds (P7, P8): once per session, at the price of the last component that priced the dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from models.rating.plain.session import ZERO, Moment, PricedVolume, Slot, volume_of
from models.rating.policy import HourSnapping, ParkThenCharge, Policy, StepBase
from models.types.money import rounded
from models.types.vocabularies import Dimension

UNITS_PER_VOLUME: Final = {Dimension.ENERGY: 1000, Dimension.TIME: 3600, Dimension.PARKING_TIME: 3600}
"""Wh of a kWh, seconds of an hour: the units of step_size."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is added at the price of the last component, in units of step_size; less than nothing where hours snap."""

    last: PricedVolume
    missing_units: Decimal


def steps_of(volumes: Sequence[PricedVolume], moments: Sequence[Moment], policy: Policy) -> Iterator[Step]:
    """Round up energy, one of the two clocks, and the reservation."""
    for group in _stepped_together(volumes, policy):
        last = group[-1]
        base = [volume.volume for volume in group]
        if policy.step_base is StepBase.ALL_VOLUME:
            base = all_volumes(moments, last.slot)
        missing = missing_units(last, base, policy)
        if missing:
            yield Step(last, missing)


def billed_volume(
    volumes: Sequence[PricedVolume], moments: Sequence[Moment], dimension: Dimension, policy: Policy
) -> Decimal:
    """Give the session's volume as a bill states it: all of it, priced or free, rounded up to whole steps."""
    every = all_volumes(moments, (False, dimension))
    total = sum(every, ZERO)
    for group in _stepped_together(volumes, policy):
        if group[-1].slot == (False, dimension):
            total += missing_units(group[-1], every, policy) / UNITS_PER_VOLUME[dimension]
    return total


def all_volumes(moments: Sequence[Moment], slot: Slot) -> list[Decimal]:
    """List all volume of a slot, priced or free, by period."""
    return [volume_of(moment.period, slot) for moment in moments]


def missing_units(last: PricedVolume, base: Sequence[Decimal], policy: Policy) -> Decimal:
    """Give the Wh or seconds that volumes lack to a whole number of the last component's steps."""
    step, units = last.found.component.step_size, UNITS_PER_VOLUME[last.dimension]
    actual = sum(base, ZERO) * units
    if not step or actual <= 0:
        return ZERO
    counted = actual
    if policy.hour_snapping is HourSnapping.WHOLE_SECONDS and last.dimension is not Dimension.ENERGY:
        counted = sum((rounded(volume * units, 0) for volume in base), ZERO)
    return (counted / step).to_integral_value(ROUND_CEILING) * step - actual


def _stepped_together(volumes: Sequence[PricedVolume], policy: Policy) -> Iterator[list[PricedVolume]]:
    """Group what is rounded up together (P7): energy; one of the two clocks; the reservation."""
    by_slot: dict[Slot, list[PricedVolume]] = {}
    for volume in volumes:
        by_slot.setdefault(volume.slot, []).append(volume)
    yield from (by_slot[slot] for slot in ((False, Dimension.ENERGY),) if slot in by_slot)
    clock = _clock(by_slot.get((False, Dimension.PARKING_TIME)), by_slot.get((False, Dimension.TIME)), policy)
    if clock:
        yield clock
    yield from (by_slot[slot] for slot in ((True, Dimension.TIME),) if slot in by_slot)


def _clock(
    parking: list[PricedVolume] | None, charging: list[PricedVolume] | None, policy: Policy
) -> list[PricedVolume] | None:
    """Choose the clock that is stepped where both were priced: parking, or the one priced last."""
    if not parking or not charging:
        return parking or charging
    if policy.park_then_charge is ParkThenCharge.PARKING_ALONE:
        return parking
    return charging if charging[-1].moment.index > parking[-1].moment.index else parking
