"""What a readable record must still satisfy before it may become a typed row; everything softer is reconciliation's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NoReturn

from models.ocpi.canonical import Cdr
from models.ocpi.problems import RecordProblem

EARLIEST_END: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Before it there is no billing month; OCPI peers write 1970 where they do not know a time."""

FOREIGN_PARTY: Final = "foreign_party"
OWNED: Final = frozenset({"cdrs", "invoicereconciliation", "locations", "sessions", "tariffs"})
"""modules of objects that belong to a CPO; what else a peer lists speaks of others by its nature"""

YEARS: Final = range(2000, 2100)

CLOCK_SKEW: Final = timedelta(days=1)
"""A charger's clock may run ahead; a session that ends tomorrow was not yet charged."""


def hold_to_acceptance(cdr: Cdr, received_at: datetime) -> datetime:
    """Give `last_updated_at` of an acceptable CDR; raise `RecordProblem` for one that no month could bill."""
    if cdr.last_updated_at is None:
        message = "cdr last_updated: expected a date and time, found nothing"
        raise RecordProblem(rule="missing_field", field="last_updated", message=message)
    if not EARLIEST_END <= cdr.ended_at <= received_at + CLOCK_SKEW:
        message = (
            f"cdr end_date_time: expected a time from {EARLIEST_END:%Y-%m-%d} to {received_at:%Y-%m-%d} (received), "
            f"found {cdr.ended_at.isoformat()}"
        )
        raise RecordProblem(rule="bad_time", field="end_date_time", message=message)
    for at in (cdr.started_at, *(period.started_at for period in cdr.periods)):
        hold_to_calendar(at)
    if not cdr.is_credit:
        _refuse_negatives(cdr)
    return cdr.last_updated_at


def hold_to_parties(module: str, owner_id: str | None, parties: Collection[str]) -> None:
    """Refuse an object of a party for which its connection was not declared; where it declares none, any may come.

    The first body of a CDR stays, so a peer that speaks for another could take a CDR's id away from its operator.
    """
    if module not in OWNED or not parties or owner_id is None or owner_id in parties:
        return
    message = (
        f"{module}: expected objects of {', '.join(sorted(parties))}, for whom the connection is declared, found one "
        f"of {owner_id}: add {owner_id} to its parties and pull the window again, or ask the peer why it sends it"
    )
    raise RecordProblem(rule=FOREIGN_PARTY, field="party_id", message=message)


def hold_to_calendar(at: datetime | None) -> None:
    """Refuse an instant that has no billing month; year 9999 even has none that could be written down."""
    if at is not None and at.year not in YEARS:
        message = f"expected a time from {YEARS.start} to {YEARS.stop - 1}, found {at.isoformat()}"
        raise RecordProblem(rule="bad_time", field="", message=message)


def _refuse_negatives(cdr: Cdr) -> None:
    """Refuse negative energy and time: only a credit CDR takes something back, and we sell no feeding-in."""
    if cdr.total_energy_kwh < 0:
        _refuse("negative_energy", "total_energy", cdr.total_energy_kwh)
    if cdr.total_hours < 0:
        _refuse("negative_time", "total_time", cdr.total_hours)
    for index, period in enumerate(cdr.periods):
        if period.energy_kwh is not None and period.energy_kwh < 0:
            _refuse("negative_energy", f"charging_periods[{index}] ENERGY", period.energy_kwh)
        for hours in (period.charging_hours, period.parking_hours):
            if hours is not None and hours < 0:
                _refuse("negative_time", f"charging_periods[{index}] TIME or PARKING_TIME", hours)


def _refuse(rule: str, field: str, volume: Decimal) -> NoReturn:
    message = f"cdr {field}: expected zero or more in a CDR that is no credit, found {volume.normalize():f}"
    raise RecordProblem(rule=rule, field=field, message=message)
