"""How long OCPI lets an id be; a longer one is kept as sent, matched as ever, and noted as a breach of the protocol."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = {
    "cdrs": {"2.1.1": 36, "2.2.1": 39, "2.3.0": 39},
    "locations": {"2.1.1": 39, "2.2.1": 36, "2.3.0": 36},
}
"""CiString(n) of a module's own id, where it is not 36; 39 for CDRs leaves room for the `-C` of a credit"""

_USUAL: Final = 36


def longest_id(module: str, version: str) -> int:
    """Give the characters that an id of a module may have."""
    return _LONGEST.get(module, {}).get(version, _USUAL)
