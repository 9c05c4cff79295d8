"""Contracts of the layer `typed`: what OCPI peers said, in one shape, one row per thing said.

The place of the record behind a row is `connection_id`, its module, `page_sha256` and `page_position`: the raw store
gives its own bytes there. But for CDRs, which always had one, it is unknown in tables that an older version wrote.
"""

from models.schemas.columns import (
    ClockTime,
    Contract,
    Day,
    Flag,
    Index,
    Instant,
    Percent,
    Text,
    TextList,
    Volume,
    Whole,
    key,
    one_of,
    optional,
)
from models.types.vocabularies import Dimension, RecordOutcome, TariffSource, TaxIncluded


class Cdrs(Contract):
    """One row per CDR (`cdr_key`), as first received; a second body under the same key never replaces it.

    Partition: `billing_month`, the month of `ended_at` on the company's calendar.
    """

    cdr_key: Text = key()
    """owner*id in upper case, such as DE*LDW*C000017"""
    cpo_id: Text = key()
    """the owning party, such as DE*LDW"""
    cdr_id: Text = key()
    session_id: Text = optional()
    authorization_reference: Text = optional()
    auth_method: Text = optional()
    token_uid: Text = optional()
    token_type: Text = optional()
    contract_id: Text = optional()
    location_id: Text = optional()
    location_name: Text = optional()
    location_city: Text = optional()
    charge_country: Text = optional()
    """ISO 3166-1 alpha-2, from the alpha-3 code that OCPI sends"""
    evse_uid: Text = optional()
    evse_id: Text = optional()
    connector_id: Text = optional()
    connector_power_type: Text = optional()
    started_at: Instant
    ended_at: Instant
    time_zone: Text = optional()
    """IANA zone of the location; null where the peer never published the location or its zone"""
    currency: Text = key()
    total_energy_kwh: Volume
    total_hours: Volume
    total_parking_hours: Volume = optional()
    total_cost_excl_vat: Volume = optional()
    total_cost_incl_vat: Volume = optional()
    energy_cost_excl_vat: Volume = optional()
    energy_cost_incl_vat: Volume = optional()
    time_cost_excl_vat: Volume = optional()
    time_cost_incl_vat: Volume = optional()
    parking_cost_excl_vat: Volume = optional()
    parking_cost_incl_vat: Volume = optional()
    fixed_cost_excl_vat: Volume = optional()
    fixed_cost_incl_vat: Volume = optional()
    reservation_cost_excl_vat: Volume = optional()
    reservation_cost_incl_vat: Volume = optional()
    tariff_version_ids: TextList
    """versions of the tariffs inside the CDR, in their order; empty where it carried none"""
    has_signed_values: Flag = optional()
    """of the meter (SignedData); null where the version of OCPI has no place for them"""
    meter_start_kwh: Volume = optional()
    """what the meter's signed values say; null where there are none, or in a format that is not read"""
    meter_end_kwh: Volume = optional()
    is_credit: Flag
    credit_reference_id: Text = optional()
    is_home_charging: Flag
    has_unordered_periods: Flag
    """the charging periods came in another order than that of time; they are sorted in `typed/charging_periods`"""
    has_unknown_dimensions: Flag
    """a charging period has a dimension that OCPI does not know, and that is not priced"""
    last_updated_at: Instant
    billing_month: Day
    notes: TextList
    """what the reader had to do to understand the record"""
    connection_id: Text = key()
    ocpi_version: Text = key()
    received_at: Instant
    page_sha256: Text = key()
    page_position: Index
    content_sha256: Text = key()


class ChargingPeriods(Contract):
    """One row per charging period of a CDR (`cdr_key`, `period_index`), chronological, index from 0.

    Partition: `billing_month` of the CDR.
    """

    cdr_key: Text = key()
    period_index: Index
    started_at: Instant
    energy_kwh: Volume = optional()
    charging_hours: Volume = optional()
    parking_hours: Volume = optional()
    reservation_hours: Volume = optional()
    min_current_a: Volume = optional()
    max_current_a: Volume = optional()
    min_power_kw: Volume = optional()
    max_power_kw: Volume = optional()
    tariff_id: Text = optional()
    billing_month: Day


class TariffVersions(Contract):
    """One row per version of a tariff (`tariff_version_id`), by content: the same content is the same version.

    Connection, module, version and place are those of the record that first told it; null where no peer ever did, which
    is so of our own plans.
    """

    tariff_version_id: Text = key()
    """the first 16 hex digits of the SHA-256 of the canonical content"""
    tariff_key: Text = key()
    """owner*id in upper case"""
    owner_id: Text = key()
    tariff_id: Text = key()
    source: Text = one_of(TariffSource)
    currency: Text = key()
    tariff_type: Text = optional()
    tax_included: Text = one_of(TaxIncluded)
    min_price_excl_vat: Volume = optional()
    min_price_incl_vat: Volume = optional()
    max_price_excl_vat: Volume = optional()
    max_price_incl_vat: Volume = optional()
    valid_from: Instant = optional()
    valid_to: Instant = optional()
    last_updated_at: Instant = optional()
    known_from: Instant
    """when this content was first received: the second axis of bitemporal tariffs"""
    content_json: Text = key()
    connection_id: Text = optional()
    module: Text = optional()
    """`tariffs`, or `cdrs` where it was first told inside a CDR: the place below is that of the CDR then"""
    ocpi_version: Text = optional()
    page_sha256: Text = optional()
    page_position: Index = optional()


class TariffComponents(Contract):
    """One row per price component of a tariff version (`tariff_version_id`, `element_index`, `component_index`)."""

    tariff_version_id: Text = key()
    element_index: Index
    component_index: Index
    dimension: Text = one_of(Dimension)
    unit_price: Volume
    """per kWh, per hour, or once (FLAT)"""
    vat_rate_pct: Percent = optional()
    step_size: Whole
    """Wh (ENERGY) or seconds (TIME, PARKING_TIME); 0 is no step"""
    start_time: ClockTime = optional()
    end_time: ClockTime = optional()
    start_date: Day = optional()
    end_date: Day = optional()
    min_kwh: Volume = optional()
    max_kwh: Volume = optional()
    min_current_a: Volume = optional()
    max_current_a: Volume = optional()
    min_power_kw: Volume = optional()
    max_power_kw: Volume = optional()
    min_duration_seconds: Whole = optional()
    max_duration_seconds: Whole = optional()
    days_of_week_mask: Index
    """bit 0 is Monday; 0 means every day"""
    reservation: Text = optional()


class Connectors(Contract):
    """One row per connector (`connector_key`): the location, EVSE and connector flattened, newest version known."""

    connector_key: Text = key()
    """owner*location*evse*connector in upper case"""
    cpo_id: Text = key()
    location_id: Text = key()
    evse_uid: Text = key()
    connector_id: Text = key()
    evse_id: Text = optional()
    location_name: Text = optional()
    address: Text = optional()
    city: Text = optional()
    postal_code: Text = optional()
    country: Text = optional()
    """ISO 3166-1 alpha-2"""
    latitude: Volume = optional()
    longitude: Volume = optional()
    time_zone: Text = optional()
    power_type: Text = optional()
    max_power_kw: Volume = optional()
    """max_electric_power, else voltage x amperage x phases of the power type"""
    tariff_ids: TextList
    last_updated_at: Instant
    connection_id: Text = optional()
    ocpi_version: Text = optional()
    received_at: Instant
    page_sha256: Text = optional()
    page_position: Index = optional()


class Tokens(Contract):
    """One row per token (`token_uid`, `token_type`): the newest version known."""

    token_uid: Text = key()
    token_type: Text = key()
    contract_id: Text = key()
    issuer: Text = optional()
    group_id: Text = optional()
    is_valid: Flag
    whitelist: Text = optional()
    last_updated_at: Instant
    connection_id: Text = optional()
    ocpi_version: Text = optional()
    received_at: Instant
    page_sha256: Text = optional()
    page_position: Index = optional()


class Sessions(Contract):
    """One row per session (`session_key`): the newest version known. Partition: `billing_month` of its end or start."""

    session_key: Text = key()
    cpo_id: Text = key()
    session_id: Text = key()
    started_at: Instant
    ended_at: Instant = optional()
    energy_kwh: Volume
    token_uid: Text = optional()
    contract_id: Text = optional()
    auth_method: Text = optional()
    authorization_reference: Text = optional()
    location_id: Text = optional()
    evse_uid: Text = optional()
    connector_id: Text = optional()
    currency: Text = optional()
    status: Text = key()
    last_updated_at: Instant
    billing_month: Day
    connection_id: Text = optional()
    ocpi_version: Text = optional()
    received_at: Instant
    page_sha256: Text = optional()
    page_position: Index = optional()


class Authorizations(Contract):
    """One row per authorization that the eMSP itself answered (`authorization_id`), from its own platform's log.

    Not an OCPI object: OCPI knows the question (POST tokens/{uid}/authorize) and not the record of the answer.
    Partition: `billing_month` of `authorized_at`.
    """

    authorization_id: Text = key()
    authorization_reference: Text = optional()
    token_uid: Text = key()
    token_type: Text = optional()
    contract_id: Text = optional()
    cpo_id: Text = optional()
    location_id: Text = optional()
    evse_uid: Text = optional()
    result: Text = key()
    """ALLOWED, BLOCKED, EXPIRED, NO_CREDIT or NOT_ALLOWED"""
    authorized_at: Instant
    last_updated_at: Instant
    billing_month: Day
    connection_id: Text = optional()
    ocpi_version: Text = optional()
    received_at: Instant
    page_sha256: Text = optional()
    page_position: Index = optional()


class Records(Contract):
    """One row per record of a received page, with what became of it.

    Key: `connection_id`, `module`, `pull_id`, `page_sha256`, `page_position`.

    This is the proof of conservation: raw = typed + quarantined + duplicates. A page that is not JSON, or whose
    envelope is broken, is one row with `page_position` -1.
    """

    connection_id: Text = key()
    module: Text = key()
    ocpi_version: Text = key()
    pull_id: Text = key()
    page_sha256: Text = key()
    page_position: Index
    record_id: Text = optional()
    """what the record calls itself, where that can be read"""
    record_key: Text = optional()
    """the same with its owner, in upper case: ids of two CPOs may be equal"""
    content_sha256: Text = optional()
    outcome: Text = one_of(RecordOutcome)
    rule: Text = optional()
    """why it was quarantined or taken for a duplicate, as a short code"""
    reason: Text = optional()
    """the same in a sentence that names the field, what was expected and what was found; of a record that was typed,
    what had to be done to understand it (of a CDR: see `notes` of its row), such as a number written as text"""
    record_json: Text = optional()
    """the record's own bytes where it was quarantined: digits are kept as they were sent"""
    received_at: Instant
