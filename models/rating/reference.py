"""One CDR priced in plain Python: the second implementation, to which the kernel is held digit by digit.

Read it next to rules P1-P16 of the tariff rule book (ARCHITECTURE.md): every rule has its function here or in
`models.rating.plain`. The sandbox's CPOs bill with it. It is meant to be read and is slow; months are priced by
`models.rating.kernel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal, localcontext
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from models.ocpi.canonical import Cdr, ChargingPeriod, Price, Restrictions, Tariff
from models.ocpi.frames import tariff_version_id
from models.rating.outcome import CannotPriceError, Note, PricedCdr, PricedRow, Reason
from models.rating.plain.admission import check_amounts, check_volumes, has_local_restriction, is_in_range, is_valid
from models.rating.plain.possible import inside_of, options_of
from models.rating.plain.session import (
    ZERO,
    Found,
    Moment,
    PricedVolume,
    Slot,
    ends_of,
    is_reservation_only,
    ordered_periods,
    slots_of,
    volume_of,
)
from models.rating.plain.steps import UNITS_PER_VOLUME, Step, billed_volume, steps_of
from models.rating.plain.sums import distance, total_of
from models.rating.plain.windows import at_least, below, seconds, within, within_calendar
from models.rating.policy import (
    DEFAULT_POLICY,
    AbsentVat,
    FlatRepetition,
    LimitsOfSeveralTariffs,
    Policy,
    RoundingPlace,
)
from models.types.money import PRECISE_SCALE, VOLUME_SCALE, minor_unit_scale, rounded
from models.types.vocabularies import ComponentKind, Dimension, RatingOutcome, TaxIncluded

__all__ = ["price_cdr"]

_EXACT: Final = Context(prec=76)
"""Wide enough for every product here; a quotient is cut at 76 digits and no tie at the 12th decimal can move there."""


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
class _Pricing:
    """The facts of one session, and the rules over them."""

    cdr: Cdr
    tariffs: Sequence[Tariff]
    time_zone: ZoneInfo | None
    policy: Policy
    reservation_expired: bool

    def priced(self) -> PricedCdr:
        """Price the session: volumes and fees, steps, what rounding adds, limits, and the sign of a credit."""
        moments = self._moments()
        volumes = list(self._volumes(moments))
        steps = steps_of(volumes, moments, self.policy)
        measured = [*(self._row(volume) for volume in volumes), *(self._step_row(step) for step in steps)]
        check_amounts(measured)
        used = _distinct([moment.tariff for moment in moments])
        rows = [*measured, *self._period_rounding(measured, moments)]
        for difference in (self._limit, self._total_rounding, self._credit):
            rows += difference(used, rows)
        total, modes = total_of(rows), {tariff.tax_included for tariff in used}
        return PricedCdr(
            outcome=RatingOutcome.PRICED,
            currency=self.cdr.currency,
            tax_included=modes.pop() if len(modes) == 1 else None,
            tariffs=tuple(used),
            total=total,
            energy=total_of(_of(rows, Dimension.ENERGY)),
            time=total_of(_of(rows, Dimension.TIME)),
            parking=total_of(_of(rows, Dimension.PARKING_TIME)),
            fixed=total_of(_of(rows, Dimension.FLAT)),
            reservation=total_of(row for row in rows if row.is_reservation),
            billed_energy_kwh=self._billed(volumes, moments, Dimension.ENERGY),
            billed_charging_hours=self._billed(volumes, moments, Dimension.TIME),
            billed_parking_hours=self._billed(volumes, moments, Dimension.PARKING_TIME),
            rows=tuple(rows),
            notes=tuple(sorted(self._notes(moments, volumes, used, rows, total), key=list(Note).index)),
        )

    def _moments(self) -> list[Moment]:
        """Look at the session at the start of each of its periods, in order of time."""
        periods = ordered_periods(self.cdr, self.policy)
        self._check_session(periods)
        tariffs = [self._tariff_of(period) for period in periods]
        self._check_tariffs(tariffs)
        check_volumes(periods)
        opening = min(self.cdr.started_at, periods[0].started_at)
        plugged_in = self._plugged_in_at(periods, opening)
        moments: list[Moment] = []
        energy = charging = parking = ZERO
        for period, tariff, end in zip(periods, tariffs, ends_of(periods, self.cdr), strict=True):
            at = period.started_at
            local = at.astimezone(self.time_zone) if self.time_zone else at
            clocks = at - plugged_in, at - opening
            moments.append(Moment(len(moments), period, tariff, local, end, energy, *clocks, charging, parking))
            energy += period.energy_kwh or ZERO
            charging += period.charging_hours or ZERO
            parking += period.parking_hours or ZERO
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
        if not is_reservation_only(periods[0]):
            return opening
        return next((period.started_at for period in periods if not is_reservation_only(period)), opening)

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

    def _volumes(self, moments: Sequence[Moment]) -> Iterator[PricedVolume]:
        """Find for every volume of every period the component that prices it (P1); without one it is free (P2).

        FLAT is taken at the first period where a component applies (P9, P10); how often is a policy.
        """
        charged: set[object] = set()
        for moment in moments:
            for slot in slots_of(moment.period):
                is_flat = slot[1] is Dimension.FLAT
                volume = Decimal(1) if is_flat else volume_of(moment.period, slot)
                found = self._first_match(moment, slot) if volume else None
                if found is None:
                    continue
                if is_flat:
                    key = (slot, self._flat_key(moment, found))
                    if key in charged:
                        continue
                    charged.add(key)
                yield PricedVolume(moment, found, slot, volume)

    def _flat_key(self, moment: Moment, found: Found) -> object:
        """Say within what a fixed fee is charged once: the session, its tariff or its element."""
        if self.policy.flat_repetition is FlatRepetition.ONCE_PER_SESSION:
            return None
        version = tariff_version_id(moment.tariff)
        return (
            version if self.policy.flat_repetition is FlatRepetition.ONCE_PER_TARIFF else (version, found.element_index)
        )

    def _first_match(self, moment: Moment, slot: Slot) -> Found | None:
        """Find the first element with a component of the dimension whose restrictions all hold (P1)."""
        for element_index, element in enumerate(moment.tariff.elements):
            if not self._applies(element.restrictions, moment, slot):
                continue
            for component_index, component in enumerate(element.components):
                if component.dimension is slot[1]:
                    return Found(component, element_index, component_index)
        return None

    def _applies(self, found: Restrictions, moment: Moment, slot: Slot) -> bool:
        clock = moment.clock(slot, self.policy)
        return (
            self._applies_to_scope(found.reservation, is_reservation=slot[0])
            and within_calendar(found, moment.local, self.policy)
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

    def _billed(self, volumes: Sequence[PricedVolume], moments: Sequence[Moment], dimension: Dimension) -> Decimal:
        return rounded(billed_volume(volumes, moments, dimension, self.policy), PRECISE_SCALE)

    def _row(self, volume: PricedVolume) -> PricedRow:
        kind = ComponentKind.FLAT if volume.dimension is Dimension.FLAT else ComponentKind.VOLUME
        face = rounded(volume.volume * volume.found.component.unit_price, PRECISE_SCALE)
        return replace(self._component_row(kind, volume, volume.volume, face), volume=volume.volume)

    def _step_row(self, step: Step) -> PricedRow:
        units_per_volume = UNITS_PER_VOLUME[step.last.dimension]
        face = step.missing_units * step.last.found.component.unit_price / units_per_volume
        added = step.missing_units / units_per_volume
        return self._component_row(ComponentKind.STEP, step.last, added, rounded(face, PRECISE_SCALE))

    def _component_row(self, kind: ComponentKind, priced: PricedVolume, billed: Decimal, face: Decimal) -> PricedRow:
        component, tariff = priced.found.component, priced.moment.tariff
        amount = self._taxed(face, component.vat_rate_pct, tariff.tax_included)
        return PricedRow(
            kind=kind,
            tariff=tariff,
            amount_excl_vat=self._row_amount(amount.excl_vat),
            amount_incl_vat=self._row_amount(amount.incl_vat),
            period_index=priced.moment.index,
            dimension=priced.dimension,
            is_reservation=priced.slot[0],
            element_index=priced.found.element_index,
            component_index=priced.found.component_index,
            billed_volume=rounded(billed, VOLUME_SCALE),
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

    def _row_amount(self, amount: Decimal | None) -> Decimal | None:
        return self._to_minor_unit(amount) if self.policy.rounding_place is RoundingPlace.EACH_ROW else amount

    def _to_minor_unit(self, amount: Decimal | None) -> Decimal | None:
        return None if amount is None else rounded(amount, minor_unit_scale(self.cdr.currency))

    def _period_rounding(self, rows: Sequence[PricedRow], moments: Sequence[Moment]) -> Iterator[PricedRow]:
        """Round the sum of each period, where the policy rounds there."""
        if self.policy.rounding_place is not RoundingPlace.EACH_PERIOD:
            return
        known = total_of(rows)
        by_period = sorted(rows, key=lambda row: row.period_index or 0)
        for index, listed in groupby(by_period, key=lambda row: row.period_index or 0):
            total = total_of(listed)
            added = self._rounding(
                Price(
                    None if known.excl_vat is None else total.excl_vat,
                    None if known.incl_vat is None else total.incl_vat,
                )
            )
            if added.excl_vat or added.incl_vat:
                yield replace(_whole_row(ComponentKind.ROUNDING, moments[index].tariff, added), period_index=index)

    def _rounding(self, total: Price) -> Price:
        excl, incl = self._to_minor_unit(total.excl_vat), self._to_minor_unit(total.incl_vat)
        return Price(_less(excl, total.excl_vat), _less(incl, total.incl_vat))

    def _limit(self, used: Sequence[Tariff], rows: Sequence[PricedRow]) -> list[PricedRow]:
        """Bound the total by min_price and max_price (P11), without and with VAT each for itself."""
        first_bounds = self.policy.limits_of_several_tariffs is LimitsOfSeveralTariffs.FIRST_TARIFF
        if len(used) != 1 and not first_bounds:
            return []
        tariff, total = used[0], total_of(rows)
        low, high = tariff.min_price or Price(None), tariff.max_price or Price(None)
        excl = distance(total.excl_vat, low.excl_vat, high.excl_vat)
        incl = distance(total.incl_vat, low.incl_vat, high.incl_vat)
        return [_whole_row(ComponentKind.LIMIT, tariff, Price(excl, incl))] if excl or incl else []

    def _total_rounding(self, used: Sequence[Tariff], rows: Sequence[PricedRow]) -> list[PricedRow]:
        """Round the total, where the policy rounds there."""
        if self.policy.rounding_place is not RoundingPlace.TOTAL:
            return []
        added = self._rounding(total_of(rows))
        return [_whole_row(ComponentKind.ROUNDING, used[0], added)] if added.excl_vat or added.incl_vat else []

    def _credit(self, used: Sequence[Tariff], rows: Sequence[PricedRow]) -> list[PricedRow]:
        """Turn the total of a credit CDR negative; its parts stay those of the original (mod_cdrs, Credit CDRs)."""
        if not self.cdr.is_credit:
            return []
        total = total_of(rows)
        added = Price(_twice_off(total.excl_vat), _twice_off(total.incl_vat))
        return [_whole_row(ComponentKind.CREDIT, used[0], added)] if added.excl_vat or added.incl_vat else []

    def _notes(
        self,
        moments: Sequence[Moment],
        volumes: Sequence[PricedVolume],
        used: Sequence[Tariff],
        rows: Sequence[PricedRow],
        total: Price,
    ) -> Iterator[Note]:
        yield from self._notes_of_record(moments)
        yield from self._notes_of_tariffs(moments, volumes, used, rows)
        yield from self._notes_of_openness(moments, volumes)
        for row in rows:
            if row.kind is ComponentKind.LIMIT and (row.amount_excl_vat == 0 or row.amount_incl_vat == 0):
                yield Note.LIMIT_ON_ONE_SIDE
        if total.excl_vat is None or total.incl_vat is None:
            yield Note.VAT_UNKNOWN

    def _notes_of_record(self, moments: Sequence[Moment]) -> Iterator[Note]:
        start, end = self.cdr.started_at, self.cdr.ended_at
        if self.cdr.is_credit:
            yield Note.CREDIT
        if self.cdr.has_unordered_periods:
            yield Note.PERIODS_OUT_OF_ORDER
        if self.cdr.has_unknown_dimensions:
            yield Note.UNKNOWN_DIMENSION
        if any(not start <= moment.period.started_at <= end for moment in moments):
            yield Note.PERIOD_OUTSIDE_SESSION
        if moments[0].period.started_at > start:
            yield Note.START_NOT_COVERED

    def _notes_of_tariffs(
        self,
        moments: Sequence[Moment],
        volumes: Sequence[PricedVolume],
        used: Sequence[Tariff],
        rows: Sequence[PricedRow],
    ) -> Iterator[Note]:
        if all(row.dimension is None for row in rows):
            yield Note.NOTHING_PRICED
        charged = any(moment.period.energy_kwh or moment.period.charging_hours for moment in moments)
        if charged and not any(_prices(tariff, slot) for tariff in used for slot in _OF_CHARGING):
            yield Note.MISSING_COMPONENT
        priced = {(volume.moment.index, volume.slot) for volume in volumes}
        for moment in moments:
            asked = [slot for slot in slots_of(moment.period) if volume_of(moment.period, slot) and slot != _PARKING]
            if any((moment.index, slot) not in priced and _prices(moment.tariff, slot) for slot in asked):
                yield Note.UNPRICED_VOLUME
                break
        if any(not is_valid(moment.tariff, self.cdr.started_at) for moment in moments):
            yield Note.TARIFF_OUTSIDE_VALIDITY
        if len(used) > 1:
            yield Note.SEVERAL_TARIFFS
            ignored = self.policy.limits_of_several_tariffs is LimitsOfSeveralTariffs.NOT_APPLIED
            if ignored and any(tariff.min_price or tariff.max_price for tariff in used):
                yield Note.LIMITS_NOT_APPLIED

    def _notes_of_openness(self, moments: Sequence[Moment], volumes: Sequence[PricedVolume]) -> Iterator[Note]:
        """Say whether a price changes inside a period, and whether a doubled hour leaves it open."""
        plain = alternative = False
        for moment in moments:
            inside = inside_of(moment, self.time_zone)
            for slot in slots_of(moment.period):
                is_flat = slot[1] is Dimension.FLAT
                if not is_flat and not volume_of(moment.period, slot):
                    continue
                options = options_of(inside, slot, self.policy, self._first_match)
                if is_flat:
                    plain |= self._charges_anew(moment, slot, options.plain, volumes)
                    alternative |= self._charges_anew(moment, slot, options.alternative, volumes)
                else:
                    prices = {_price_of(found) for found in options.plain}
                    plain |= len(prices) > 1
                    alternative |= not {_price_of(found) for found in options.alternative} <= prices
        if plain:
            yield Note.PERIOD_SPANS_PRICE_CHANGE
        if alternative:
            yield Note.AMBIGUOUS_HOUR

    def _charges_anew(
        self, moment: Moment, slot: Slot, options: Sequence[Found | None], volumes: Sequence[PricedVolume]
    ) -> bool:
        """Tell whether a possible fixed fee is not charged by the start of its period."""
        charged = {
            self._flat_key(volume.moment, volume.found)
            for volume in volumes
            if volume.slot == slot and volume.moment.index <= moment.index
        }
        return any(found is not None and self._flat_key(moment, found) not in charged for found in options)


_PARKING: Final[Slot] = (False, Dimension.PARKING_TIME)
_OF_CHARGING: Final[tuple[Slot, ...]] = tuple(
    (False, dimension) for dimension in (Dimension.ENERGY, Dimension.TIME, Dimension.FLAT)
)


def _price_of(found: Found | None) -> tuple[object, ...] | None:
    """Give what makes one price differ from another, None of nothing."""
    component = found and found.component
    return component and (component.unit_price, component.vat_rate_pct, component.step_size)


def _prices(tariff: Tariff, slot: Slot) -> bool:
    """Tell whether a tariff has any component for a slot, whatever its restrictions."""
    return any(
        component.dimension is slot[1] and (element.restrictions.reservation is not None) is slot[0]
        for element in tariff.elements
        for component in element.components
    )


def _whole_row(kind: ComponentKind, tariff: Tariff, added: Price) -> PricedRow:
    return PricedRow(kind, tariff, added.excl_vat, added.incl_vat)


def _less(amount: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if amount is None or other is None else amount - other


def _twice_off(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else -2 * amount


def _distinct(tariffs: Iterable[Tariff]) -> list[Tariff]:
    """Keep one tariff per content, in order of first use."""
    objects = list({id(tariff): tariff for tariff in tariffs}.values())
    if len(objects) == 1:
        return objects
    first: dict[str, Tariff] = {}
    for tariff in objects:
        _ = first.setdefault(tariff_version_id(tariff), tariff)
    return list(first.values())


def _of(rows: Iterable[PricedRow], dimension: Dimension) -> list[PricedRow]:
    return [row for row in rows if row.dimension is dimension and not row.is_reservation]
