"""The list of all hand-overs: layer, table, contract and partitioning, said once.

Everything that walks over tables (asset checks, the lake, dbt sources, verify) reads this list.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from models.schemas import billed, known, ledger, master, matched, priced, typed
from models.schemas.columns import Contract


class Layer(StrEnum):
    """The layers of the lake, in the order of the data's way."""

    MASTER = "master"
    TYPED = "typed"
    PRICED = "priced"
    MATCHED = "matched"
    BILLED = "billed"
    LEDGER = "ledger"


class OlderTableError(ValueError):
    """Raised where a stored table is too old to be read under its contract."""


@dataclass(frozen=True, slots=True)
class Table:
    """A Parquet table of the lake: `<lake>/<layer>/<name>/[billing_month=YYYY-MM/]part-0.parquet`."""

    layer: Layer
    name: str
    contract: type[Contract]
    by_month: bool
    key: tuple[str, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The Polars types of its columns, in contract order."""
        columns = self.contract.to_schema().columns
        return {name: column.dtype.type for name, column in columns.items()}

    def adopted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give a frame that an earlier version of this product wrote the columns that came since, as unknown.

        Raises:
            OlderTableError: where a missing column may not be unknown; the text names it.
        """
        columns = self.contract.to_schema().columns
        missing = [name for name in columns if name not in frame.columns]
        required = [name for name in missing if not columns[name].nullable]
        if required:
            msg = f"{self.layer}/{self.name} was written by an older version and lacks {', '.join(required)}"
            raise OlderTableError(msg)
        added = [pl.lit(None, columns[name].dtype.type).alias(name) for name in missing]
        return frame.with_columns(added).select(list(columns))

    def empty(self) -> pl.DataFrame:
        """Give a frame without rows that fits the contract."""
        return pl.DataFrame(schema=self.schema)


def _table(layer: Layer, name: str, contract: type[Contract], key: str, *, by_month: bool = False) -> Table:
    return Table(layer, name, contract, by_month, tuple(key.split()))


TABLES: Final[tuple[Table, ...]] = (
    _table(Layer.MASTER, "legal_entities", master.LegalEntities, "legal_entity_id"),
    _table(Layer.MASTER, "vat_registrations", master.VatRegistrations, "legal_entity_id country valid_from"),
    _table(Layer.MASTER, "accounts", master.Accounts, "account_id"),
    _table(Layer.MASTER, "account_vat_ids", master.AccountVatIds, "account_id country valid_from"),
    _table(Layer.MASTER, "plans", master.Plans, "plan_id"),
    _table(Layer.MASTER, "plan_tariffs", master.PlanTariffs, "plan_id current_type"),
    _table(Layer.MASTER, "contracts", master.Contracts, "contract_id"),
    _table(Layer.MASTER, "drivers", master.Drivers, "driver_id"),
    _table(Layer.MASTER, "vehicles", master.Vehicles, "vehicle_id"),
    _table(Layer.MASTER, "home_chargers", master.HomeChargers, "evse_id valid_from"),
    _table(Layer.MASTER, "agreements", master.Agreements, "cpo_id"),
    _table(Layer.MASTER, "fx_rates", master.FxRates, "currency rate_date"),
    _table(Layer.TYPED, "cdrs", typed.Cdrs, "cdr_key", by_month=True),
    _table(Layer.TYPED, "charging_periods", typed.ChargingPeriods, "cdr_key period_index", by_month=True),
    _table(Layer.TYPED, "tariff_versions", typed.TariffVersions, "tariff_version_id"),
    _table(
        Layer.TYPED,
        "tariff_components",
        typed.TariffComponents,
        "tariff_version_id element_index component_index",
    ),
    _table(Layer.TYPED, "connectors", typed.Connectors, "connector_key"),
    _table(Layer.TYPED, "tokens", typed.Tokens, "token_uid token_type"),
    _table(Layer.TYPED, "sessions", typed.Sessions, "session_key", by_month=True),
    _table(Layer.TYPED, "authorizations", typed.Authorizations, "authorization_id", by_month=True),
    _table(Layer.TYPED, "records", typed.Records, "connection_id module pull_id page_sha256 page_position"),
    _table(Layer.TYPED, "hub_clients", known.HubClients, "connection_id client_id client_role"),
    _table(Layer.TYPED, "invoice_reconciliations", known.InvoiceReconciliations, "record_key cdr_key"),
    _table(Layer.TYPED, "tariff_history", known.TariffHistory, "tariff_key row_index"),
    _table(Layer.TYPED, "token_history", known.TokenHistory, "token_uid token_type row_index"),
    _table(Layer.TYPED, "connector_history", known.ConnectorHistory, "connector_key row_index"),
    _table(Layer.TYPED, "contract_history", known.ContractHistory, "contract_id row_index"),
    _table(Layer.TYPED, "tariff_lint", known.TariffLint, "tariff_version_id finding_index"),
    _table(Layer.TYPED, "protocol_violations", known.ProtocolViolations, "violation_id"),
    _table(Layer.TYPED, "unknown_fields", known.UnknownFields, "connection_id module ocpi_version path"),
    _table(Layer.TYPED, "freshness", known.Freshness, "connection_id module"),
    _table(Layer.PRICED, "wholesale_cdrs", priced.RatedCdrs, "cdr_key", by_month=True),
    _table(Layer.PRICED, "wholesale_components", priced.RatedComponents, "cdr_key row_index", by_month=True),
    _table(Layer.PRICED, "retail_cdrs", priced.RatedCdrs, "cdr_key", by_month=True),
    _table(Layer.PRICED, "retail_components", priced.RatedComponents, "cdr_key row_index", by_month=True),
    _table(Layer.MATCHED, "matches", matched.Matches, "cdr_key", by_month=True),
    _table(Layer.MATCHED, "record_outcomes", matched.RecordOutcomes, "record_kind record_key", by_month=True),
    _table(Layer.MATCHED, "expected_cdrs", matched.ExpectedCdrs, "record_kind record_key", by_month=True),
    _table(Layer.MATCHED, "findings", matched.Findings, "cdr_key rule_id", by_month=True),
    _table(Layer.MATCHED, "not_checked", matched.NotChecked, "cdr_key rule_id", by_month=True),
    _table(Layer.MATCHED, "verdicts", matched.Verdicts, "cdr_key", by_month=True),
    _table(Layer.MATCHED, "token_signals", matched.TokenSignals, "token_uid token_type signal_id", by_month=True),
    _table(Layer.MATCHED, "token_risks", matched.TokenRisks, "token_uid token_type", by_month=True),
    _table(Layer.BILLED, "charges", billed.Charges, "charge_id", by_month=True),
    _table(Layer.BILLED, "reimbursements", billed.Reimbursements, "cdr_key", by_month=True),
    _table(Layer.LEDGER, "documents", ledger.Documents, "document_id"),
    _table(Layer.LEDGER, "document_lines", ledger.DocumentLines, "document_id line_number"),
    _table(
        Layer.LEDGER,
        "document_vat",
        ledger.DocumentVat,
        "document_id vat_country vat_category vat_rate_pct",
    ),
    _table(Layer.LEDGER, "closes", ledger.Closes, "billing_month"),
    _table(Layer.LEDGER, "dispute_events", ledger.DisputeEvents, "case_id event_index"),
    _table(Layer.LEDGER, "disputes", ledger.Disputes, "case_id"),
    _table(Layer.LEDGER, "cpo_invoice_checks", ledger.CpoInvoiceChecks, "check_id line_index"),
)

_BY_NAME: Final = {(table.layer, table.name): table for table in TABLES}


def table(layer: Layer, name: str) -> Table:
    """Look a hand-over up; an unknown name is a programming error and raises `KeyError`."""
    return _BY_NAME[layer, name]
