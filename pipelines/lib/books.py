"""The eMSP's own books as billing reads them: master data from the lake, dated facts from `data/reference`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import polars as pl

from models.billing.charges import Books
from models.billing.records import MasterData, master_data
from models.schemas.registry import TABLES, Layer
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.reference_data import vat_rates


def master_tables(lake: Lake) -> dict[str, pl.DataFrame]:
    """Read the tables of the layer `master` by name; books without a company are a `UserError`."""
    tables = {table.name: lake.read(table.layer, table.name) for table in TABLES if table.layer is Layer.MASTER}
    if tables["legal_entities"].is_empty():
        msg = (
            "master/legal_entities is empty: put legal_entities.csv into the master data folder and run roamledger pull"
        )
        raise UserError(msg)
    return tables


def load_books(lake: Lake) -> Books:
    """Read master data and VAT rates."""
    return Books(master_data(master_tables(lake)), vat_rates())


def company_zone(master: MasterData) -> ZoneInfo:
    """Give the time zone of billing months and document dates."""
    return ZoneInfo(next(iter(master.legal_entities.values())).time_zone)
