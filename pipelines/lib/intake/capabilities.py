"""Which modules are pulled from a connection of each kind, and since which OCPI version a module exists."""

from __future__ import annotations

from typing import Final

from pipelines.lib.intake.readers import READERS

MODULES: Final = {
    "cpo": ("locations", "tariffs", "sessions", "cdrs", "invoicereconciliation"),
    "hub": ("hubclientinfo", "locations", "tariffs", "sessions", "cdrs", "invoicereconciliation"),
    "platform": ("tokens", "authorizations"),
}
"""what is pulled from a connection of each kind, in this order"""

_EXISTS_SINCE: Final = {"hubclientinfo": "2.2.1", "invoicereconciliation": "2.3.0"}
"""OCPI version of a module that is younger than 2.1.1; such a module is optional, and its lack is no news"""


def wanted_modules(kind: str, only: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Give the modules of a kind of connection, all or those named, for which there is a reader."""
    return tuple(each for each in MODULES[kind] if each in READERS and (not only or each in only))


def is_optional(module: str) -> bool:
    """Tell whether many peers rightly lack a module."""
    return module in _EXISTS_SINCE


def exists_in(module: str, version: str) -> bool:
    """Tell whether an OCPI version has a module; versions of three digits compare as text."""
    return _EXISTS_SINCE.get(module, "") <= version
