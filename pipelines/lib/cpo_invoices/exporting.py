"""The accepted CDRs of a checked invoice, from the register, as the record that OCPI has for them."""

from __future__ import annotations

import json

import polars as pl
import sqlalchemy as sa

from models.reconciliation.cpo_invoices.record import AcceptedCdrs, accepted_record
from models.schemas.registry import Layer
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register.cpo_invoices import approved_under


def accepted_cdrs(tx: sa.Connection, lake: Lake, cpo_id: str, invoice_id: str) -> AcceptedCdrs:
    """Give the record of what stands approved under an invoice.

    Raises:
        UserError: where the invoice was never checked, or none of its CDRs stands approved.
    """
    standing = approved_under(tx, cpo_id, invoice_id)
    if standing is None:
        msg = f"invoice {invoice_id!r} of {cpo_id} was never checked: run `roamledger cpo-invoices check` first"
        raise UserError(msg)
    if not standing.cdr_keys and not standing.partial_keys:
        msg = f"invoice {standing.invoice_id!r} of {cpo_id} has no accepted CDR, and a record must name at least one"
        raise UserError(msg)
    ids, partial = (_ids_as_sent(lake, cpo_id, keys) for keys in (standing.cdr_keys, standing.partial_keys))
    return accepted_record(cpo_id, standing.invoice_id, ids, standing.changed_at, partial)


def record_json(accepted: AcceptedCdrs) -> bytes:
    """Write a record as UTF-8 JSON; equal records have equal bytes."""
    return f"{json.dumps(accepted.record, ensure_ascii=False, indent=1)}\n".encode()


def _ids_as_sent(lake: Lake, cpo_id: str, cdr_keys: tuple[str, ...]) -> list[str]:
    """Give the ids in the CPO's own spelling; that of the key, which is in upper case, where the CDR is gone."""
    wanted = pl.Series("cdr_key", cdr_keys, pl.String)
    frames = [
        lake.read(Layer.TYPED, "cdrs", month)
        .select("cdr_key", "cdr_id")
        .filter(pl.col("cdr_key").is_in(wanted.implode()))
        for month in lake.months(Layer.TYPED, "cdrs")
    ]
    sent = dict(pl.concat(frames).iter_rows()) if frames else {}
    return [sent.get(key, key.removeprefix(f"{cpo_id}*")) for key in cdr_keys]
