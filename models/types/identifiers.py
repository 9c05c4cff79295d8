"""Identifiers: how OCPI's CiStrings become keys that can be compared byte by byte."""


def party_id(country_code: str, party: str) -> str:
    """Give `DE*LDW`, the key of a party; CiString compares without case (OCPI types, CiString)."""
    return f"{country_code}*{party}".upper()


def object_key(country_code: str, party: str, identifier: str) -> str:
    """Give `DE*LDW*C123`, the key of an object owned by a party.

    OCPI makes ids unique per owning party and module only, so an id alone is never a key.
    """
    return f"{country_code}*{party}*{identifier}".upper()
