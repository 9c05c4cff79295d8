"""The bytes of an evidence pack: the same pack is the same file."""

from typing import Final

import msgspec

from models.reconciliation.packs.pack import EvidencePack

_ENCODER: Final = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def pack_json(pack: EvidencePack) -> bytes:
    """Write a pack for people and machines: fields in the order of reading, decimals as strings with all their digits.

    Control characters inside texts are escaped, as JSON wants it.
    """
    return msgspec.json.format(_ENCODER.encode(pack), indent=1) + b"\n"


def read_pack(content: bytes) -> EvidencePack:
    """Read a pack back.

    Raises:
        msgspec.ValidationError: where the content is none.
    """
    return msgspec.json.decode(content, type=EvidencePack)
