"""Which CDRs of a CPO's invoice are accepted, as an InvoiceReconciliationRecord of OCPI 2.3.0 edition 2.

The list takes ids of at most 36 characters, and an id of a CDR has up to 39: a credit CDR whose id is that of its
original with a suffix may not fit. What does not fit is given back, to be told by other means.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LONGEST_ID: Final = 36
"""characters of `id` and of every entry of `cdrs` (OCPI 2.3.0 edition 2, InvoiceReconciliationRecord)"""
_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class AcceptedCdrs:
    """A record as OCPI shapes it, and what could not be listed in it."""

    record: dict[str, object] | None
    """None where no id can be listed: a record without a CDR is not valid"""
    unlisted: tuple[str, ...]
    """ids of accepted CDRs that are too long, sorted"""
    partial: tuple[str, ...] = ()
    """ids of CDRs of which only a part is payable, sorted: the record has no amounts, and would accept all of it"""


def accepted_record(
    cpo_id: str, invoice_id: str, cdr_ids: Iterable[str], last_updated: datetime, partial: Iterable[str] = ()
) -> AcceptedCdrs:
    """Make the record of an invoice's accepted CDRs.

    Args:
        cpo_id: whose invoice it is, such as DE*LDW; the record has its country and party.
        invoice_id: as it was checked; it compares without case, and so does the record's own id.
        cdr_ids: of the accepted CDRs; an id that differs from another by case only is the same one.
        last_updated: when the last of them was accepted.
        partial: ids of CDRs of which only a part is payable, which are not listed.
    """
    country, _, party = cpo_id.partition("*")
    distinct = {each.upper(): each for each in sorted(cdr_ids, reverse=True)}
    ids = [distinct[key] for key in sorted(distinct)]
    listed = [each for each in ids if len(each) <= LONGEST_ID]
    record: dict[str, object] = {
        "country_code": country,
        "party_id": party,
        "id": record_id(cpo_id, invoice_id),
        "invoice_id": invoice_id,
        "cdrs": listed,
        "last_updated": last_updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    too_long = tuple(each for each in ids if len(each) > LONGEST_ID)
    return AcceptedCdrs(record if listed else None, too_long, tuple(sorted(partial)))


def record_id(cpo_id: str, invoice_id: str) -> str:
    """Give the record's id: the same for an invoice whenever it is made, so that a later one replaces it."""
    return f"IR-{hashlib.sha256(f'{cpo_id}*{invoice_id}'.upper().encode()).hexdigest()[:_DIGITS]}".upper()
