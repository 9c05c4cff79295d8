"""The thresholds of the rules in one table: defaults of this project, some overridden per CPO agreement.

None of them is an industry standard; roaming contracts set them. `tolerance_amount` and `tolerance_pct` are columns of
`master/agreements`, and the values here serve CPOs without an agreement.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is tolerated before a rule speaks. All bounds are exclusive: a value at the bound is clean."""

    authorized_before_start: timedelta = timedelta(minutes=15)
    """how long before the session its authorization may lie (matching by token, window and location)"""
    authorized_after_start: timedelta = timedelta(minutes=5)
    """how long after it: clocks of chargers differ"""
    duplicate_start: timedelta = timedelta(seconds=60)
    """R03: how far apart the starts of two records of one session may lie"""
    future: timedelta = timedelta(minutes=5)
    """R05: how far a session may end after it was received"""
    power_review_pct: int = 100
    """R10: energy in per cent of what the connector's power could have delivered, from which somebody looks"""
    power_block_pct: int = 105
    """R10: the same, from which the CDR is held"""
    period_energy_kwh: Decimal = Decimal("0.01")
    """R11: difference between the total and the sum of the periods"""
    overlap: timedelta = timedelta(seconds=60)
    """R14, R15: how long two sessions may overlap"""
    overlap_distance_km: float = 1.0
    """R15: within this distance an overlap may be one visit, beyond it the token was in two places"""
    tolerance_amount: Decimal = Decimal("0.01")
    """R21: price difference in the CDR's currency, the larger of this and `tolerance_pct` counts"""
    tolerance_pct: Decimal = Decimal("0.5")


DEFAULTS = Thresholds()
