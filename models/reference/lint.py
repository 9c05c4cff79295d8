"""The lint of one tariff: small exact functions, each looking for one thing that its author can hardly have meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from models.ocpi.canonical import PriceComponent, Restrictions, Tariff, TariffElement
from models.reference.coverage import coverage
from models.reference.overlaps import is_restricted, when_both
from models.types.intake_codes import LintCode, LintSeverity
from models.types.vocabularies import Dimension

_WHOLE_UNIT: Final = {Dimension.ENERGY: 1000, Dimension.TIME: 3600, Dimension.PARKING_TIME: 3600}
"""steps that fit into a kWh or an hour are usual"""

_RESERVATIONS: Final = (None, "RESERVATION", "RESERVATION_EXPIRES")


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One odd thing about a tariff; the fields are columns of `typed/tariff_lint`."""

    code: LintCode
    severity: LintSeverity
    sentence: str
    element_index: int | None = None
    component_index: int | None = None


def lint_tariff(tariff: Tariff) -> tuple[LintFinding, ...]:
    """Give all that is odd about a tariff as such, in the order of the checks."""
    return tuple(finding for check in _CHECKS for finding in check(tariff))


def gaps(tariff: Tariff) -> Iterator[LintFinding]:
    """Find moments of charging that have no price per kWh or hour although others have: they are free (P2)."""
    for dimension in (Dimension.ENERGY, Dimension.TIME):
        covered = coverage(tariff, dimension, None)
        if covered is not None and covered.first_gap is not None:
            severity = LintSeverity.PRICE if dimension is Dimension.ENERGY else LintSeverity.HINT
            sentence = f"{dimension} is priced at some moments only: it has no price {covered.first_gap}"
            yield LintFinding(LintCode.GAP, severity, sentence)


def idle_and_overlapping(tariff: Tariff) -> Iterator[LintFinding]:
    """Find components that price no moment, and those whose moments an earlier one prices otherwise.

    Idle is what earlier elements, or its own restrictions, leave no moment; that it overlaps is then not told as well.
    """
    for dimension in Dimension:
        for reservation in _RESERVATIONS:
            covered = coverage(tariff, dimension, reservation)
            if covered is None:
                continue
            for element in covered.idle:
                yield from _idle(tariff, element, dimension)
            for first, later in covered.outranked:
                yield from _overlap(tariff, first, later, dimension)


def _idle(tariff: Tariff, element: int, dimension: Dimension) -> Iterator[LintFinding]:
    for index, component in enumerate(tariff.elements[element].components):
        if component.dimension is dimension:
            sentence = f"element {element} can never price {dimension}: earlier elements leave it no moment"
            yield LintFinding(LintCode.NEVER_MATCHES, LintSeverity.PRICE, sentence, element, index)


def _overlap(tariff: Tariff, first: int, later: int, dimension: Dimension) -> Iterator[LintFinding]:
    """Tell of two restricted elements with other prices: an unrestricted one at the end is how tariffs are written."""
    one, other = tariff.elements[first], tariff.elements[later]
    (_, price), (index, later_price) = _first_of(one, dimension), _first_of(other, dimension)
    if price.unit_price == later_price.unit_price or not is_restricted(other.restrictions):
        return
    sentence = (
        f"{dimension} has two prices {when_both(one.restrictions, other.restrictions)}: "
        f"{price.unit_price.normalize():f} {tariff.currency} of element {first}, which comes first and counts, "
        f"and {later_price.unit_price.normalize():f} {tariff.currency} of element {later}"
    )
    yield LintFinding(LintCode.OVERLAP, LintSeverity.HINT, sentence, later, index)


def _first_of(element: TariffElement, dimension: Dimension) -> tuple[int, PriceComponent]:
    """Give the component by which an element prices a dimension, with its index: the first of them (P1)."""
    return next(each for each in enumerate(element.components) if each[1].dimension is dimension)


def steps(tariff: Tariff) -> Iterator[LintFinding]:
    """Find steps of zero, and steps that do not fit into a kWh or an hour."""
    for element, index, component in _components(tariff):
        unit = _WHOLE_UNIT.get(component.dimension)
        if unit is None:
            continue
        size, shown = component.step_size, "Wh" if component.dimension is Dimension.ENERGY else "s"
        if size == 0:
            sentence = f"step_size 0 of {component.dimension}: read as no step"
            yield LintFinding(LintCode.STEP_SIZE_ZERO, LintSeverity.HINT, sentence, element, index)
        elif unit % size:
            sentence = f"step_size {size} {shown} of {component.dimension} does not fit into {unit} {shown}"
            yield LintFinding(LintCode.STEP_SIZE_ODD, LintSeverity.HINT, sentence, element, index)


def empty_bounds(tariff: Tariff) -> Iterator[LintFinding]:
    """Find restrictions that exclude themselves: a maximum (exclusive) that is not above its minimum."""
    for index, element in enumerate(tariff.elements):
        for name, low, high in _bound_pairs(element.restrictions):
            sentence = f"element {index} is restricted to {name} from {low} to below {high}: nothing is"
            yield LintFinding(LintCode.BOUNDS_EMPTY, LintSeverity.PRICE, sentence, index)


def _bound_pairs(found: Restrictions) -> Iterator[tuple[str, object, object]]:
    """Give the pairs of bounds, by name, between which nothing lies."""
    for name, low, high in (
        ("kWh", found.min_kwh, found.max_kwh),
        ("A", found.min_current_a, found.max_current_a),
        ("kW", found.min_power_kw, found.max_power_kw),
    ):
        if low is not None and high is not None and high <= low:
            yield name, f"{low.normalize():f}", f"{high.normalize():f}"
    shortest, longest = found.min_duration_seconds, found.max_duration_seconds
    if shortest is not None and longest is not None and longest <= shortest:
        yield "seconds", shortest, longest
    first, last = found.start_date, found.end_date
    if first is not None and last is not None and last <= first:
        yield "dates", first, last


def empty_validity(tariff: Tariff) -> Iterator[LintFinding]:
    """Find a tariff that ends no later than it starts."""
    if tariff.valid_from is not None and tariff.valid_to is not None and tariff.valid_to <= tariff.valid_from:
        sentence = f"valid from {tariff.valid_from.isoformat()} to {tariff.valid_to.isoformat()}: never"
        yield LintFinding(LintCode.VALIDITY_EMPTY, LintSeverity.PRICE, sentence)


def free_besides_priced(tariff: Tariff) -> Iterator[LintFinding]:
    """Find a price of zero of a dimension that is priced elsewhere in the tariff."""
    priced = {component.dimension for _, _, component in _components(tariff) if component.unit_price}
    for element, index, component in _components(tariff):
        if not component.unit_price and component.dimension in priced:
            sentence = f"{component.dimension} costs nothing in element {element} and something in another"
            yield LintFinding(LintCode.FREE_BESIDES_PRICED, LintSeverity.HINT, sentence, element, index)


def _components(tariff: Tariff) -> Iterator[tuple[int, int, PriceComponent]]:
    for element_index, element in enumerate(tariff.elements):
        for component_index, component in enumerate(element.components):
            yield element_index, component_index, component


_CHECKS: Final[tuple[Callable[[Tariff], Iterator[LintFinding]], ...]] = (
    gaps,
    idle_and_overlapping,
    steps,
    empty_bounds,
    empty_validity,
    free_besides_priced,
)
