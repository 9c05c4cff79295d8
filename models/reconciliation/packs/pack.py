"""What an evidence pack says: the CDR as received, what it was held against, and what was found.

Fields that repeat a column of a table have its name and its digits, so that a pack can be held against the tables.
Instants are UTC. Amounts are in the claim's currency. None is unknown, never zero.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from models.types.vocabularies import (
    CaseStatus,
    ComponentKind,
    Dimension,
    DisputeEventKind,
    MatchKind,
    RatingOutcome,
    Severity,
    TariffSource,
    TaxIncluded,
    Verdict,
)

FORMAT: Final = "roamledger-evidence-pack/1"
"""names this shape; a field that changes its meaning is a new number"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The eMSP that disputes the claim."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str
    email: str
    phone: str
    website: str
    ocpi_party_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The CPO that claims."""

    cpo_id: str
    name: str | None
    """of the agreement; None where there is none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Where the dispute stands. Amounts are excl. VAT."""

    case_id: str
    verdict: Verdict
    """of the CDR, by the last run"""
    status: CaseStatus | None
    """None where no case was opened yet; so are the facts below"""
    is_live: bool
    rule_ids: tuple[str, ...] = ()
    reason: str = ""
    amount_at_stake: Decimal | None = None
    claimed: Decimal | None = None
    payable: Decimal | None = None
    held: Decimal | None = None
    conceded: Decimal | None = None
    opened_at: datetime | None = None
    deadline_on: date | None = None
    level: int = 0
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The CDR as it was received: its own bytes, and where they lie."""

    connection_id: str
    ocpi_version: str
    received_at: datetime
    page_sha256: str
    """of the answer or file that held it"""
    page_position: int
    """of the record on that page, from 0"""
    record_sha256: str | None = None
    record_bytes: int | None = None
    record: str | None = None
    """the bytes as text, where they are UTF-8"""
    record_base64: str | None = None
    """the bytes where they are not"""
    problem: str | None = None
    """why the bytes cannot be shown"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The CDR as it was read: the facts that rules and prices look at."""

    cdr_key: str
    cpo_id: str
    cdr_id: str
    session_id: str | None
    authorization_reference: str | None
    auth_method: str | None
    token_uid: str | None
    token_type: str | None
    contract_id: str | None
    location_id: str | None
    location_name: str | None
    location_city: str | None
    charge_country: str | None
    evse_uid: str | None
    evse_id: str | None
    connector_id: str | None
    connector_power_type: str | None
    started_at: datetime
    ended_at: datetime
    time_zone: str | None
    currency: str
    total_energy_kwh: Decimal
    total_hours: Decimal
    total_parking_hours: Decimal | None
    is_credit: bool
    credit_reference_id: str | None
    last_updated_at: datetime
    """when the CPO wrote it"""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The authorization that the CDR was matched with, or why there is none."""

    match_kind: MatchKind
    reason: str | None
    authorization_id: str | None = None
    authorization_reference: str | None = None
    authorized_at: datetime | None = None
    result: str | None = None
    location_id: str | None = None
    evse_uid: str | None = None
    seconds_from_authorization: int | None = None
    """start of the session minus authorization"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The session object that the CDR was matched with, or why there is none."""

    session_match_kind: MatchKind
    session_reason: str | None
    session_key: str | None = None
    session_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    energy_kwh: Decimal | None = None
    status: str | None = None
    location_id: str | None = None
    evse_uid: str | None = None
    last_updated_at: datetime | None = None
    received_at: datetime | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the case."""

    event_index: int
    kind: DisputeEventKind
    happened_at: datetime
    is_by_person: bool
    reason: str | None
    """None where it is ours alone"""
    amount: Decimal | None
    deadline_on: date | None
    related_cdr_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerStep:
    """One charging period: average power, or a gap where its energy is unknown."""

    started_at: datetime
    ended_at: datetime
    energy_kwh: Decimal | None
    average_kw: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerProfile:
    """Power over time, by charging period, against what the connector can deliver."""

    limit_kw: Decimal | None
    """of the connector as published; None where it is not known"""
    average_kw: Decimal | None
    """of the whole session: its energy over its length without parking"""
    steps: tuple[PowerStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePack:
    """The evidence of one dispute case."""

    format: str
    sender: Sender | None
    recipient: Recipient
    case: Case
    claim: Claim
    received: Received
    authorization: Authorization
    session: Session
    tariffs: tuple[Tariff, ...]
    recomputation: Recomputation
    findings: tuple[Finding, ...]
    """those that decide first"""
    not_checked: tuple[NotChecked, ...]
    events: tuple[Event, ...]
    power: PowerProfile
