"""One record decoded with exact decimals, and the hashes by which two records are the same."""

from __future__ import annotations

import hashlib
from decimal import Decimal
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


def canonical_sha256(decoded: object) -> str:
    """Give the SHA-256 of a record's canonical JSON: the same for the same content, however it is spelled."""
    return hashlib.sha256(CANONICAL(decoded)).hexdigest()


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
