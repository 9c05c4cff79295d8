"""A priced session as a picture over time: charging periods as bars, coloured by what priced their energy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.canonical import ChargingPeriod
from models.ocpi.frames import chronological
from models.types.vocabularies import ComponentKind, Dimension
from pipelines.lib.price_lines import PriceLine, Row, plain
from reports.explanation import Bar, Mark, Timeline

_WIDTH: Final = 1000
_BASE: Final = 120
_HIGHEST: Final = 100
_LOW: Final = 4
"""Height of a period without energy, so that it is still seen."""
_TICKS: Final = 4
_SECOND: Final = timedelta(seconds=1)


def timeline(line: PriceLine, rows: Sequence[Row]) -> Timeline | None:
    """Draw a session; None where it has no periods or no length. Positions are whole units, cut towards zero."""
    periods = chronological(line.cdr.periods)
    if not periods:
        return None
    first = min(line.cdr.started_at, periods[0].started_at)
    last = max(line.cdr.ended_at, periods[-1].started_at)
    if last <= first:
        return None
    ends = [*(period.started_at for period in periods[1:]), last]
    zone = ZoneInfo(line.time_zone or "UTC")
    powers = [_power(period, end) for period, end in zip(periods, ends, strict=True)]
    sources, several = _sources(rows), len({row["tariff_version_id"] for row in rows}) > 1
    hues = {source: hue for hue, source in enumerate(dict.fromkeys(sources.values()))}
    bars = tuple(
        _bar(period, _x(period.started_at, first, last), _x(end, first, last), power, max(powers), zone, hue)
        for period, end, power, hue in (
            (period, end, power, hues.get(sources.get(place, ("", "", ""))))
            for place, (period, end, power) in enumerate(zip(periods, ends, powers, strict=True))
        )
    )
    legend: list[tuple[int | None, str]] = [(hue, _label(source, several=several)) for source, hue in hues.items()]
    if any(bar.hue is None for bar in bars):
        legend.append((None, "no energy priced"))
    return Timeline(
        bars=bars,
        marks=_marks(rows, [_x(end, first, last) for end in ends]),
        ticks=tuple(_tick(first, last, place, zone) for place in range(_TICKS + 1)),
        legend=tuple(legend),
        peak=f"{plain(max(powers).quantize(Decimal('0.1')))} kW on average" if max(powers) else "no energy",
    )


def _x(instant: datetime, first: datetime, last: datetime) -> int:
    return _WIDTH * ((instant - first) // _SECOND) // max((last - first) // _SECOND, 1)


def _power(period: ChargingPeriod, end: datetime) -> Decimal:
    """Give average power in kW, for a picture only; energy given back counts as its size."""
    seconds = (end - period.started_at) // _SECOND
    return abs(period.energy_kwh or Decimal(0)) * 3600 / seconds if seconds > 0 else Decimal(0)


def _sources(rows: Sequence[Row]) -> dict[object, tuple[str, str, str]]:
    """Give for each period with priced energy its version, element and component."""
    return {
        row["period_index"]: (str(row["tariff_version_id"]), str(row["element_index"]), str(row["component_index"]))
        for row in rows
        if row["kind"] == ComponentKind.VOLUME and row["dimension"] == Dimension.ENERGY
    }


def _label(source: tuple[str, str, str], *, several: bool) -> str:
    version, element, component = source
    return f"energy by {element}.{component}" + (f" of {version}" if several else "")


def _bar(
    period: ChargingPeriod, x: int, end: int, power: Decimal, peak: Decimal, zone: ZoneInfo, hue: int | None
) -> Bar:
    height = max(int(_HIGHEST * power / peak), _LOW) if peak else _LOW
    energy = plain(period.energy_kwh) or "0"
    title = f"{period.started_at.astimezone(zone):%a %H:%M:%S}: {energy} kWh"
    return Bar(x=x, y=_BASE - height, width=max(end - x, 1), height=height, hue=hue, title=title)


def _marks(rows: Sequence[Row], ends: Sequence[int]) -> tuple[Mark, ...]:
    """Mark steps at the end of their period and limits at the end of the session, one label for each place."""
    labels: dict[int, list[str]] = {}
    for row in rows:
        if row["kind"] in {ComponentKind.STEP, ComponentKind.LIMIT}:
            index = row["period_index"]
            labels.setdefault(ends[index] if isinstance(index, int) else ends[-1], []).append(str(row["kind"]))
    return tuple(Mark(x, ", ".join(dict.fromkeys(names))) for x, names in sorted(labels.items()))


def _tick(first: datetime, last: datetime, place: int, zone: ZoneInfo) -> Mark:
    instant = (first + (last - first) * place / _TICKS).astimezone(zone)
    return Mark(_WIDTH * place // _TICKS, f"{instant:%a %H:%M}")
