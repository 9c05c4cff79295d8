"""The one canonical shape of a CDR and a tariff, whatever OCPI version they came in.

These values are what the one-CDR reference prices, what the normaliser flattens into the typed tables, and what the
sandbox's CPOs bill with. Volumes and prices are `Decimal`, instants are UTC, unknown is None and never zero.
Section numbers are those of OCPI 2.2.1-d2.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from itertools import pairwise

from models.types.vocabularies import Dimension, TaxIncluded


@dataclass(frozen=True, slots=True)
class Price:
    """An amount without and with VAT (16.5); `incl_vat` None means that it was not said."""

    excl_vat: Decimal | None
    incl_vat: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When a tariff element applies (11.4.6). Times and dates are local to the charge point; bounds may be absent."""

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None
    min_power_kw: Decimal | None = None
    max_power_kw: Decimal | None = None
    min_duration_seconds: int | None = None
    max_duration_seconds: int | None = None
    days_of_week: frozenset[int] = frozenset()
    """ISO weekday minus one: Monday is 0. Empty means every day."""
    reservation: str | None = None
    """RESERVATION or RESERVATION_EXPIRES."""


@dataclass(frozen=True, slots=True)
class PriceComponent:
    """The price of one dimension (11.4.2). `step_size`: Wh for ENERGY, seconds for times, 0 = no steps."""

    dimension: Dimension
    unit_price: Decimal
    vat_rate_pct: Decimal | None
    step_size: int


@dataclass(frozen=True, slots=True)
class TariffElement:
    """Price components that apply together under one set of restrictions (11.4.4)."""

    components: tuple[PriceComponent, ...]
    restrictions: Restrictions = field(default_factory=Restrictions)


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a tariff (11.3.1). `valid_from`/`valid_to` are its own start and end, not our knowledge of it."""

    owner_id: str
    tariff_id: str
    currency: str
    elements: tuple[TariffElement, ...]
    tariff_type: str | None = None
    tax_included: TaxIncluded = TaxIncluded.NO
    min_price: Price | None = None
    max_price: Price | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    last_updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChargingPeriod:
    """A stretch of a session in which nothing that matters to the price changed (10.4.6)."""

    started_at: datetime
    energy_kwh: Decimal | None = None
    charging_hours: Decimal | None = None
    parking_hours: Decimal | None = None
    reservation_hours: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None
    min_power_kw: Decimal | None = None
    max_power_kw: Decimal | None = None
    tariff_id: str | None = None
    unknown_dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cdr:
    """A charge detail record (10.3.1) as billing needs it."""

    owner_id: str
    cdr_id: str
    started_at: datetime
    ended_at: datetime
    currency: str
    periods: tuple[ChargingPeriod, ...]
    """In the order received; nothing in OCPI promises that it is chronological."""
    total_cost: Price
    total_energy_kwh: Decimal
    total_hours: Decimal
    total_parking_hours: Decimal | None = None
    total_energy_cost: Price | None = None
    total_time_cost: Price | None = None
    total_parking_cost: Price | None = None
    total_fixed_cost: Price | None = None
    total_reservation_cost: Price | None = None
    tariffs: tuple[Tariff, ...] = ()
    session_id: str | None = None
    authorization_reference: str | None = None
    auth_method: str | None = None
    token_uid: str | None = None
    token_type: str | None = None
    contract_id: str | None = None
    location_id: str | None = None
    location_name: str | None = None
    location_city: str | None = None
    country_alpha3: str | None = None
    evse_uid: str | None = None
    evse_id: str | None = None
    connector_id: str | None = None
    connector_power_type: str | None = None
    is_credit: bool = False
    credit_reference_id: str | None = None
    is_home_charging: bool = False
    has_signed_values: bool | None = None
    """of the meter; None where the version has no place for them (2.1.1)"""
    meter_start_kwh: Decimal | None = None
    meter_end_kwh: Decimal | None = None
    last_updated_at: datetime | None = None
    notes: tuple[str, ...] = ()
    """What the reader had to do to understand the record, such as a numeric string accepted as a number."""

    @property
    def has_unordered_periods(self) -> bool:
        """Tell whether the periods came in another order than that of time."""
        return any(later.started_at < earlier.started_at for earlier, later in pairwise(self.periods))

    @property
    def has_unknown_dimensions(self) -> bool:
        """Tell whether a period has a dimension that OCPI does not know."""
        return any(period.unknown_dimensions for period in self.periods)
