"""Records that no intake may accept, made from good ones; each has a row in the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.sandbox.places import PARTY_BY_ID
from pipelines.sandbox.published import PublishedCdr
from pipelines.sandbox.truth import RejectTruth
from pipelines.sandbox.wire_cdrs import cdr_bytes


@dataclass(frozen=True, slots=True)
class Rubbish:
    """A bad record on its way out."""

    truth: RejectTruth
    published_at: int
    body: bytes


def build_rubbish(cdrs: Sequence[PublishedCdr]) -> tuple[Rubbish, ...]:
    """Give one bad CDR of each kind, each modelled on a good one and published a second after it."""
    public = [each for each in cdrs if each.claim.fault is None and not each.claim.session.is_home]
    return tuple(_spoilt(public[10 + number], rule, number) for number, rule in enumerate(_SPOILERS))


def _spoilt(good: PublishedCdr, rule: str, number: int) -> Rubbish:
    record: dict[str, Any] = json.loads(cdr_bytes(good), parse_float=Decimal)
    record["id"] = f"BAD-{number:04d}"
    _SPOILERS[rule](record)
    party = PARTY_BY_ID[good.cdr.owner_id]
    truth = RejectTruth(party.connection_id, "cdrs", record["id"], rule)
    return Rubbish(truth, good.claim.published_at + 1, json.dumps(record, default=_number).encode())


def _number(value: Decimal) -> float:
    """Write a number of a bad record; it is refused anyway, so double precision is good enough here."""
    return float(value)


def _without_end(record: dict[str, Any]) -> None:
    del record["end_date_time"]


def _strange_currency(record: dict[str, Any]) -> None:
    record["currency"] = "XQZ"


def _negative_energy(record: dict[str, Any]) -> None:
    record["total_energy"] = -record["total_energy"]


def _no_date(record: dict[str, Any]) -> None:
    record["start_date_time"] = "yesterday evening"


_SPOILERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "missing_field": _without_end,
    "unknown_currency": _strange_currency,
    "negative_energy": _negative_energy,
    "bad_date": _no_date,
}
