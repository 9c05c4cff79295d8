"""What a record calls itself, read without reading the rest of it: for counting, for keys, and for messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.ocpi.envelope import Names
from models.types.identifiers import party_id
from pipelines.lib.ocpi_client import Page

_ID_FIELD: Final = {"tokens": "uid", "authorizations": "authorization_id"}
"""the module's own id field, where it is not `id`"""
_FIELDS: Final = Names.__struct_fields__


def record_id(module: str, names: Names) -> str | None:
    """Give what the record calls itself, if that is text or a number."""
    value = getattr(names, _ID_FIELD.get(module, "id"))
    return str(value) if isinstance(value, str | int) and value != "" else None


def owner_in(names: Names, owner_id: str | None, ocpi_version: str) -> str | None:
    """Give the party that owns a record, as its readers do; None where neither it nor its connection says so.

    In OCPI 2.1.1 an object names no owner: it is the party behind the connection (`owner_id`), whatever it says.
    """
    country, party = names.country_code, names.party_id
    if isinstance(country, str) and isinstance(party, str) and not (owner_id and ocpi_version == "2.1.1"):
        return party_id(country, party)
    return owner_id.upper() if owner_id else None


def owner_of_key(key: str) -> str:
    """Give the party in the key of an object that has an owner: `DE*LDW` of `DE*LDW*C000001`."""
    return "*".join(key.split("*", 2)[:2])


def record_key(module: str, names: Names, owner_id: str | None, ocpi_version: str = "") -> str | None:
    """Give the key under which two records are the same object; None where the record does not name itself in values.

    Tokens are keyed by uid and type, authorizations by their own id, both without owner.
    """
    own = record_id(module, names)
    if own is None or (module == "tokens" and isinstance(names.type, dict | list)):
        return None
    if module == "authorizations":
        return own
    if module == "tokens":
        return f"{own}|{names.type}".upper()
    owner = owner_in(names, owner_id, ocpi_version)
    return f"{owner}*{own}".upper() if owner else None


def names_in(record: Mapping[str, object]) -> Names:
    """Give the naming fields of a decoded record."""
    return Names(*map(record.get, _FIELDS))


def identities(module: str, page: Page) -> set[str | bytes]:
    """Give one value per distinct object of a page, to be held against X-Total-Count.

    That is the object's key; records that do not name themselves are the same object where their bytes are the same.
    """
    key = record_key if module in _ID_FIELD else _owned_key
    keys = [key(module, names, "") for names in page.names]
    found: set[str | bytes] = {each for each in keys if each is not None}
    if None in keys:
        found.update(record for each, record in zip(keys, page.records, strict=True) if each is None)
    return found


def _owned_key(module: str, names: Names, owner_id: str) -> str | None:
    """Give the key of an object that says in three texts whose it is, as nearly all do; the long way gives the same."""
    country, party, own = names.country_code, names.party_id, names.id
    if type(country) is type(party) is type(own) is str and own:
        return f"{country}*{party}*{own}".upper()
    return record_key(module, names, owner_id)
