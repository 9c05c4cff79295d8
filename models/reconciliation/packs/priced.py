"""The part of an evidence pack about money: tariffs, and the price that they give line by line."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from models.types.vocabularies import ComponentKind, Dimension, RatingOutcome, TariffSource, TaxIncluded


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffPrice:
    """One price component of a tariff version."""

    element_index: int
    component_index: int
    dimension: Dimension
    unit_price: Decimal
    """per kWh, per hour, or once"""
    vat_rate_pct: Decimal | None
    step_size: int
    applies: str
    """its restrictions in words; empty where it always applies"""
    steps: str
    """the step in words; empty where it is a Wh or a second"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A tariff version that the session names or was priced with."""

    tariff_version_id: str
    tariff_key: str
    tariff_id: str
    source: TariffSource
    currency: str
    tax_included: TaxIncluded
    valid_from: datetime | None
    valid_to: datetime | None
    last_updated_at: datetime | None
    """when the CPO wrote it"""
    known_from: datetime
    """when we received it first"""
    min_price_excl_vat: Decimal | None
    max_price_excl_vat: Decimal | None
    is_published_at_start: bool
    """valid and written by the start of the session"""
    is_carried: bool
    """stands inside the CDR"""
    prices_session: bool
    """the recomputation used it"""
    prices: tuple[TariffPrice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubTotal:
    """A part of the price, claimed against recomputed."""

    part: str
    """energy, time, parking, fixed, reservation or total"""
    claimed_excl_vat: Decimal | None
    """as received"""
    claimed_incl_vat: Decimal | None
    recomputed_excl_vat: Decimal | None
    """precise, not rounded"""
    recomputed_incl_vat: Decimal | None
    difference_excl_vat: Decimal | None
    """claimed minus recomputed, rounded once"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRow:
    """One component row of the recomputation; the rows sum to the total exactly."""

    row_index: int
    kind: ComponentKind
    period_index: int | None
    dimension: Dimension | None
    is_reservation: bool
    tariff_version_id: str
    element_index: int | None
    component_index: int | None
    volume: Decimal | None
    billed_volume: Decimal | None
    unit_price: Decimal | None
    vat_rate_pct: Decimal | None
    amount_excl_vat: Decimal | None
    amount_incl_vat: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputation:
    """The price of the session by the tariff, line by line, beside what is claimed."""

    outcome: RatingOutcome
    reason: str | None
    """why there is no price"""
    claimed_excl_vat: Decimal | None
    """of the verdict, as is `recomputed_excl_vat` (rounded once) and `difference_excl_vat`"""
    recomputed_excl_vat: Decimal | None
    difference_excl_vat: Decimal | None
    price_low_excl_vat: Decimal | None
    """bounds where the CDR leaves its price open"""
    price_high_excl_vat: Decimal | None
    policy: str | None
    notes: tuple[str, ...]
    sub_totals: tuple[SubTotal, ...]
    rows: tuple[PricedRow, ...]
