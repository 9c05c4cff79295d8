"""Pseudonyms for analysts: the same person is the same word in every table, and nobody's name.

A pseudonym is the head of an HMAC-SHA-256 under a key that stays in the home; without the key, guessing plates or
contract ids leads nowhere. The key is made once: a new one would break every analyst's join with last month.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from pipelines.lib.errors import UserError

KEY_BYTES: Final = 32
_BLOCK: Final = 64
"""block size of SHA-256, see RFC 2104"""
_DIGITS: Final = 16


def key_of(file: Path) -> bytes:
    """Read the key, or make it on first use, readable by its owner only."""
    if not file.exists():
        _make_key(file)
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        # An empty key would pseudonymise without a secret: anybody could compute whose word is whose.
        msg = f"{file} does not hold a key of {KEY_BYTES} bytes: restore it from a backup, or remove it for a new one"
        raise UserError(msg)
    return key


def _make_key(file: Path) -> None:
    """Write the key beside its place and link it there: a process killed in between leaves no half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
    with contextlib.suppress(FileExistsError):  # another process was faster: its key counts
        file.hardlink_to(beside)
    beside.unlink()


def macro_sql(key: bytes) -> str:
    """Give the statement that defines `pseudonym(value)` for one DuckDB connection; null stays null.

    DuckDB has SHA-256 but no HMAC, so the two rounds of RFC 2104 are written out. The macro is temporary: a macro of
    the file would publish the key with it.
    """
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded).hex() for pad in (0x36, 0x5C))
    digest = f"sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode(cast(value as varchar)))))"
    return f"create temp macro pseudonym(value) as case when value is not null then left({digest}, {_DIGITS}) end"
