"""Whether a JSON object has a key twice: readers differ in which of the two they believe (RFC 8259, section 4).

A decoder that is quick keeps the last one and says nothing. So the keys in the bytes are counted and held against those
that came out; only where the two numbers differ is the record looked at pair by pair.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Final, cast

import msgspec
import numpy as np

from models.ocpi.problems import RecordProblem

_DECODE: Final = msgspec.json.Decoder(float_hook=str).decode
_COLON: Final = ord(":")
_LAST_BEFORE: Final = ord('"')
"""A colon behind a key follows its quote, or white space, all of which stand below the quote in ASCII."""


def most_keys(content: bytes) -> int:
    """Count what may be keys in the bytes of JSON values: every key, and a few colons in texts."""
    codes = np.frombuffer(content, dtype=np.uint8)
    return int(np.count_nonzero((codes[1:] == _COLON) & (codes[:-1] <= _LAST_BEFORE)))


def keys_in(decoded: object) -> int:
    """Count the keys in a decoded value; level by level, because a record comes with any depth."""
    keys, level = 0, [decoded]
    while level:
        below: list[object] = []
        for each in level:
            if type(each) is dict:
                values = cast("dict[str, object]", each).values()
                keys += len(values)
                below.extend(values)
            elif type(each) is list:
                below.extend(cast("list[object]", each))
        level = below
    return keys


def hold_to_distinct_keys(content: bytes, decoded: object) -> None:
    """Raise `RecordProblem` (`not_json`) where JSON has a key twice in one object.

    Args:
        content: well-formed JSON.
        decoded: the same, with one value for each key.
    """
    if most_keys(content) == keys_in(decoded):
        return
    try:
        json.loads(content, parse_int=str, parse_float=str, object_pairs_hook=with_distinct_keys)
    except (ValueError, RecursionError) as error:
        raise RecordProblem(rule="not_json", field="", message=f"expected JSON, found {error}") from None


def has_distinct_keys(content: bytes) -> bool:
    """Tell whether well-formed JSON has no key twice in one object."""
    try:
        hold_to_distinct_keys(content, _DECODE(content))
    except RecordProblem:
        return False
    return True


def with_distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its pairs; raise `ValueError` on a key given twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        message = f"the key {twice!r} more than once in an object"
        raise ValueError(message)
    return values
