"""The way in: OCPI JSON of 2.1.1, 2.2.1 and 2.3.0 to canonical values, with exact numbers.

Use `decode_json` and nothing else to decode: every other reader in the house goes through double somewhere.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NoReturn, cast

from models.ocpi.canonical import Cdr, Tariff
from models.ocpi.cdrs import read_cdr
from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem
from models.ocpi.tariffs import read_tariff

VERSIONS: Final = ("2.1.1", "2.2.1", "2.3.0")
"""The versions that are read; `2.2.1-d2` and `2.3.0-ed2` are the texts meant by the second and third."""


def decode_json(data: bytes | str) -> object:
    """Decode JSON with every number exact: decimals as `Decimal`, integers as `int`, never a float.

    An escape that is half a character (a lone surrogate) becomes U+FFFD, the replacement character: no store and no
    page could write it. The raw bytes keep what was sent.

    Raises `RecordProblem` (`not_json`) on anything else, NaN and Infinity included, and on a key given twice in one
    object: readers differ in which of the two they believe (RFC 8259, section 4).
    """
    try:
        value = json.loads(
            data, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_with_distinct_keys
        )
        return _whole_characters(value) if _has_surrogate_escape(data) else value
    except (ValueError, ArithmeticError, RecursionError) as error:  # arithmetic: no Decimal has a 22-digit exponent
        raise RecordProblem(rule="not_json", field="", message=f"expected JSON, found {error}") from None


def parse_tariff(obj: Mapping[str, object], version: str, *, owner_id: str | None = None) -> Tariff:
    """Read a Tariff object; `owner_id` (DE*LDW) says whose it is where the object does not (2.1.1).

    Raises `RecordProblem` when it cannot be read, or not in full: an unknown restriction changes prices.
    """
    return noted_tariff(obj, version, owner_id=owner_id)[0]


def noted_tariff(
    obj: Mapping[str, object], version: str, *, owner_id: str | None = None
) -> tuple[Tariff, tuple[str, ...]]:
    """Read a Tariff object as `parse_tariff` does, and say what had to be done to understand it."""
    _check_version(version)
    fields = Fields("tariff", obj)
    return read_tariff(fields, owner_id, version), tuple(fields.notes)


def parse_cdr(obj: Mapping[str, object], version: str, *, owner_id: str | None = None) -> Cdr:
    """Read a CDR object with the tariffs it carries; what had to be done to understand it is in its `notes`.

    Raises `RecordProblem` when it cannot be read. Negative volumes are read: credit CDRs and V2G have them.
    """
    _check_version(version)
    return read_cdr(Fields("cdr", obj), version, owner_id)


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


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        message = f"ocpi_version: expected one of {', '.join(VERSIONS)}, found {version!r}"
        raise RecordProblem(rule="unsupported_version", field="ocpi_version", message=message)


def _with_distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        message = f"the key {twice!r} more than once in an object"
        raise ValueError(message)
    return values


def _refuse_constant(constant: str) -> NoReturn:
    message = f"{constant}, which is no JSON number"
    raise ValueError(message)
