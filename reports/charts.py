"""The geometry of the chart `energy by week`: where the bars stand, in SVG units. No figure comes from here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.billing.documents import WeekEnergy

WIDTH: Final = 300.0
HEIGHT: Final = 96.0
_LEFT: Final = 30.0
_BASE: Final = 80.0
_TOP: Final = 8.0
_BAR: Final = 22.0
_TICKS: Final = 2
_NICE_STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One week: AC below, DC on top of it."""

    x: float
    centre: float
    week: int
    ac_y: float
    ac_height: float
    dc_y: float
    dc_height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of the scale, in kWh."""

    y: float
    kwh: int


@dataclass(frozen=True, slots=True)
class WeekChart:
    """Everything that the template draws."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    bar_width: float
    left: float = _LEFT
    base: float = _BASE
    width: float = WIDTH
    height: float = HEIGHT


def week_chart(weeks: Sequence[WeekEnergy]) -> WeekChart | None:
    """Lay out one stacked bar per ISO week; None where there is no energy to show."""
    tallest = max((float(week.ac_kwh) + float(week.dc_kwh) for week in weeks), default=0.0)
    if tallest <= 0:
        return None
    step = nice_step(tallest / _TICKS)
    lines = math.ceil(tallest / step)
    scale = (_BASE - _TOP) / (step * lines)
    slot = (WIDTH - _LEFT) / len(weeks)
    width = min(_BAR, slot * 0.6)
    bars = tuple(_bar(week, _LEFT + slot * (index + 0.5), width, scale) for index, week in enumerate(weeks))
    ticks = tuple(Tick(_rounded(_BASE - line * step * scale), line * step) for line in range(lines + 1))
    return WeekChart(bars, ticks, _rounded(width))


def nice_step(least: float) -> int:
    """Give the next of 1, 2, 5, 10, 20, 50, ... that is not below `least`."""
    magnitude = 10 ** max(0, math.floor(math.log10(least)))
    return next(magnitude * factor for factor in _NICE_STEPS if magnitude * factor >= least)


def _bar(week: WeekEnergy, centre: float, width: float, scale: float) -> Bar:
    ac, dc = float(week.ac_kwh) * scale, float(week.dc_kwh) * scale
    return Bar(
        x=_rounded(centre - width / 2),
        centre=_rounded(centre),
        week=week.week_start.isocalendar().week,
        ac_y=_rounded(_BASE - ac),
        ac_height=_rounded(ac),
        dc_y=_rounded(_BASE - ac - dc),
        dc_height=_rounded(dc),
    )


def _rounded(value: float) -> float:
    return round(value, 2)
