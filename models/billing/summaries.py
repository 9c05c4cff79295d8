"""What a document sums up besides its totals: countries, vehicles, weeks."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from models.billing.documents import CountrySubtotal, VehicleSummary, WeekEnergy
from models.billing.problems import BillingProblem
from models.billing.records import Charge, MasterData
from models.types.time import BillingMonth
from models.types.vocabularies import ChargeKind, CurrentType

_NONE = Decimal(0)


class DayEnergy(NamedTuple):
    """Energy of one session, for the chart."""

    day: date
    current_type: CurrentType
    energy_kwh: Decimal


def sessions_of(charges: Iterable[Charge]) -> list[Charge]:
    """Give the charges that are sessions."""
    return [charge for charge in charges if charge.kind is ChargeKind.SESSION]


def energy_of(charges: Iterable[Charge]) -> Decimal:
    """Sum the energy of charges, in kWh."""
    return sum((charge.energy_kwh or _NONE for charge in charges), _NONE)


def net_of(charges: Iterable[Charge]) -> Decimal:
    """Sum the net amounts of charges; they must share a currency."""
    return sum((charge.net_amount or _NONE for charge in charges), _NONE)


def country_subtotals(charges: Iterable[Charge]) -> tuple[CountrySubtotal, ...]:
    """Sum sessions by the charge point's country, in the order of the country codes."""
    by_country: dict[str, list[Charge]] = {}
    for charge in sessions_of(charges):
        by_country.setdefault(charge.place_country or "", []).append(charge)
    return tuple(
        CountrySubtotal(country=country, sessions=len(found), energy_kwh=energy_of(found), net_amount=net_of(found))
        for country, found in sorted(by_country.items())
    )


def vehicle_summaries(charges: Iterable[Charge], master: MasterData) -> tuple[VehicleSummary, ...]:
    """Sum sessions and fees by vehicle, in the order of the plates; charges without a vehicle are not in it."""
    by_vehicle: dict[str, list[Charge]] = {}
    for charge in charges:
        if charge.vehicle_id:
            by_vehicle.setdefault(charge.vehicle_id, []).append(charge)
    summaries = [_vehicle_summary(vehicle_id, found, master) for vehicle_id, found in by_vehicle.items()]
    return tuple(sorted(summaries, key=lambda summary: (summary.plate, summary.vehicle_id)))


def week_energies(sessions: Sequence[DayEnergy], month: BillingMonth) -> tuple[WeekEnergy, ...]:
    """Sum energy by ISO week of the local date: every week of the billing month, and earlier ones of late records.

    A document without sessions has no weeks.
    """
    if not sessions:
        return ()
    days = [session.day for session in sessions]
    monday, last = _monday(min(*days, month.first_day)), max(*days, month.last_day)
    weeks: list[WeekEnergy] = []
    while monday <= last:
        weeks.append(_week(monday, sessions))
        monday += timedelta(days=7)
    return tuple(weeks)


def charged_days(charges: Iterable[Charge]) -> list[DayEnergy]:
    """Give the sessions among charges as the chart needs them."""
    return [
        DayEnergy(charge.supplied_on, charge.current_type or CurrentType.AC, charge.energy_kwh or _NONE)
        for charge in sessions_of(charges)
    ]


def _week(monday: date, sessions: Iterable[DayEnergy]) -> WeekEnergy:
    of_week = [session for session in sessions if _monday(session.day) == monday]
    return WeekEnergy(
        week_start=monday, ac_kwh=_of_type(of_week, CurrentType.AC), dc_kwh=_of_type(of_week, CurrentType.DC)
    )


def _of_type(sessions: Iterable[DayEnergy], current_type: CurrentType) -> Decimal:
    return sum((session.energy_kwh for session in sessions if session.current_type is current_type), _NONE)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _vehicle_summary(vehicle_id: str, charges: Sequence[Charge], master: MasterData) -> VehicleSummary:
    vehicle = master.vehicles.get(vehicle_id)
    if vehicle is None:
        msg = f"charge {charges[0].charge_id} names vehicle {vehicle_id}, which is not in the master data: load it"
        raise BillingProblem(msg)
    sessions = sessions_of(charges)
    drivers = sorted({master.drivers[c.driver_id].name for c in charges if c.driver_id in master.drivers})
    centres = sorted({charge.cost_centre for charge in charges if charge.cost_centre})
    return VehicleSummary(
        vehicle_id=vehicle_id,
        plate=vehicle.plate,
        model=vehicle.model,
        driver_name=", ".join(drivers),
        cost_centre=", ".join(centres) or None,
        sessions=len(sessions),
        energy_kwh=energy_of(sessions),
        energy_ac_kwh=energy_of(s for s in sessions if s.current_type is CurrentType.AC),
        energy_dc_kwh=energy_of(s for s in sessions if s.current_type is CurrentType.DC),
        fee_amount=net_of(charge for charge in charges if charge.kind is ChargeKind.SUBSCRIPTION),
        net_amount=net_of(charges),
    )
