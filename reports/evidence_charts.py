"""The geometry of the drawings of an evidence pack, in SVG units: power over time, and distance over time.

No figure of a dispute comes from here: positions are floats, and every label is a number that the pack already has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from models.reconciliation.packs.found import Finding, OtherSession
from models.reconciliation.packs.pack import Claim, PowerProfile, PowerStep
from reports.charts import nice_step

WIDTH: Final = 680.0
_LEFT: Final = 34.0
_RIGHT: Final = 676.0
_TIMES: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 43200)
)
_AN_AGE: Final = 1e8
"""hours: longer than the calendar, and still a length that can be written"""
_MOST_TICKS: Final = 8
_POWER_TICKS: Final = 3
_HEADROOM: Final = 1.08
"""how far above the highest value the scale reaches, so that a line at the limit is not the edge"""


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of a scale."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the time axis."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class PowerChart:
    """Everything that the template draws of power over time; paths are SVG path data."""

    area: str
    above: str
    """what lies above the connector's limit; empty where nothing does"""
    outline: str
    gaps: tuple[Band, ...]
    """periods whose energy is unknown"""
    limit_y: float | None
    powers: tuple[Tick, ...]
    times: tuple[Tick, ...]
    day: str
    """of the first tick"""
    top: float = 8.0
    base: float = 132.0
    left: float = _LEFT
    right: float = _RIGHT
    width: float = WIDTH
    height: float = 152.0


def power_chart(profile: PowerProfile) -> PowerChart | None:
    """Draw power by charging period; None where there is no period."""
    if not profile.steps:
        return None
    empty = PowerChart("", "", "", (), None, (), (), "")
    first, last = profile.steps[0].started_at, profile.steps[-1].ended_at
    across = _across(first, last)
    highest = max([float(abs(step.average_kw or 0)) for step in profile.steps] + [float(profile.limit_kw or 0), 1.0])
    step = nice_step(highest * _HEADROOM / _POWER_TICKS)
    lines = math.ceil(highest * _HEADROOM / step)

    def up(kilowatts: float) -> float:
        return _rounded(empty.base - (empty.base - empty.top) * kilowatts / (step * lines))

    limit_y = None if profile.limit_kw is None else up(float(profile.limit_kw))
    boxes = [_Box.of(each, across, up) for each in profile.steps if each.average_kw is not None]
    return PowerChart(
        area=" ".join(box.down_to(empty.base) for box in boxes),
        above=" ".join(box.down_to(limit_y) for box in boxes if limit_y is not None and box.y < limit_y),
        outline=" ".join(_outline(boxes)),
        gaps=tuple(_band(each, across) for each in profile.steps if each.average_kw is None),
        limit_y=limit_y,
        powers=tuple(Tick(up(line * step), f"{line * step}") for line in range(lines + 1)),
        times=tuple(_times(first, last, across)),
        day=f"{first:%Y-%m-%d}",
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """A charging period in the picture."""

    x: float
    end: float
    y: float

    @classmethod
    def of(cls, step: PowerStep, across: Callable[[datetime], float], up: Callable[[float], float]) -> _Box:
        # Energy given back is drawn by its size: the sketch has no room below its axis.
        return cls(across(step.started_at), across(step.ended_at), up(float(abs(step.average_kw or 0))))

    def down_to(self, floor: float) -> str:
        return f"M{self.x} {floor}V{self.y}H{self.end}V{floor}Z"


def _outline(boxes: Sequence[_Box]) -> Iterator[str]:
    """Walk along the tops; the pen is lifted where a gap lies between two periods."""
    for before, box in pairwise([None, *boxes]):
        if box is not None:
            joined = before is not None and before.end == box.x
            yield f"{'V' if joined else f'M{box.x} '}{box.y}H{box.end}"


def _band(step: PowerStep, across: Callable[[datetime], float]) -> Band:
    start, end = across(step.started_at), across(step.ended_at)
    return Band(start, _rounded(end - start))


@dataclass(frozen=True, slots=True)
class TravelChart:
    """Two sessions as bars on two lanes, and the way between them as a line whose slope is the speed."""

    here: Band
    """the session in dispute, on the upper lane"""
    there: Band
    """the other one, on the lower lane"""
    way: tuple[float, float] | None
    """where the way starts and ends; None where the sessions overlap"""
    permitted_x: float | None
    """when one would arrive at the permitted speed"""
    arrival: str
    overlap: Band | None
    times: tuple[Tick, ...]
    day: str
    upper: float = 26.0
    lower: float = 96.0
    bar: float = 12.0
    base: float = 126.0
    left: float = 8.0
    right: float = _RIGHT
    width: float = WIDTH
    height: float = 146.0


def travel_chart(claim: Claim, finding: Finding) -> TravelChart | None:
    """Draw how far and how soon; None where the finding knows no other session or no distance."""
    other = finding.other
    if other is None or finding.distance_km is None or claim.ended_at < claim.started_at:
        return None
    arrival = _arrival(finding, other)
    first, last = _window(claim, other, arrival)
    across = _across(first, last, left=8.0)
    is_apart = other.ended_at <= claim.started_at
    here, there = (_bar(each, first, last, across) for each in (claim, other))
    return TravelChart(
        here=here,
        there=there,
        way=(across(other.ended_at), across(claim.started_at)) if is_apart else None,
        permitted_x=None if arrival is None else across(arrival),
        arrival="" if arrival is None else f"{arrival:%H:%M:%S}",
        overlap=None if is_apart else _overlap(here, there),
        times=tuple(_times(first, last, across)),
        day=f"{first:%Y-%m-%d}",
    )


def _arrival(finding: Finding, other: OtherSession) -> datetime | None:
    """Say when one would arrive at the permitted speed, for the sketch only."""
    if finding.unit != "km/h" or not finding.permitted or finding.distance_km is None:
        return None
    return _later(other.ended_at, timedelta(hours=min(float(finding.distance_km) / float(finding.permitted), _AN_AGE)))


def _window(claim: Claim, other: OtherSession, arrival: datetime | None) -> tuple[datetime, datetime]:
    """Show the way and some of the sessions around it: long stays would shrink it to nothing."""
    if arrival is None:
        return min(claim.started_at, other.started_at), max(claim.ended_at, other.ended_at)
    way = arrival - other.ended_at
    first = max(other.started_at, other.ended_at - way)
    return min(first, claim.started_at), max(min(claim.ended_at, _later(arrival, way)), arrival)


def _bar(session: Claim | OtherSession, first: datetime, last: datetime, across: Callable[[datetime], float]) -> Band:
    start, end = across(max(session.started_at, first)), across(min(session.ended_at, last))
    return Band(start, _rounded(max(end - start, 1.5)))


def _overlap(here: Band, there: Band) -> Band:
    start, end = max(here.x, there.x), min(here.x + here.width, there.x + there.width)
    return Band(start, _rounded(max(end - start, 1.0)))


def _across(first: datetime, last: datetime, left: float = _LEFT) -> Callable[[datetime], float]:
    length = max((last - first).total_seconds(), 1.0)
    return lambda instant: _rounded(left + (_RIGHT - left) * (instant - first).total_seconds() / length)


def _times(first: datetime, last: datetime, across: Callable[[datetime], float]) -> Iterator[Tick]:
    """Mark round times (UTC), a few of them however long it took; a day is named where it begins."""
    length = last - first
    step = next((each for each in _TIMES if length / each <= _MOST_TICKS), length / _MOST_TICKS)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    # Counted, not added up: one step beyond the last year of the calendar would be an error.
    for place in range(-((midnight - first) // step), (last - midnight) // step + 1):
        instant = midnight + place * step
        is_day = instant.time() == midnight.time()
        yield Tick(across(instant), f"{instant:%d %b}" if is_day else f"{instant:%H:%M}")


def _later(instant: datetime, length: timedelta) -> datetime:
    """Add a length, up to the end of the calendar."""
    return instant + min(length, datetime.max.replace(tzinfo=instant.tzinfo) - instant)


def _rounded(value: float) -> float:
    return round(value, 2)
