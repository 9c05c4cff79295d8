"""Reading InvoiceReconciliationRecords of OCPI 2.3.0 edition 2: which CDRs an invoice of a CPO covers.

It is the only OCPI object that ties CDRs to an invoice document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem
from models.ocpi.tariffs import owner_of


@dataclass(frozen=True, slots=True)
class InvoicedCdr:
    """One CDR on one record; fields are the columns of `typed/invoice_reconciliations`."""

    record_key: str
    """owner*id of the record in upper case"""
    cpo_id: str
    record_id: str
    invoice_id: str
    cdr_key: str
    """owner*id of the CDR in upper case: CDR ids compare without case"""
    cdr_id: str
    """as it was sent"""
    last_updated_at: datetime


def read_invoice_record(record: Fields, owner_id: str | None) -> tuple[InvoicedCdr, ...]:
    """Read one record into a row per CDR; a CDR named twice is one row, and a note says so."""
    cpo, own_id = owner_of(record, owner_id, "2.3.0"), record.text("id")
    record.require("cdrs", "a list of CDR ids")
    named = [_cdr_id(record, index, each) for index, each in enumerate(record.items("cdrs"))]
    if not named:
        record.fail("empty_list", "cdrs", "a list of at least one")
    distinct = {f"{cpo}*{each}".upper(): each for each in reversed(named)}
    if len(distinct) < len(named):
        record.note("cdrs", f"{len(named) - len(distinct)} CDR ids more than once")
    invoice, changed = record.text("invoice_id"), record.instant("last_updated")
    return tuple(
        InvoicedCdr(f"{cpo}*{own_id}".upper(), cpo, own_id, invoice, key, distinct[key], changed)
        for key in sorted(distinct)
    )


def _cdr_id(record: Fields, index: int, value: object) -> str:
    """Give one id of the list; an id that is no text could be matched with nothing."""
    if not isinstance(value, str) or not value.strip():
        path = record.where(f"cdrs[{index}]")
        message = f"{record.record} {path}: expected a CDR id, found {str(value)[:80]!r}"
        raise RecordProblem(rule="wrong_type", field=path, message=message)
    return value
