"""One CDR priced in plain Python: the second implementation, to which the kernel is held digit by digit.

Read it next to rules P1-P16 of the tariff rule book (ARCHITECTURE.md): every rule has its function here. The sandbox's
CPOs bill with it. It is meant to be read and is slow; months are priced by `models.rating.kernel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, PriceComponent, Restrictions, Tariff
from models.ocpi.frames import chronological, tariff_version_id
from models.rating.admission import check_amounts, check_volumes, has_local_restriction, is_in_range, is_valid
from models.rating.outcome import CannotPriceError, Note, PricedCdr, PricedRow, Reason
from models.rating.policy import DEFAULT_POLICY, AbsentVat, Policy
from models.rating.windows import at_least, below, seconds, within, within_day
from models.types.money import PRECISE_SCALE, VOLUME_SCALE, rounded
from models.types.vocabularies import ComponentKind, Dimension, RatingOutcome, TaxIncluded

__all__ = ["price_cdr"]

_EXACT: Final = Context(prec=76)
"""Wide enough for every product here; a quotient is cut at 76 digits and no tie at the 12th decimal can move there."""

_ZERO: Final = Decimal(0)
_DIMENSIONS: Final = (Dimension.FLAT, Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME)
"""The order in which rows of one period are listed."""

_UNITS_PER_VOLUME: Final = {Dimension.ENERGY: 1000, Dimension.TIME: 3600, Dimension.PARKING_TIME: 3600}
"""Wh of a kWh, seconds of an hour: the units of step_size."""


def price_cdr(
    cdr: Cdr,
    tariffs: Sequence[Tariff],
    time_zone: ZoneInfo | None,
    policy: Policy = DEFAULT_POLICY,
    *,
    reservation_expired: bool = False,
) -> PricedCdr:
    """Price a CDR by its candidate tariffs, in order of preference; local restrictions are read in `time_zone`.

    A session that cannot be priced is an outcome with a reason, never an error.
    """
    with localcontext(_EXACT):
        try:
            return _Pricing(cdr, tariffs, time_zone, policy, reservation_expired).priced()
        except CannotPriceError as declined:
            return PricedCdr.declined(declined.reason)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The start of a charging period, as restrictions see it (P3): nothing inside the period counts."""

    index: int
    period: ChargingPeriod
    tariff: Tariff
    local: datetime
    energy_before: Decimal
    session_clock: timedelta
    reservation_clock: timedelta


@dataclass(frozen=True, slots=True)
class _Found:
    """A component that prices a dimension, and where it stands in its tariff."""

    component: PriceComponent
    element_index: int
    component_index: int


@dataclass(frozen=True, slots=True)
class _Volume:
    """A priced volume of one period."""

    moment: _Moment
    found: _Found
    dimension: Dimension
    is_reservation: bool
    volume: Decimal


@dataclass(frozen=True, slots=True)
class _Pricing:
    """The facts of one session, and the rules over them."""

    cdr: Cdr
    tariffs: Sequence[Tariff]
    time_zone: ZoneInfo | None
    policy: Policy
    reservation_expired: bool

    def priced(self) -> PricedCdr:
        """Price the session: volumes and fees, then steps, then limits."""
        moments = self._moments()
        volumes = list(self._volumes(moments))
        rows = [*(self._row(volume) for volume in volumes), *self._steps(volumes)]
        check_amounts(rows)
        used = _distinct([moment.tariff for moment in moments])
        limit = self._limit(used, rows)
        everything = tuple(rows) if limit is None else (*rows, limit)
        billed = self._billed(moments, volumes)
        modes = {tariff.tax_included for tariff in used}
        total = _total(everything)
        return PricedCdr(
            outcome=RatingOutcome.PRICED,
            currency=self.cdr.currency,
            tax_included=modes.pop() if len(modes) == 1 else None,
            tariffs=tuple(used),
            total=total,
            energy=_total(_of(everything, Dimension.ENERGY)),
            time=_total(_of(everything, Dimension.TIME)),
            parking=_total(_of(everything, Dimension.PARKING_TIME)),
            fixed=_total(_of(everything, Dimension.FLAT)),
            reservation=_total(row for row in everything if row.is_reservation),
            billed_energy_kwh=billed[Dimension.ENERGY],
            billed_charging_hours=billed[Dimension.TIME],
            billed_parking_hours=billed[Dimension.PARKING_TIME],
            rows=everything,
            notes=tuple(self._notes(moments, used, rows, limit, total)),
        )

    def _moments(self) -> list[_Moment]:
        """Look at the session at the start of each of its periods, in order of time."""
        periods = chronological(self.cdr.periods)
        self._check_session(periods)
        tariffs = [self._tariff_of(period) for period in periods]
        self._check_tariffs(tariffs)
        check_volumes(periods)
        opening = min(self.cdr.started_at, periods[0].started_at)
        plugged_in = self._plugged_in_at(periods, opening)
        moments: list[_Moment] = []
        energy = _ZERO
        for index, (period, tariff) in enumerate(zip(periods, tariffs, strict=True)):
            at = period.started_at
            local = at.astimezone(self.time_zone) if self.time_zone else at
            moments.append(_Moment(index, period, tariff, local, energy, at - plugged_in, at - opening))
            energy += period.energy_kwh or _ZERO
        return moments

    def _check_session(self, periods: Sequence[ChargingPeriod]) -> None:
        if not periods:
            raise CannotPriceError(Reason.NO_PERIODS)
        if self.cdr.ended_at < self.cdr.started_at:
            raise CannotPriceError(Reason.END_BEFORE_START)
        if not self.tariffs:
            raise CannotPriceError(Reason.NO_TARIFF)
        if any(not self._named(period) for period in periods):
            raise CannotPriceError(Reason.UNKNOWN_TARIFF)

    def _plugged_in_at(self, periods: Sequence[ChargingPeriod], opening: datetime) -> datetime:
        """Say when the clock of min/max_duration starts (P6): with the session, which a reservation only precedes."""
        if not _is_reservation_only(periods[0]):
            return opening
        return next((period.started_at for period in periods if not _is_reservation_only(period)), opening)

    def _named(self, period: ChargingPeriod) -> list[Tariff]:
        """List the candidates that a period allows: those of its tariff_id, which compares without case, or all."""
        wanted = period.tariff_id
        return [tariff for tariff in self.tariffs if wanted is None or tariff.tariff_id.upper() == wanted.upper()]

    def _tariff_of(self, period: ChargingPeriod) -> Tariff:
        """Choose the tariff of a period (P14): the first allowed candidate valid at session start.

        A tariff that the period names is used even outside its validity, because the operator says that it was; a note
        tells so.
        """
        named = self._named(period)
        valid = [tariff for tariff in named if is_valid(tariff, self.cdr.started_at)]
        if not valid and period.tariff_id is None:
            raise CannotPriceError(Reason.NO_VALID_TARIFF)
        return (valid or named)[0]

    def _check_tariffs(self, tariffs: Sequence[Tariff]) -> None:
        if any(tariff.currency != self.cdr.currency for tariff in tariffs):
            raise CannotPriceError(Reason.CURRENCY_DIFFERS)
        if self.time_zone is None and any(has_local_restriction(tariff) for tariff in tariffs):
            raise CannotPriceError(Reason.NO_TIME_ZONE)
        if not all(is_in_range(tariff) for tariff in tariffs):
            raise CannotPriceError(Reason.OUT_OF_RANGE)

    def _volumes(self, moments: Sequence[_Moment]) -> Iterator[_Volume]:
        """Find for every volume of every period the component that prices it (P1); without one it is free (P2).

        FLAT is taken at the first period where a component applies, once for the session and once for its reservation
        (P9, P10).
        """
        flat_taken = {False: False, True: False}
        for moment in moments:
            for is_reservation, dimension in _scopes(moment.period):
                volume = _volume(moment.period, dimension, is_reservation=is_reservation)
                if dimension is Dimension.FLAT:
                    volume = _ZERO if flat_taken[is_reservation] else Decimal(1)
                found = self._first_match(moment, dimension, is_reservation=is_reservation) if volume else None
                if found is None:
                    continue
                flat_taken[is_reservation] |= dimension is Dimension.FLAT
                yield _Volume(moment, found, dimension, is_reservation, volume)

    def _first_match(self, moment: _Moment, dimension: Dimension, *, is_reservation: bool) -> _Found | None:
        """Find the first element with a component of the dimension whose restrictions all hold (P1)."""
        for element_index, element in enumerate(moment.tariff.elements):
            if not self._applies(element.restrictions, moment, is_reservation=is_reservation):
                continue
            for component_index, component in enumerate(element.components):
                if component.dimension is dimension:
                    return _Found(component, element_index, component_index)
        return None

    def _applies(self, found: Restrictions, moment: _Moment, *, is_reservation: bool) -> bool:
        clock = moment.reservation_clock if is_reservation else moment.session_clock
        return (
            self._applies_to_scope(found.reservation, is_reservation=is_reservation)
            and within_day(found.start_time, found.end_time, moment.local.time())
            and within(found.start_date, found.end_date, moment.local.date())
            and (not found.days_of_week or moment.local.weekday() in found.days_of_week)
            and within(found.min_kwh, found.max_kwh, moment.energy_before)
            and within(seconds(found.min_duration_seconds), seconds(found.max_duration_seconds), clock)
            and at_least(found.min_current_a, moment.period.min_current_a)
            and below(found.max_current_a, moment.period.max_current_a)
            and at_least(found.min_power_kw, moment.period.min_power_kw)
            and below(found.max_power_kw, moment.period.max_power_kw)
        )

    def _applies_to_scope(self, reservation: str | None, *, is_reservation: bool) -> bool:
        """Keep reservation elements to reservations (P10); one that expired may take from both kinds."""
        if reservation == "RESERVATION_EXPIRES":
            return is_reservation and self.reservation_expired
        return (reservation == "RESERVATION") is is_reservation

    def _steps(self, volumes: Sequence[_Volume]) -> Iterator[PricedRow]:
        """Add what the priced volume (P8) lacks to a whole number of steps, at the price of the last component (P7)."""
        for group in _stepped_together(volumes):
            last = group[-1]
            missing = _missing_units(last, sum((volume.volume for volume in group), _ZERO))
            if missing:
                units_per_volume = _UNITS_PER_VOLUME[last.dimension]
                face = rounded(missing * last.found.component.unit_price / units_per_volume, PRECISE_SCALE)
                yield self._component_row(ComponentKind.STEP, last, missing / units_per_volume, face)

    def _billed(self, moments: Sequence[_Moment], volumes: Sequence[_Volume]) -> dict[Dimension, Decimal]:
        """Give the session's volumes as a bill states them: all of it, priced or free, rounded up to whole steps."""
        billed = {dimension: _sum_of(moments, dimension) for dimension in _DIMENSIONS[1:]}
        for group in _stepped_together([volume for volume in volumes if not volume.is_reservation]):
            last = group[-1]
            missing = _missing_units(last, billed[last.dimension])
            billed[last.dimension] += missing / _UNITS_PER_VOLUME[last.dimension]
        return {dimension: rounded(volume, PRECISE_SCALE) for dimension, volume in billed.items()}

    def _row(self, volume: _Volume) -> PricedRow:
        kind = ComponentKind.FLAT if volume.dimension is Dimension.FLAT else ComponentKind.VOLUME
        face = rounded(volume.volume * volume.found.component.unit_price, PRECISE_SCALE)
        return self._component_row(kind, volume, volume.volume, face)

    def _component_row(self, kind: ComponentKind, priced: _Volume, volume: Decimal, face: Decimal) -> PricedRow:
        component, tariff = priced.found.component, priced.moment.tariff
        amount = self._taxed(face, component.vat_rate_pct, tariff.tax_included)
        return PricedRow(
            kind=kind,
            tariff=tariff,
            amount_excl_vat=amount.excl_vat,
            amount_incl_vat=amount.incl_vat,
            period_index=priced.moment.index,
            dimension=priced.dimension,
            is_reservation=priced.is_reservation,
            element_index=priced.found.element_index,
            component_index=priced.found.component_index,
            volume=rounded(volume, VOLUME_SCALE),
            unit_price=component.unit_price,
            vat_rate_pct=component.vat_rate_pct,
        )

    def _taxed(self, face: Decimal, rate: Decimal | None, mode: TaxIncluded) -> Price:
        """Give an amount without and with VAT (P12, P16); nothing stays nothing at any rate."""
        if mode is TaxIncluded.NOT_APPLICABLE or not face:
            return Price(face, face)
        if mode is TaxIncluded.YES:
            return Price(None if rate is None else rounded(face * 100 / (100 + rate), PRECISE_SCALE), face)
        if rate is None:
            return Price(face, face if self.policy.absent_vat is AbsentVat.NOT_APPLICABLE else None)
        return Price(face, rounded(face * (100 + rate) / 100, PRECISE_SCALE))

    def _limit(self, used: Sequence[Tariff], rows: Sequence[PricedRow]) -> PricedRow | None:
        """Bound the total by min_price and max_price (P11), without and with VAT each for itself."""
        if len(used) != 1:
            return None
        tariff, total = used[0], _total(rows)
        low, high = tariff.min_price or Price(None), tariff.max_price or Price(None)
        excl = _distance(total.excl_vat, low.excl_vat, high.excl_vat)
        incl = _distance(total.incl_vat, low.incl_vat, high.incl_vat)
        return PricedRow(ComponentKind.LIMIT, tariff, excl, incl) if excl or incl else None

    def _notes(
        self,
        moments: Sequence[_Moment],
        used: Sequence[Tariff],
        rows: Sequence[PricedRow],
        limit: PricedRow | None,
        total: Price,
    ) -> Iterator[Note]:
        start, end = self.cdr.started_at, self.cdr.ended_at
        if not rows:
            yield Note.NOTHING_PRICED
        if any(not start <= moment.period.started_at <= end for moment in moments):
            yield Note.PERIOD_OUTSIDE_SESSION
        if any(not is_valid(moment.tariff, start) for moment in moments):
            yield Note.TARIFF_OUTSIDE_VALIDITY
        if len(used) > 1:
            yield Note.SEVERAL_TARIFFS
            if any(tariff.min_price or tariff.max_price for tariff in used):
                yield Note.LIMITS_NOT_APPLIED
        if limit and (limit.amount_excl_vat == 0 or limit.amount_incl_vat == 0):
            yield Note.LIMIT_ON_ONE_SIDE
        if total.excl_vat is None or total.incl_vat is None:
            yield Note.VAT_UNKNOWN


def _scopes(period: ChargingPeriod) -> Iterator[tuple[bool, Dimension]]:
    """List what a period may be priced for: the session, unless it only reserves, and the reservation if it does."""
    if not _is_reservation_only(period):
        yield from ((False, dimension) for dimension in _DIMENSIONS)
    if period.reservation_hours:
        yield True, Dimension.FLAT
        yield True, Dimension.TIME


def _is_reservation_only(period: ChargingPeriod) -> bool:
    return bool(period.reservation_hours) and not (period.energy_kwh or period.charging_hours or period.parking_hours)


def _volume(period: ChargingPeriod, dimension: Dimension, *, is_reservation: bool) -> Decimal:
    """Give the volume of a dimension; what the period does not list is zero (no wall clock is billed)."""
    volumes = {
        Dimension.ENERGY: period.energy_kwh,
        Dimension.TIME: period.reservation_hours if is_reservation else period.charging_hours,
        Dimension.PARKING_TIME: period.parking_hours,
    }
    return volumes.get(dimension) or _ZERO


def _sum_of(moments: Sequence[_Moment], dimension: Dimension) -> Decimal:
    """Add up all volume of a dimension, priced or free."""
    return sum((_volume(moment.period, dimension, is_reservation=False) for moment in moments), _ZERO)


def _distinct(tariffs: Iterable[Tariff]) -> list[Tariff]:
    """Keep one tariff per content, in order of first use."""
    return list({tariff_version_id(tariff): tariff for tariff in reversed(list(tariffs))}.values())[::-1]


def _of(rows: Iterable[PricedRow], dimension: Dimension) -> list[PricedRow]:
    return [row for row in rows if row.dimension is dimension and not row.is_reservation]


def _total(rows: Iterable[PricedRow]) -> Price:
    """Add rows up; one unknown amount makes the sum unknown."""
    listed = list(rows)
    return Price(_sum(row.amount_excl_vat for row in listed), _sum(row.amount_incl_vat for row in listed))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = _ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _distance(total: Decimal | None, low: Decimal | None, high: Decimal | None) -> Decimal | None:
    """Say what must be added to a total to bring it between its bounds; the upper bound wins where they cross."""
    if total is None:
        return None
    bounded = total if low is None else max(total, low)
    return (bounded if high is None else min(bounded, high)) - total


def _stepped_together(volumes: Sequence[_Volume]) -> Iterator[list[_Volume]]:
    """Group what is rounded up together (P7): energy; parking where it was priced, else charging; the reservation."""
    session = [volume for volume in volumes if not volume.is_reservation]
    parking = [volume for volume in session if volume.dimension is Dimension.PARKING_TIME]
    charging = [volume for volume in session if volume.dimension is Dimension.TIME]
    energy = [volume for volume in session if volume.dimension is Dimension.ENERGY]
    reserved = [volume for volume in volumes if volume.is_reservation and volume.dimension is Dimension.TIME]
    yield from (group for group in (energy, parking or charging, reserved) if group)


def _missing_units(last: _Volume, volume: Decimal) -> Decimal:
    """Give the Wh or seconds that a volume lacks to a whole number of the last component's steps."""
    step = last.found.component.step_size
    if not step or volume <= 0:
        return _ZERO
    units = volume * _UNITS_PER_VOLUME[last.dimension]
    return (units / step).to_integral_value(ROUND_CEILING) * step - units
