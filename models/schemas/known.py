"""Contracts of the layer `typed` about what was known when, and about how well peers keep to the protocol."""

from models.schemas.columns import (
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
from models.types.intake_codes import LintCode, LintSeverity, ViolationCode


class HubClients(Contract):
    """One row per party behind a hub in one role (`connection_id`, `client_id`, `client_role`): the newest known."""

    connection_id: Text = key()
    client_id: Text = key()
    """the party, such as DE*LDW"""
    client_role: Text = key()
    status: Text = key()
    """CONNECTED, OFFLINE, PLANNED, SUSPENDED, or what a peer made up"""
    ocpi_version: Text = optional()
    last_updated_at: Instant
    received_at: Instant
    page_sha256: Text = optional()
    page_position: Index = optional()


class InvoiceReconciliations(Contract):
    """One row per invoice record and CDR (`record_key`, `cdr_key`) of OCPI 2.3.0: the newest version known.

    A record that its CPO deleted has no rows, unless it came again later.
    """

    record_key: Text = key()
    """owner*id in upper case"""
    cpo_id: Text = key()
    record_id: Text = key()
    invoice_id: Text = key()
    cdr_key: Text = key()
    """owner*id of the CDR in upper case; nothing says that such a CDR was ever received"""
    cdr_id: Text = key()
    connection_id: Text = key()
    ocpi_version: Text = optional()
    last_updated_at: Instant
    received_at: Instant
    page_sha256: Text = optional()
    page_position: Index = optional()


class TariffHistory(Contract):
    """One row per belief about a published tariff (`tariff_key`, `row_index`): which version, when valid, when known.

    Two half-open intervals: from `known_from` to `known_to` we believed that `tariff_version_id` was the tariff for
    moments from `valid_from` to `valid_to`. Null is an open end. A version that comes back is a row of its own.
    """

    tariff_key: Text = key()
    row_index: Index
    known_from: Instant
    known_to: Instant = optional()
    """when something else was received; null where we believe it still"""
    valid_from: Instant = optional()
    valid_to: Instant = optional()
    tariff_version_id: Text = optional()
    """null: the tariff was deleted"""
    tariff_type: Text = optional()
    last_updated_at: Instant = optional()
    connection_id: Text = key()
    ocpi_version: Text = optional()
    page_sha256: Text = optional()
    page_position: Index = optional()


class TokenHistory(Contract):
    """One row per belief about a token (`token_uid`, `token_type`, `row_index`): see `TariffHistory`.

    A token's state is valid from its `last_updated` until the next.
    """

    token_uid: Text = key()
    token_type: Text = key()
    row_index: Index
    known_from: Instant
    known_to: Instant = optional()
    valid_from: Instant = optional()
    valid_to: Instant = optional()
    contract_id: Text = key()
    issuer: Text = optional()
    group_id: Text = optional()
    is_valid: Flag
    whitelist: Text = optional()
    connection_id: Text = key()
    ocpi_version: Text = optional()
    page_sha256: Text = key()
    page_position: Index


class ConnectorHistory(Contract):
    """One row per belief about a connector (`connector_key`, `row_index`): see `TariffHistory`.

    What the location said is valid from its `last_updated` until the next. Only what pricing and matching need.
    """

    connector_key: Text = key()
    row_index: Index
    known_from: Instant
    known_to: Instant = optional()
    valid_from: Instant = optional()
    valid_to: Instant = optional()
    cpo_id: Text = key()
    location_id: Text = key()
    evse_uid: Text = key()
    connector_id: Text = key()
    country: Text = optional()
    time_zone: Text = optional()
    power_type: Text = optional()
    max_power_kw: Volume = optional()
    tariff_ids: TextList
    connection_id: Text = key()
    ocpi_version: Text = optional()
    page_sha256: Text = key()
    page_position: Index


class ContractHistory(Contract):
    """One row per belief about a charging contract of our own (`contract_id`, `row_index`): see `TariffHistory`.

    Known from the first load of the master data that says so; `valid_from` and `valid_to` are the contract's own.
    """

    contract_id: Text = key()
    row_index: Index
    known_from: Instant
    known_to: Instant = optional()
    valid_from: Day
    valid_to: Day = optional()
    account_id: Text = key()
    plan_id: Text = key()
    driver_id: Text = optional()
    vehicle_id: Text = optional()
    cost_centre: Text = optional()


class TariffLint(Contract):
    """One row per odd thing about a tariff version (`tariff_version_id`, `finding_index`)."""

    tariff_version_id: Text = key()
    finding_index: Index
    tariff_key: Text = key()
    code: Text = one_of(LintCode)
    severity: Text = one_of(LintSeverity)
    element_index: Index = optional()
    component_index: Index = optional()
    sentence: Text = key()


class ProtocolViolations(Contract):
    """One row per breach of the protocol (`violation_id`), with both bodies where there are two.

    A place is `connection_id`, `module`, `page_sha256`, `page_position` (without connection and module: those of the
    row); `roamledger`'s raw store gives the record's own bytes there, so both versions can always be read again.
    """

    violation_id: Text = key()
    """16 hex digits of code, object, places and path: the same breach is the same row"""
    connection_id: Text = key()
    module: Text = key()
    record_key: Text = optional()
    """of the object, where it names itself"""
    code: Text = one_of(ViolationCode)
    path: Text = optional()
    """of the field, where one field of the record is the breach, such as `charging_periods[].tariff_id`"""
    content_sha256: Text = optional()
    page_sha256: Text = optional()
    page_position: Index = optional()
    other_connection_id: Text = optional()
    other_content_sha256: Text = optional()
    """of the body that came first, or that is contradicted"""
    other_page_sha256: Text = optional()
    other_page_position: Index = optional()
    sentence: Text = key()
    received_at: Instant


class UnknownFields(Contract):
    """One row per unknown field of a connection's records (`connection_id`, `module`, `ocpi_version`, `path`)."""

    connection_id: Text = key()
    module: Text = key()
    ocpi_version: Text = key()
    path: Text = key()
    """such as `tariffs[].elements[].restriction`"""
    meant: Text = optional()
    """the known field that is one edit away"""
    known_in: Text = optional()
    """another version of OCPI that has the field"""
    is_extension: Flag
    records: Whole
    """records that carry it"""
    first_page_sha256: Text = key()
    first_page_position: Index
    first_received_at: Instant


class Freshness(Contract):
    """One row per connection and module (`connection_id`, `module`): how fresh, how much, how faulty."""

    connection_id: Text = key()
    module: Text = key()
    last_pull_at: Instant = optional()
    """end of the newest pull that reached the end of its window"""
    pulled_until: Instant = optional()
    """the latest instant up to which a pull asked and reached the end"""
    last_push_at: Instant = optional()
    last_record_at: Instant = optional()
    """when the newest record was received"""
    newest_update_at: Instant = optional()
    """the largest `last_updated` among the records"""
    lag_seconds: Whole = optional()
    """from `newest_update_at` to the newest pull, push or file of anybody: how old the newest news is by now"""
    pulls: Whole
    failed_pulls: Whole
    """pulls that did not reach the end of their window, or not even a first page"""
    records: Whole
    quarantined_records: Whole
    failed_pulls_pct: Percent = optional()
    quarantined_pct: Percent = optional()
    last_failure: Text = optional()
    """what went wrong in the newest pull of all, where something did"""
