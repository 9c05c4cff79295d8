"""Merging what a peer pushes into the object that it changes (OCPI 2.2.1-d2: 8.2.2, 9.2.2; alike in the others).

Objects are held as their fields' own bytes, so that every number keeps the digits that were sent and an unknown field
is carried along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem

APPENDED: Final = frozenset({"charging_periods"})
"""lists of a session to which a PATCH adds; every other field is replaced"""

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_DECODE: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_ONE_SPELLING: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_fields(content: bytes) -> dict[str, msgspec.Raw]:
    """Cut an object into its fields' own bytes; raise `RecordProblem` (`not_json`) for anything else."""
    try:
        return _FIELDS.decode(content)
    except _UNREADABLE as error:
        detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RecordProblem(rule="not_json", field="", message=f"expected a JSON object: {detail}") from None


def text_of(fields: Mapping[str, msgspec.Raw], name: str) -> str | None:
    """Give a field as text; None where it is absent or no text."""
    value = msgspec.json.decode(fields[name]) if name in fields else None
    return value if isinstance(value, str) and value else None


def patched(current: bytes, patch: bytes) -> bytes:
    """Merge a PATCH into an object: named fields are replaced, charging periods are appended."""
    fields, changes = read_fields(current), read_fields(patch)
    for name in APPENDED & fields.keys() & changes.keys():
        changes[name] = _joined(fields[name], changes[name])
    return msgspec.json.encode(fields | changes | _newer(fields, changes))


def has_appended(current: bytes, patch: bytes) -> bool:
    """Tell whether a PATCH appends something, and all of that stands in the object already."""
    fields, changes = read_fields(current), read_fields(patch)
    appended = APPENDED & changes.keys()
    return bool(appended) and all(_values(changes, name) <= _values(fields, name) for name in appended)


def updated_at(content: bytes) -> datetime | None:
    """Give the `last_updated` of an object or a PATCH; None where it is absent or cannot be read."""
    return _updated(read_fields(content))


def is_older(said: bytes, current: bytes) -> bool:
    """Tell whether a body was updated before what an object is now; equal is not older, nor what cannot be read."""
    at, now = updated_at(said), updated_at(current)
    return at is not None and now is not None and at < now


def state_at(states: Iterable[bytes], at: datetime) -> bytes | None:
    """Give what an object was at an instant: the newest state not updated after it; among equals the first given."""
    known = [(updated, state) for state in states if (updated := updated_at(state)) is not None and updated <= at]
    return max(known, key=lambda each: each[0])[1] if known else None


def child_of(parent: bytes, list_name: str, id_name: str, identifier: str) -> bytes | None:
    """Give the entry of a list (an EVSE of a location, a connector of an EVSE) with that id, compared without case."""
    for entry in _entries(read_fields(parent), list_name):
        if _is_named(bytes(entry), id_name, identifier):
            return bytes(entry)
    return None


def with_child(parent: bytes, list_name: str, id_name: str, identifier: str, child: bytes) -> bytes:
    """Put an entry in the place of the one with that id, or behind the last.

    The parent takes over the child's `last_updated` where that is later: OCPI wants it so (8.2.2), and without it the
    changed location would lose against its older version.
    """
    fields = read_fields(parent)
    entries = _entries(fields, list_name)
    places = [index for index, entry in enumerate(entries) if _is_named(bytes(entry), id_name, identifier)]
    place = places[0] if places else len(entries)
    entries[place : place + 1] = [msgspec.Raw(child)]
    changed = fields | {list_name: msgspec.Raw(msgspec.json.encode(entries))}
    return msgspec.json.encode(changed | _newer(fields, read_fields(child)))


def _newer(fields: Mapping[str, msgspec.Raw], changes: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Give the later `last_updated` of two objects as it was written; an unreadable one is not later."""
    before, after = _updated(fields), _updated(changes)
    is_older = after is None or (before is not None and before > after)
    newer = fields if is_older else changes
    return {"last_updated": newer["last_updated"]} if "last_updated" in newer else {}


def _updated(fields: Mapping[str, msgspec.Raw]) -> datetime | None:
    try:
        return Fields("object", {"last_updated": text_of(fields, "last_updated")}).maybe_instant("last_updated")
    except RecordProblem:
        return None


def _joined(before: msgspec.Raw, added: msgspec.Raw) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode([*_LIST.decode(before), *_LIST.decode(added)]))
    except _UNREADABLE:
        message = "charging_periods: expected a list"
        raise RecordProblem(rule="wrong_type", field="charging_periods", message=message) from None


def _entries(fields: Mapping[str, msgspec.Raw], list_name: str) -> list[msgspec.Raw]:
    try:
        return _LIST.decode(fields[list_name]) if list_name in fields else []
    except _UNREADABLE:
        return []


def _values(fields: Mapping[str, msgspec.Raw], name: str) -> set[bytes]:
    """Give what a list holds, each entry in one spelling."""
    return {_ONE_SPELLING(_DECODE(entry)) for entry in _entries(fields, name)}


def _is_named(entry: bytes, id_name: str, identifier: str) -> bool:
    try:
        return (text_of(read_fields(entry), id_name) or "").upper() == identifier.upper()
    except RecordProblem:
        return False
