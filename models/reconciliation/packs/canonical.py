"""The bytes of an evidence pack: the same pack is the same file."""

from decimal import Decimal
from typing import Any, cast

import msgspec

from models.reconciliation.packs.pack import EvidencePack


def pack_json(pack: EvidencePack) -> bytes:
    """Write a pack for people and machines: fields in the order of reading, decimals as strings with all their digits.

    Control characters inside texts are escaped, as JSON wants it.
    """
    plain = _written(msgspec.to_builtins(pack, builtin_types=(Decimal,)))
    return msgspec.json.format(msgspec.json.encode(plain), indent=1) + b"\n"


def read_pack(content: bytes) -> EvidencePack:
    """Read a pack back.

    Raises:
        msgspec.ValidationError: where the content is none.
    """
    return msgspec.json.decode(content, type=EvidencePack)


def _written(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Write decimals in full: their own text says 0E-9 for a zero with nine decimals."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {name: _written(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_written(each) for each in cast("list[Any]", value)]
    return value
