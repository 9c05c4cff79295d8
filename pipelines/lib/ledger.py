"""The ledger tables of the lake: the register's documents and closes, written whole after every close."""

from __future__ import annotations

import polars as pl

from models.billing.ledger import document_rows, line_rows, vat_rows_of
from models.schemas.registry import Layer, table
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.closes import FinishedClose, finished_closes
from pipelines.lib.register.documents import issued_documents


def ledger_tables(register: Register) -> dict[str, pl.DataFrame]:
    """Give the ledger tables as the register has them now, by name."""
    with register.reading() as tx:
        documents = [issued.content for issued in issued_documents(tx)]
        closes = finished_closes(tx)
    return {
        "documents": document_rows(documents),
        "document_lines": line_rows(documents),
        "document_vat": vat_rows_of(documents),
        "closes": close_rows(closes),
    }


def export_ledger(lake: Lake, register: Register) -> None:
    """Write the ledger tables; a table that is already right is left alone."""
    for name, frame in ledger_tables(register).items():
        path = lake.path(Layer.LEDGER, name)
        if not lake.fs.exists(path) or not lake.read(Layer.LEDGER, name).equals(frame):
            lake.write(Layer.LEDGER, name, frame)


def close_rows(closes: list[FinishedClose]) -> pl.DataFrame:
    """Give one row per closed month, in the shape of `ledger/closes`."""
    rows = [
        {
            "billing_month": close.billing_month,
            "as_of": close.as_of,
            "closed_at": close.closed_at,
            "inputs_sha256": close.inputs_sha256,
            "outputs_sha256": close.outputs_sha256,
            "documents": close.documents,
        }
        for close in closes
    ]
    return pl.DataFrame(rows, schema=table(Layer.LEDGER, "closes").schema, orient="row").sort("billing_month")
