"""The part of an evidence pack about rules: what was found against which thresholds, and what was not looked at."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from models.types.vocabularies import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold of a rule as it is in force towards this CPO."""

    name: str
    value: Decimal
    unit: str
    meaning: str
    is_agreed: bool
    """the agreement names it; else it is our default"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSession:
    """The session that a finding holds the CDR against.

    Of a session at another operator only its times are told: the rest is that operator's and the driver's.
    """

    is_at_recipient: bool
    started_at: datetime
    ended_at: datetime
    cdr_key: str | None = None
    location_name: str | None = None
    location_city: str | None = None
    evse_id: str | None = None
    total_energy_kwh: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that the CDR breaks, with its numbers."""

    rule_id: str
    rule_name: str
    rule: str
    """what the rule says"""
    severity: Severity
    message: str
    expected: str | None
    found: str | None
    measured: Decimal | None
    permitted: Decimal | None
    unit: str | None
    distance_km: Decimal | None
    seconds_between: int | None
    energy_difference: Decimal | None
    time_difference: Decimal | None
    parking_difference: Decimal | None
    fixed_difference: Decimal | None
    reservation_difference: Decimal | None
    causes: tuple[str, ...]
    amount_at_stake: Decimal | None
    currency: str
    thresholds: tuple[Threshold, ...]
    other: OtherSession | None

    @property
    def is_decisive(self) -> bool:
        """Whether the CDR is held or rejected for it."""
        return self.severity in {Severity.REJECT, Severity.BLOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotChecked:
    """A rule that could not look at the CDR: neither passed nor broken."""

    rule_id: str
    reason: str
