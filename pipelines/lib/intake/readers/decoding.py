"""One record decoded with exact decimals, and the hashes by which two records are the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Final, cast

import msgspec

from models.ocpi.distinct_keys import hold_to_distinct_keys
from models.ocpi.nesting import DEEPEST, hold_to_depth
from models.ocpi.problems import RecordProblem

DECODE: Final = msgspec.json.Decoder(float_hook=Decimal).decode
CANONICAL: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
"""the last for an exponent that no Decimal can hold, such as 1e9999999999999999999: without it one digit string in one
record would stop everybody's intake"""

_NAMES: Final = frozenset({"country_code", "party_id", "id"})
"""by which an object is named; CiStrings, which compare without case"""
_INSTANT: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:Z|[+-]00:?00)?")
_UNROUNDED: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""in which no number has too many digits: rounded to 28 of them, two contents could become one"""


def canonical_sha256(decoded: object) -> str:
    """Give the SHA-256 of a record's canonical JSON: the same for the same content, however it is spelled.

    The order of fields, zeros at the end of a number, a field that is null (OCPI: as good as absent), the case of what
    names the object, and the zone of an instant that is UTC either way say nothing.
    """
    try:
        return hashlib.sha256(CANONICAL(_named(_plain(decoded)))).hexdigest()
    except RecursionError:  # nested beyond all reason: the same only if it is spelled the same, as far as fields go
        return spelled_sha256(decoded)


def spelled_sha256(decoded: object) -> str:
    """Give the SHA-256 of JSON in which nothing but the order of fields and white space is of no account."""
    return hashlib.sha256(CANONICAL(decoded)).hexdigest()


def _named(value: object) -> object:
    """Fold the case of the fields that name the object."""
    if not isinstance(value, dict):
        return value
    fields = cast("Mapping[str, object]", value)
    return {name: each.upper() if name in _NAMES and isinstance(each, str) else each for name, each in fields.items()}


def _plain(value: object) -> object:
    """Give a decoded value without what is only a matter of spelling."""
    if isinstance(value, dict):
        fields = cast("Mapping[str, object]", value)
        return {name: _plain(each) for name, each in fields.items() if each is not None}
    if isinstance(value, list):
        return list(map(_plain, cast("list[object]", value)))
    if isinstance(value, str):
        found = _INSTANT.fullmatch(value) if value[:1].isdigit() else None
        return f"{found[1]}.{(found[2] or '').rstrip('0')}" if found else value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return Decimal(value).normalize(_UNROUNDED) if value else 0
    return value


def canonical_of(record: bytes) -> str:
    """Give the SHA-256 of a record's canonical JSON, or of its own bytes where it cannot be decoded."""
    try:
        return canonical_sha256(decoded_record(record))
    except RecordProblem:
        return own_sha256(record)


def own_sha256(record: bytes) -> str:
    """Give the SHA-256 of a record's own bytes."""
    return hashlib.sha256(record).hexdigest()


def decoded_record(record: bytes, most: int = DEEPEST) -> object:
    """Decode one record, or a part of one, with exact decimals, all its keys distinct and at most `most` levels deep.

    msgspec, because the standard library takes four times as long.
    """
    hold_to_depth(record, most)
    try:
        decoded = DECODE(record)
    except UNREADABLE as error:
        detail = "an exponent beyond all reason" if isinstance(error, ArithmeticError) else error
        message = f"expected JSON, found {_shown(record)}: {detail}"
        raise RecordProblem(rule="not_json", field="", message=message) from None
    hold_to_distinct_keys(record, decoded)
    return decoded


def as_object(decoded: object, record: bytes) -> dict[str, object]:
    """Take a decoded record for the object that it must be; raise `RecordProblem` where it is none."""
    if not isinstance(decoded, dict):
        message = f"expected an object, found {_shown(record)}"
        raise RecordProblem(rule="wrong_type", field="", message=message)
    return cast("dict[str, object]", decoded)


def _shown(record: bytes) -> str:
    return repr(record[:60].decode("utf-8", errors="replace"))
