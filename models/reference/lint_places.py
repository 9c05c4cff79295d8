"""The lint of a tariff where it is offered: clocks that are put back, currencies, and rivals on one connector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Tariff
from models.reference.lint import LintFinding
from models.types.intake_codes import LintCode, LintSeverity

_EURO: Final = "AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC ME MT NL PT SI SK SM VA XK"
_OTHERS: Final = "CH CHF LI CHF CZ CZK DK DKK GB GBP HU HUF IS ISK NO NOK PL PLN RO RON SE SEK US USD"
CURRENCY_OF: Final = dict[str, str](
    [
        *((country, "EUR") for country in _EURO.split()),
        *zip(_OTHERS.split()[::2], _OTHERS.split()[1::2], strict=True),
    ]
)
"""ISO 4217 currency by ISO 3166-1 alpha-2 country; a country that is not in it is not judged"""

_HOUR: Final = timedelta(hours=1)
_DAYS_OF_YEAR: Final = 366


@dataclass(frozen=True, slots=True)
class Shift:
    """A clock put forward or back: local times from `begin` to `end` happen twice or never, on that weekday."""

    weekday: int
    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Offered:
    """A tariff version on the connectors that list it."""

    version_id: str
    tariff: Tariff
    countries: frozenset[str]
    time_zones: frozenset[str]


def foreign_currency(offered: Offered) -> Iterator[LintFinding]:
    """Find countries in which the tariff is offered and whose currency is another."""
    for country in sorted(offered.countries):
        usual = CURRENCY_OF.get(country)
        if usual is not None and usual != offered.tariff.currency:
            sentence = f"prices are in {offered.tariff.currency}, connectors in {country} use {usual}"
            yield LintFinding(LintCode.FOREIGN_CURRENCY, LintSeverity.HINT, sentence)


def dst_windows(offered: Offered, year: int) -> Iterator[LintFinding]:
    """Find windows that begin or end inside the hour that a zone of the tariff doubles or leaves out that year."""
    for index, element in enumerate(offered.tariff.elements):
        found = element.restrictions
        bounds = [bound for bound in (found.start_time, found.end_time) if bound is not None]
        for zone in sorted(offered.time_zones):
            hit = {
                bound
                for shift in shifts(zone, year)
                for bound in bounds
                if shift.begin <= bound < shift.end and (not found.days_of_week or shift.weekday in found.days_of_week)
            }
            for bound in sorted(hit):
                sentence = (
                    f"element {index} begins or ends at {bound:%H:%M}, which {zone} has twice or never once a year"
                )
                yield LintFinding(LintCode.DST_WINDOW, LintSeverity.HINT, sentence, index)


@cache
def shifts(zone: str, year: int) -> tuple[Shift, ...]:
    """Give when the clocks of a zone change in a year."""
    start, place = datetime(year, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    found: list[Shift] = []
    for hours in range(24 * _DAYS_OF_YEAR):
        before, after = start + hours * _HOUR, start + (hours + 1) * _HOUR
        jump = _offset(after, place) - _offset(before, place)
        if jump:
            # Forward: local times between the two readings never happen. Back: those after the change happen twice.
            begin = (before + _offset(before, place) + _HOUR) if jump > timedelta() else (after + _offset(after, place))
            found.append(Shift(begin.weekday(), begin.time(), (begin + abs(jump)).time()))
    return tuple(found)


def rivals(connector_key: str, listed: Sequence[Offered]) -> Iterator[tuple[str, LintFinding]]:
    """Find tariffs of one type that a connector offers at once; give the version found with it, by its id."""
    for one, other in combinations(sorted(listed, key=lambda each: each.version_id), 2):
        same_type = one.tariff.tariff_type == other.tariff.tariff_type
        if same_type and one.tariff.tariff_id != other.tariff.tariff_id and _overlap(one.tariff, other.tariff):
            kind = one.tariff.tariff_type or "no type"
            sentence = (
                f"connector {connector_key} offers {one.tariff.tariff_id} and {other.tariff.tariff_id}, "
                f"both of {kind} and in force at once"
            )
            for each in (one, other):
                yield each.version_id, LintFinding(LintCode.SEVERAL_ACTIVE, LintSeverity.PRICE, sentence)


def unknown_keys(said: Iterable[str]) -> Iterator[LintFinding]:
    """Give a finding per unknown field of the tariff as it was sent."""
    for field in said:
        yield LintFinding(LintCode.UNKNOWN_KEY, LintSeverity.HINT, f"unknown field {field}")


def _overlap(one: Tariff, other: Tariff) -> bool:
    def ends_after(first: Tariff, second: Tariff) -> bool:
        return first.valid_to is None or second.valid_from is None or first.valid_to > second.valid_from

    return ends_after(one, other) and ends_after(other, one)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
