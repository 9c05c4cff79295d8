"""Power over time from the charging periods of a CDR."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from models.reconciliation.packs.pack import Claim, PowerProfile, PowerStep
from models.types.money import rounded

_SCALE: Final = 3
"""decimals of a power in kW: watts"""
_SECONDS_PER_HOUR: Final = 3600
_NO_HOURS: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A charging period as `typed/charging_periods` has it."""

    period_index: int
    started_at: datetime
    energy_kwh: Decimal | None


def power_profile(claim: Claim, periods: Sequence[Period], limit_kw: Decimal | None) -> PowerProfile:
    """Give the average power of every period; unknown energy is a gap and not zero.

    A period lasts until the next one starts, the last one until the session ends. Periods without length are left out.
    """
    hours = claim.total_hours - (claim.total_parking_hours or _NO_HOURS)
    return PowerProfile(limit_kw=limit_kw, average_kw=_average(claim, hours), steps=tuple(_steps(claim, periods)))


def _average(claim: Claim, hours: Decimal) -> Decimal | None:
    return rounded(claim.total_energy_kwh / hours, _SCALE) if hours > 0 else None


def _steps(claim: Claim, periods: Sequence[Period]) -> Iterator[PowerStep]:
    ordered = sorted(periods, key=lambda period: (period.started_at, period.period_index))
    ends = (*(period.started_at for period in ordered[1:]), claim.ended_at)
    for period, end in zip(ordered, ends, strict=False):  # without periods there is one end too many
        if end > period.started_at:
            power = _power(period.energy_kwh, end - period.started_at)
            yield PowerStep(started_at=period.started_at, ended_at=end, energy_kwh=period.energy_kwh, average_kw=power)


def _power(energy_kwh: Decimal | None, length: timedelta) -> Decimal | None:
    seconds = Decimal(length // timedelta(microseconds=1)).scaleb(-6)
    return None if energy_kwh is None else rounded(energy_kwh * _SECONDS_PER_HOUR / seconds, _SCALE)
