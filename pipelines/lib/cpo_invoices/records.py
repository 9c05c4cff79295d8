"""Reading InvoiceReconciliationRecord objects of OCPI 2.3.0: ids of CDRs, no amounts."""

from __future__ import annotations

from typing import cast

from models.ocpi.exact_json import decode_json
from models.ocpi.problems import RecordProblem
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceError, InvoiceLine
from models.types.identifiers import party_id


def read_record(content: bytes, invoice_id: str | None) -> CpoInvoice:
    """Read the record of an invoice: an object, a list of them, or an OCPI answer with either as its data.

    Args:
        content: JSON.
        invoice_id: which invoice is meant; needed where there are several. Ids compare without case.

    Raises:
        InvoiceError: for what is no record, or where the one that is meant cannot be told.
    """
    try:
        decoded = decode_json(content)
    except RecordProblem as problem:
        msg = f"is no JSON ({problem.message}): expected an InvoiceReconciliationRecord of OCPI 2.3.0"
        raise InvoiceError(msg) from None
    if isinstance(decoded, dict) and "data" in decoded:
        decoded = cast("dict[str, object]", decoded)["data"]
    listed = cast("list[object]", decoded) if isinstance(decoded, list) else [decoded]
    records = [cast("dict[str, object]", each) for each in listed if isinstance(each, dict)]
    return _read(_chosen(records, invoice_id))


def _chosen(records: list[dict[str, object]], invoice_id: str | None) -> list[dict[str, object]]:
    """Give the records of one invoice: several may share the CDRs of a long one among them."""
    named = sorted({str(each.get("invoice_id", "")) for each in records})
    wanted = [each for each in records if invoice_id is None or _same(each.get("invoice_id"), invoice_id)]
    ids = {str(each.get("invoice_id", "")).upper() for each in wanted}
    if not wanted or len(ids) != 1 or ids == {""}:
        said = ", ".join(filter(None, named)) or "none"
        msg = f"has records of the invoices {said}: name the one to check with --invoice"
        raise InvoiceError(msg)
    return wanted


def _same(found: object, wanted: str) -> bool:
    return isinstance(found, str) and found.upper() == wanted.upper()


def _read(records: list[dict[str, object]]) -> CpoInvoice:
    owners = {party_id(str(each.get("country_code", "")), str(each.get("party_id", ""))) for each in records}
    if len(owners) != 1:
        msg = f"has records of several parties ({', '.join(sorted(owners))}) for one invoice: split the file"
        raise InvoiceError(msg)
    lines: list[InvoiceLine] = []
    for record in records:
        cdrs = record.get("cdrs")
        if not isinstance(cdrs, list):
            msg = f"record {record.get('id')!r} has no list of cdrs: expected an InvoiceReconciliationRecord"
            raise InvoiceError(msg)
        lines += [_line(len(lines) + number, each) for number, each in enumerate(cast("list[object]", cdrs), start=1)]
    return CpoInvoice(str(records[0]["invoice_id"]), tuple(lines), cpo_id=owners.pop())


def _line(number: int, cdr_id: object) -> InvoiceLine:
    if isinstance(cdr_id, str) and cdr_id.strip():
        return InvoiceLine(number, cdr_id.strip())
    return InvoiceLine(number, problem=f"entry {number} of cdrs is {cdr_id!r} instead of the id of a CDR: correct it")
