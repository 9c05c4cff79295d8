"""The credentials store: the tokens that handshakes gave, one private file per connection, outside register and lake.

Layout: `<home>/credentials/<connection_id>.json`, mode 0600 in a folder of mode 0700, replaced by an atomic rename.
During a rotation the old and the new tokens stand side by side, newest first, until an answer under the new one proves
it; what was about to be asked is written down before it is asked (`Pending`), so that a kill in between loses nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from pipelines.lib.errors import UserError

FOLDER: Final = "credentials"
_FINGERPRINT_DIGITS: Final = 8
HandshakeKind = Literal["register", "rotate", "unregister"]


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A handshake that was begun and whose answer was not stored."""

    kind: HandshakeKind
    our_token: str | None
    """the token B that the peer was, or was not, given"""
    begun_at: datetime

    def __repr__(self) -> str:
        """Show no token."""
        return f"Pending({self.kind}, {self.begun_at.isoformat()})"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with one connection. Tokens stand newest first; more than one until the newest is proven."""

    connection_id: str
    version: str | None = None
    """the OCPI version under which they were agreed"""
    their_tokens: tuple[str, ...] = ()
    """what we send (token C)"""
    our_tokens: tuple[str, ...] = ()
    """what they send (token B)"""
    pending: Pending | None = None

    def __repr__(self) -> str:
        """Show fingerprints in the place of tokens."""
        theirs, ours = (", ".join(map(fingerprint, each)) for each in (self.their_tokens, self.our_tokens))
        return f"Credentials({self.connection_id}, {self.version}, theirs {theirs or '-'}, ours {ours or '-'})"

    @property
    def is_registered(self) -> bool:
        """Whether a handshake gave us a token."""
        return bool(self.their_tokens)

    @property
    def accepted_tokens(self) -> tuple[str, ...]:
        """The tokens under which the peer may call us: a peer calls back while it still handles our request."""
        begun = self.pending.our_token if self.pending else None
        return (begun, *self.our_tokens) if begun else self.our_tokens


@dataclass(frozen=True, slots=True)
class CredentialsStore:
    """The credentials of one home."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> CredentialsStore:
        """Give the store of a home."""
        return cls(home / FOLDER)

    def read(self, connection_id: str) -> Credentials:
        """Give what was agreed with a connection; nothing where no handshake was ever begun.

        Raises:
            UserError: for a file that is not ours to read or was damaged.
        """
        path = self._path(connection_id)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Credentials)
        except FileNotFoundError:
            return Credentials(connection_id=connection_id)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            msg = f"credentials file {path} cannot be read ({type(error).__name__}): restore it, or register again"
            raise UserError(msg) from None

    def write(self, credentials: Credentials) -> None:
        """Put credentials in the place of the old ones: whole, private, and on the disk before this returns."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(credentials.connection_id)
        beside = path.with_suffix(f".{uuid.uuid4().hex}.tmp")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(credentials))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(self.folder)

    def all(self) -> list[Credentials]:
        """Give the credentials of every connection that has a file, in the order of their ids."""
        return [self.read(path.stem) for path in sorted(self.folder.glob("*.json"))]

    def connection_of_token(self, token: str) -> str | None:
        """Give the connection whose peer was given this token by us; None where nobody was.

        Every hash is compared in constant time and none is left out, so that the time taken tells a caller nothing.
        """
        found = None
        for credentials in self.all():
            for accepted in credentials.accepted_tokens:
                if is_same_token(token, accepted):
                    found = credentials.connection_id
        return found

    @contextmanager
    def locked(self, connection_id: str) -> Iterator[None]:
        """Keep a second handshake of the same connection out: two rotations at once would lose each other's tokens.

        Raises:
            UserError: where another process holds it.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.folder / f".{connection_id}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            msg = f"another handshake of connection {connection_id} is under way: wait for it, then look at its status"
            raise UserError(msg) from None
        finally:
            os.close(handle)

    def _path(self, connection_id: str) -> Path:
        return self.folder / f"{connection_id}.json"


def fingerprint(token: str) -> str:
    """Give the first 8 hex digits of a token's SHA-256: enough to tell two tokens apart, too little to find one."""
    return _digest(token).hex()[:_FINGERPRINT_DIGITS]


def is_same_token(one: str, other: str) -> bool:
    """Compare two tokens in constant time, over their hashes: not even their lengths can be told from the time."""
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).digest()


def _sync_folder(folder: Path) -> None:
    """Bring the rename to the disk: without it a power cut could bring the old tokens back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
