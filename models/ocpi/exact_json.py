"""JSON with exact numbers.

Use `decode_json` and nothing else to decode: every other reader in the house goes through double somewhere.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NoReturn, cast

from models.ocpi.distinct_keys import with_distinct_keys
from models.ocpi.nesting import hold_to_depth
from models.ocpi.problems import RecordProblem


def decode_json(data: bytes | str) -> object:
    """Decode JSON with every number exact: decimals as `Decimal`, integers as `int`, never a float.

    An escape that is half a character (a lone surrogate) becomes U+FFFD, the replacement character: no store and no
    page could write it. The raw bytes keep what was sent.

    Raises `RecordProblem` (`not_json`) on anything else, NaN and Infinity included, and on a key given twice in one
    object: readers differ in which of the two they believe (RFC 8259, section 4); and on what nests too deep.
    """
    hold_to_depth(data if isinstance(data, bytes) else data.encode("utf-8", errors="replace"))
    try:
        value = json.loads(
            data, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=with_distinct_keys
        )
        return _whole_characters(value) if _has_surrogate_escape(data) else value
    except (ValueError, ArithmeticError, RecursionError) as error:  # arithmetic: no Decimal has a 22-digit exponent
        raise RecordProblem(rule="not_json", field="", message=f"expected JSON, found {error}") from None


def _has_surrogate_escape(data: bytes | str) -> bool:
    r"""Tell whether JSON may hold half a character: only an escape such as \ud83d can say one."""
    return b"\\ud" in data.lower() if isinstance(data, bytes) else "\\ud" in data.lower()


def _whole_characters(value: object) -> object:
    """Replace halves of characters in every text of a decoded value."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_characters(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {str(_whole_characters(key)): _whole_characters(item) for key, item in items}
    return value


def _refuse_constant(constant: str) -> NoReturn:
    message = f"{constant}, which is no JSON number"
    raise ValueError(message)
