"""From a line of a document back to the CDR's bytes: the way of one amount, step by step, read from the stores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from models.schemas.registry import Layer
from models.types.time import BillingMonth
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register import Register, documents
from pipelines.lib.register.tables import DOCUMENTS

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineTrace:
    """One line of a document with everything that it rests on; a part that does not apply is empty."""

    document: Row
    """the document's own words about the line"""
    charge: Row
    retail_components: list[Row]
    retail_tariff: Row
    """the element of the plan's price list that each component names"""
    cdr: Row
    verdict: Row
    findings: list[Row]
    match: Row
    authorization: Row
    wholesale: Row
    wholesale_components: list[Row]
    raw: Row
    """connection, page SHA-256, position and the record as received"""


def find_document(register: Register, number: str) -> Row:
    """Give an issued document's kind and content by its number; an unknown one is a `UserError` that names another."""
    with register.reading() as tx:
        issued = documents.find_document(tx, number)
        if issued is None:
            example = tx.execute(sa.select(DOCUMENTS.c.document_number).order_by(DOCUMENTS.c.issued_at)).scalar()
            known = f"; an issued one is {example}" if example else "; nothing was issued yet, close a month first"
            msg = f"document {number!r} was never issued{known}"
            raise UserError(msg)
    return {"kind": str(issued.kind)} | json.loads(issued.content_json)


def trace_line(lake: Lake, document: Mapping[str, Any], line_number: int) -> LineTrace:
    """Follow one line of a document to its bytes."""
    line = next((each for each in document.get("lines", ()) if each["line_number"] == line_number), None)
    if line is None:
        msg = f"document {document['document_number']} has no line {line_number} (lines 1 to {len(document['lines'])})"
        raise UserError(msg)
    upto = BillingMonth.parse(document["billing_month"])
    charge = _find(lake, Layer.BILLED, "charges", pl.col("charge_id") == line.get("charge_id", ""), upto)
    return _trace_cdr(lake, dict(line), charge, line.get("cdr_key"), upto)


def _trace_cdr(lake: Lake, line: Row, charge: Row, cdr_key: str | None, upto: BillingMonth) -> LineTrace:
    of_cdr = pl.col("cdr_key") == (cdr_key or "")
    cdr = _find(lake, Layer.TYPED, "cdrs", of_cdr, upto)
    match = _find(lake, Layer.MATCHED, "matches", of_cdr, upto)
    of_authorization = pl.col("authorization_id") == (match.get("authorization_id") or "")
    return LineTrace(
        document=line,
        charge=charge,
        retail_components=_rows(lake, Layer.PRICED, "retail_components", of_cdr, upto),
        retail_tariff=_tariff(lake, charge.get("tariff_version_id")),
        cdr=cdr,
        verdict=_find(lake, Layer.MATCHED, "verdicts", of_cdr, upto),
        findings=_rows(lake, Layer.MATCHED, "findings", of_cdr, upto),
        match=match,
        authorization=_find(lake, Layer.TYPED, "authorizations", of_authorization, upto),
        wholesale=_find(lake, Layer.PRICED, "wholesale_cdrs", of_cdr, upto),
        wholesale_components=_rows(lake, Layer.PRICED, "wholesale_components", of_cdr, upto),
        raw=_raw(lake, cdr),
    )


def _tariff(lake: Lake, version: str | None) -> Row:
    versions = lake.read(Layer.TYPED, "tariff_versions").filter(pl.col("tariff_version_id") == (version or ""))
    return versions.row(0, named=True) if len(versions) else {}


def _raw(lake: Lake, cdr: Row) -> Row:
    if not cdr:
        return {}
    place = {name: cdr[name] for name in ("connection_id", "ocpi_version", "page_sha256", "page_position")}
    record = RawStore(lake).record(cdr["connection_id"], "cdrs", cdr["page_sha256"], cdr["page_position"])
    return place | {"received_at": cdr["received_at"], "record": record.decode()}


def _find(lake: Lake, layer: Layer, name: str, wanted: pl.Expr, upto: BillingMonth) -> Row:
    rows = _rows(lake, layer, name, wanted, upto)
    return rows[0] if rows else {}


def _rows(lake: Lake, layer: Layer, name: str, wanted: pl.Expr, upto: BillingMonth) -> list[Row]:
    """Look rows up from the newest month backwards: a late record stands in an earlier one than its document."""
    for month in reversed([month for month in lake.months(layer, name) if month <= upto]):
        found = lake.read(layer, name, month).filter(wanted)
        if len(found):
            return found.rows(named=True)
    return []
