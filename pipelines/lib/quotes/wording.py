"""When a price component applies, and in which steps it is billed, in words that a driver reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from decimal import Decimal
from typing import Final

from models.types.vocabularies import Dimension
from pipelines.lib.quotes.profiles import duration_words

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_RESERVATIONS: Final = {"RESERVATION": "for a reservation", "RESERVATION_EXPIRES": "for a reservation that expires"}


def restriction_words(component: Mapping[str, object]) -> str:
    """Say all restrictions of a row of `typed/tariff_components`; nothing where it always applies."""
    return "; ".join(_parts(component))


def step_words(component: Mapping[str, object]) -> str:
    """Say the step in which a volume is billed, where it is coarser than a Wh or a second."""
    step, dimension = component["step_size"], component["dimension"]
    if not isinstance(step, int) or step <= 1 or dimension == Dimension.FLAT:
        return ""
    if dimension == Dimension.ENERGY:
        return f"per started {_number(Decimal(step).scaleb(-3))} kWh"
    return f"per started {duration_words(timedelta(seconds=step)).removeprefix('1 ')}"


def _parts(component: Mapping[str, object]) -> Iterator[str]:
    reservation = component["reservation"]
    if reservation is not None:
        yield _RESERVATIONS[str(reservation)]
    yield from _window(component["start_time"], component["end_time"])
    yield from _days(component["days_of_week_mask"])
    yield from _bounds(component, "start_date", "from {}", "end_date", "before {}")
    yield from _bounds(component, "min_kwh", "from {} kWh on", "max_kwh", "for the first {} kWh")
    yield from _durations(component)
    yield from _bounds(component, "min_power_kw", "at {} kW or more", "max_power_kw", "below {} kW")
    yield from _bounds(component, "min_current_a", "at {} A or more", "max_current_a", "below {} A")


def _window(start: object, end: object) -> Iterator[str]:
    if start is not None or end is not None:
        yield f"from {_clock(start)} to {_clock(end)}"


def _clock(bound: object) -> str:
    """Write a bound of a daily window, in local time; what is not said is midnight."""
    return "midnight" if bound in {None, time(0)} else f"{bound:%H:%M}"


def _days(mask: object) -> Iterator[str]:
    if isinstance(mask, int) and 0 < mask < 2 ** len(_DAYS) - 1:
        yield f"on {', '.join(day for place, day in enumerate(_DAYS) if mask >> place & 1)}"


def _bounds(component: Mapping[str, object], low: str, low_words: str, high: str, high_words: str) -> Iterator[str]:
    for name, words in ((low, low_words), (high, high_words)):
        bound = component[name]
        if bound is not None:
            yield words.format(_number(bound) if isinstance(bound, Decimal) else bound)


def _durations(component: Mapping[str, object]) -> Iterator[str]:
    """Say durations since plugging in; a session has lasted zero seconds at once, so that bound is none."""
    low, high = component["min_duration_seconds"], component["max_duration_seconds"]
    if isinstance(low, int) and low > 0:
        yield f"after {duration_words(timedelta(seconds=low))} of the session"
    if isinstance(high, int):
        yield f"in the first {duration_words(timedelta(seconds=high))} of the session"


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"
