"""What a record calls itself, read without reading the rest of it: for counting, for keys, and for messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from models.types.identifiers import party_id

_ID_FIELD: Final = {"tokens": "uid", "authorizations": "authorization_id"}
"""the module's own id field, where it is not `id`"""


class _Names(msgspec.Struct, frozen=True):
    """The naming fields of every module; any of them may be missing or nonsense."""

    country_code: Any = None
    party_id: Any = None
    id: Any = None
    uid: Any = None
    type: Any = None
    authorization_id: Any = None


_NAMES: Final = msgspec.json.Decoder(_Names)
_NAMELESS: Final = _Names()
_OWNED: Final = re.compile(
    rb'\{"country_code": ?"([A-Za-z]{2})", ?"party_id": ?"([A-Za-z0-9]{3})", ?"id": ?"([!#-\[\]-~]+)"[,}]'
)
"""how nearly every object begins that says whose it is; no escapes, no white space, nothing but ASCII"""
_FIELDS: Final = _Names.__struct_fields__


def record_id(module: str, names: _Names) -> str | None:
    """Give what the record calls itself, if that is text or a number."""
    value = getattr(names, _ID_FIELD.get(module, "id"))
    return str(value) if isinstance(value, str | int) and value != "" else None


def owner_in(names: _Names, owner_id: str | None, ocpi_version: str) -> str | None:
    """Give the party that owns a record, as its readers do; None where neither it nor its connection says so.

    In OCPI 2.1.1 an object names no owner: it is the party behind the connection (`owner_id`), whatever it says.
    """
    country, party = names.country_code, names.party_id
    if isinstance(country, str) and isinstance(party, str) and not (owner_id and ocpi_version == "2.1.1"):
        return party_id(country, party)
    return owner_id.upper() if owner_id else None


def record_key(module: str, names: _Names, owner_id: str | None, ocpi_version: str = "") -> str | None:
    """Give the key under which two records are the same object; None where the record does not name itself.

    Tokens are keyed by uid and type, authorizations by their own id, both without owner.
    """
    own = record_id(module, names)
    if own is None:
        return None
    if module == "authorizations":
        return own
    if module == "tokens":
        return f"{own}|{names.type}".upper()
    owner = owner_in(names, owner_id, ocpi_version)
    return f"{owner}*{own}".upper() if owner else None


def read_names(record: bytes) -> _Names:
    """Read the naming fields; what is not an object has none."""
    try:
        return _NAMES.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NAMELESS


def names_in(record: Mapping[str, object]) -> _Names:
    """Give the naming fields of a decoded record."""
    return _Names(*map(record.get, _FIELDS))


def identities(module: str, records: Iterable[bytes]) -> set[bytes]:
    """Give one value per distinct object of a page, to be held against X-Total-Count."""
    identity = _identity if module in _ID_FIELD else _owned_identity
    return {identity(module, record) for record in records}


def _owned_identity(module: str, record: bytes) -> bytes:
    """Take the short way of an object that begins with its name; the long one gives the same.

    It is for counting alone, and a crawl counts while the next page is on its way: the rest stays unread.
    """
    name = _OWNED.match(record)
    return b"*".join(name.groups()).upper() if name else _identity(module, record)


def _identity(module: str, record: bytes) -> bytes:
    key = record_key(module, read_names(record), "")
    return record if key is None else key.encode(errors="replace")
