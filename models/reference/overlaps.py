"""When two elements of a tariff match at once, in words: on each axis that which both of their restrictions let pass.

An element is a box of independent axes (`coverage.py`), so what two of them share is a box as well, and can be said
axis by axis; hours alone may be in two pieces, because windows wrap over midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from itertools import pairwise
from typing import Final

from models.ocpi.canonical import Restrictions
from models.rating.plain.windows import within_day
from models.rating.policy import Policy

_POLICY: Final = Policy()
_MIDNIGHT: Final = time(0)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EVERY_DAY: Final = frozenset(range(len(_DAYS)))

_Hours = tuple[time, time | None]
"""from, to; None is the end of the day"""


def when_both(one: Restrictions, other: Restrictions) -> str:
    """Say when two elements match at once: `on Sunday, from 18:00 to 20:00, from 10 to below 20 kWh`.

    They must match together at some moment; where they do at every moment nothing is said. Kinds of reservation are
    not looked at.
    """
    said = (
        _dates(one, other),
        _days(one, other),
        _hours(one, other),
        _between("kWh", (one.min_kwh, other.min_kwh), (one.max_kwh, other.max_kwh)),
        _between("A", (one.min_current_a, other.min_current_a), (one.max_current_a, other.max_current_a)),
        _between("kW", (one.min_power_kw, other.min_power_kw), (one.max_power_kw, other.max_power_kw)),
        _between(
            "s",
            (one.min_duration_seconds, other.min_duration_seconds),
            (one.max_duration_seconds, other.max_duration_seconds),
        ),
    )
    return ", ".join(filter(None, said))


def is_restricted(found: Restrictions) -> bool:
    """Tell whether an element leaves any moment out; `min_kwh` 0 does not."""
    return bool(when_both(found, found))


def _dates(one: Restrictions, other: Restrictions) -> str:
    first = max((each for each in (one.start_date, other.start_date) if each and each > date.min), default=None)
    end = min((each for each in (one.end_date, other.end_date) if each), default=None)
    said = (f"from {first}" if first else "", f"before {end}" if end else "")
    return " to ".join(filter(None, said))


def _days(one: Restrictions, other: Restrictions) -> str:
    shared = (one.days_of_week or _EVERY_DAY) & (other.days_of_week or _EVERY_DAY)
    return f"on {_listed([_DAYS[day] for day in sorted(shared)])}" if shared != _EVERY_DAY else ""


def _hours(one: Restrictions, other: Restrictions) -> str:
    bounds = (one.start_time, one.end_time, other.start_time, other.end_time)
    begins = sorted({_MIDNIGHT, *(bound for bound in bounds if bound is not None)})
    shared: list[_Hours] = []
    for begin, end in pairwise((*begins, None)):
        if begin is None or not (_is_within(one, begin) and _is_within(other, begin)):
            continue
        if shared and shared[-1][1] == begin:
            shared[-1] = (shared[-1][0], end)
        else:
            shared.append((begin, end))
    if len(shared) > 1 and shared[0][0] == _MIDNIGHT and shared[-1][1] is None:
        shared = [*shared[1:-1], (shared[-1][0], shared[0][1])]
    if shared == [(_MIDNIGHT, None)]:
        return ""
    return _listed([f"from {begin:%H:%M} to {f'{end:%H:%M}' if end else '24:00'}" for begin, end in shared])


def _is_within(found: Restrictions, at: time) -> bool:
    return within_day(found.start_time, found.end_time, at, _POLICY)


def _between(unit: str, lows: Sequence[Decimal | int | None], highs: Sequence[Decimal | int | None]) -> str:
    low = max((low for low in lows if low is not None and low > 0), default=None)
    high = min((high for high in highs if high is not None), default=None)
    if low is None and high is None:
        return ""
    said = (f"from {_plain(low)}" if low is not None else "", f"below {_plain(high)}" if high is not None else "")
    return f"{' to '.join(filter(None, said))} {unit}"


def _plain(number: Decimal | int) -> str:
    return f"{Decimal(number).normalize():f}"


def _listed(words: Sequence[str]) -> str:
    """Put words in a row: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
