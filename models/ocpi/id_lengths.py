"""How long OCPI lets ids be: a longer one is kept as sent, matched as ever, and noted as a breach of the protocol.

Lengths are those of the specification's tables, CiString(n) or, in 2.1.1, string(n). A path names a field without
saying which of its levels are lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

Lengths = Mapping[str, int]
"""the characters that an id may have, by its path, such as `charging_periods.tariff_id`"""


@dataclass(frozen=True, slots=True)
class LongId:
    """An id that is longer than its version allows: the longest that the record has at its path."""

    path: str
    """where it stands, such as `charging_periods[].tariff_id`; `[]` is any item of a list"""
    length: int
    allowed: int


def _usual(*paths: str) -> dict[str, int]:
    """Give CiString(36), the length of nearly every id."""
    return dict.fromkeys(paths, 36)


def _below(path: str, lengths: Lengths) -> dict[str, int]:
    return {f"{path}.{each}": length for each, length in lengths.items()}


_LOCATION_2_1_1: Final = {
    "id": 39,
    "evses.uid": 39,
    "evses.evse_id": 48,
    **_usual("evses.connectors.id", "evses.connectors.tariff_id"),
}
_LOCATION: Final = {
    **_usual("id", "evses.uid", "evses.connectors.id", "evses.connectors.tariff_ids"),
    "evses.evse_id": 48,
}
_TOKEN: Final = _below("cdr_token", _usual("uid", "contract_id"))

_OLDEST: Final[Mapping[str, Lengths]] = {
    "cdrs": {
        **_usual("id", "auth_id", "tariffs.id"),
        **_below("location", _LOCATION_2_1_1),
        "meter_id": 255,
    },
    "sessions": {**_usual("id", "auth_id"), **_below("location", _LOCATION_2_1_1), "meter_id": 255},
    "tariffs": _usual("id"),
    "locations": _LOCATION_2_1_1,
    "tokens": _usual("uid", "auth_id"),
}
_NEWER: Final[Mapping[str, Lengths]] = {
    "cdrs": {
        # 39 leaves room for the `-C` of a credit.
        **dict.fromkeys(("id", "credit_reference_id", "invoice_reference_id"), 39),
        **_usual("session_id", "authorization_reference", "tariffs.id", "charging_periods.tariff_id"),
        **_TOKEN,
        **_below("cdr_location", {**_usual("id", "evse_uid", "connector_id"), "evse_id": 48}),
        "meter_id": 255,
    },
    "sessions": {
        **_usual("id", "authorization_reference", "location_id", "evse_uid", "connector_id"),
        **_usual("charging_periods.tariff_id"),
        **_TOKEN,
        "meter_id": 255,
    },
    "tariffs": _usual("id"),
    "locations": _LOCATION,
    "tokens": _usual("uid", "contract_id", "group_id"),
}
_INVOICES: Final[Lengths] = {
    **_usual("id"),
    "invoice_id": 255,
    # The text says 36 and lets the id of a CDR have 39: whoever names such a CDR has no other way.
    "cdrs": 39,
}
_LENGTHS: Final[Mapping[str, Mapping[str, Lengths]]] = {
    "2.1.1": _OLDEST,
    "2.2.1": _NEWER,
    "2.3.0": {**_NEWER, "invoicereconciliation": _INVOICES},
}
_NONE: Final[Lengths] = {}


def id_lengths(module: str, version: str) -> Lengths:
    """Give the ids of a module's records with their lengths; what is no module of OCPI bounds none."""
    return _LENGTHS.get(version, {}).get(module, _NONE)


def long_ids(module: str, version: str, record: Mapping[str, object]) -> tuple[LongId, ...]:
    """Give the ids of a decoded record that are too long, one for each path; none for nearly every record."""
    return tuple(
        LongId(shown, max(map(len, ids)), allowed)
        for path, allowed in id_lengths(module, version).items()
        for shown, ids in _too_long(record, path, allowed).items()
    )


def _too_long(record: Mapping[str, object], path: str, allowed: int) -> dict[str, list[str]]:
    """Give the ids at a path that are too long, by the path as it is shown."""
    found: dict[str, list[str]] = {}
    for shown, identifier in _ids_at(record, path.split("."), ""):
        if len(identifier) > allowed:
            found.setdefault(shown, []).append(identifier)
    return found


def _ids_at(value: object, steps: Sequence[str], shown: str) -> Iterator[tuple[str, str]]:
    """Give every id that lies some steps below a value; what is neither object nor list ends the way."""
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _ids_at(item, steps, f"{shown}[]")
    elif steps and isinstance(value, Mapping):
        below = cast("Mapping[str, object]", value).get(steps[0])
        yield from _ids_at(below, steps[1:], f"{shown}.{steps[0]}" if shown else steps[0])
    elif not steps and isinstance(value, str | int):
        yield shown, str(value)
