"""What a plugged-in car does: takes energy at a power that charger and car allow, then stands idle."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from pipelines.sandbox.clock import HOUR, TICK, ticked
from pipelines.sandbox.people import Car
from pipelines.sandbox.places import Evse, SiteKind

_IDLE_FEE_FROM, _STAYS_ANYWAY = 4 * HOUR, 0.3
"""most drivers move their car before the eMSP's idle fee begins, some do not mind"""


@dataclass(frozen=True, slots=True)
class Charge:
    """The meter's and the clock's account of one session; seconds are whole ticks."""

    energy_wh: int
    charging_seconds: int
    parking_seconds: int

    @property
    def seconds(self) -> int:
        """How long the car was plugged in."""
        return self.charging_seconds + self.parking_seconds

    def meter(self, seconds: int) -> int:
        """Give the Wh that have gone through the meter at this age of the session; power is constant."""
        if seconds >= self.charging_seconds:
            return self.energy_wh
        return self.energy_wh * seconds // self.charging_seconds


def charge(evse: Evse, car: Car, minute: int, random: Random, *, is_overnight: bool = False) -> Charge:
    """Draw a session that starts at a local minute of the day; `is_overnight` makes the car stay until morning."""
    if evse.is_dc:
        return _fast_charge(evse, car, random)
    power_kw = min(evse.power_kw, car.ac_kw) * random.uniform(0.90, 0.97)
    wanted_wh = int(1000 * car.battery_kwh * min(0.85, max(0.06, random.gauss(0.38, 0.18))))
    stay = ticked(_stay_hours(SiteKind.HOME if is_overnight else evse.location.kind, minute, random) * HOUR)
    needed = ticked(wanted_wh * 3.6 / power_kw) + TICK
    charging = min(needed, stay)
    is_patient = is_overnight or evse.location.kind is SiteKind.HOME or random.random() < _STAYS_ANYWAY
    parking = stay - charging if is_patient else min(stay - charging, max(0, _IDLE_FEE_FROM - charging))
    return Charge(int(power_kw * charging / 3.6), charging, parking)


def _fast_charge(evse: Evse, car: Car, random: Random) -> Charge:
    """Draw a motorway stop: around 30 kWh in about 30 minutes, and some minutes until the driver is back."""
    power_kw = min(evse.power_kw * 0.94, car.dc_kw * random.uniform(0.45, 0.75))
    wanted_wh = int(1000 * car.battery_kwh * min(0.75, max(0.12, random.gauss(0.43, 0.12))))
    charging = ticked(wanted_wh * 3.6 / power_kw) + TICK
    idle = ticked(random.expovariate(1 / 240)) if random.random() < 0.5 else 0
    return Charge(int(power_kw * charging / 3.6), charging, min(idle, 2700))


def _stay_hours(kind: SiteKind, minute: int, random: Random) -> float:
    """Draw how long a car stays plugged in: a working day, a night, or an errand."""
    if kind is SiteKind.WORKPLACE:
        return min(10.5, max(1.0, random.gauss(7.8, 1.4)))
    is_evening = minute >= 18 * 60
    if kind is SiteKind.HOME or (is_evening and random.random() < 0.55):
        until_morning = (24 * 60 - minute) / 60 + random.gauss(7.2, 0.8)
        return min(14.0, max(2.0, until_morning))
    return min(6.0, max(0.35, random.lognormvariate(0.65, 0.5)))
