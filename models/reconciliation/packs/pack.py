"""What an evidence pack says: the CDR as received, what it was held against, and what was found.

Fields that repeat a column of a table have its name and its digits, so that a pack can be held against the tables.
Instants are UTC. Amounts are in the claim's currency. None is unknown, never zero.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from models.reconciliation.packs.found import Finding, NotChecked
from models.reconciliation.packs.priced import Recomputation, Tariff
from models.types.vocabularies import CaseStatus, DisputeEventKind, MatchKind, Verdict

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
