"""Versions and their modules: what a peer offers, what we agree on, and the URL of each module."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from pipelines.lib.ocpi_client.failures import FailureKind, PeerFailure
from pipelines.lib.settings import Connection, OcpiVersion

SUPPORTED: Final[tuple[OcpiVersion, ...]] = ("2.3.0", "2.2.1", "2.1.1")
"""OCPI versions that the normaliser reads, the best first. 2.2 is none of them: its CDRs lack what 2.2.1 mended."""

CREDENTIALS: Final = "credentials"
InterfaceRole = Literal["SENDER", "RECEIVER"]


class Version(msgspec.Struct, frozen=True):
    """One line of the version list."""

    version: str
    url: str


class Endpoint(msgspec.Struct, frozen=True):
    """One module of a version; `role` exists from 2.2 on."""

    identifier: str
    url: str
    role: str | None = None


class Details(msgspec.Struct, frozen=True):
    """The modules of one version."""

    endpoints: list[Endpoint]


VERSION_LIST: Final = msgspec.json.Decoder(list[Version])
DETAILS: Final = msgspec.json.Decoder(Details)


@dataclass(frozen=True, slots=True)
class PeerApi:
    """What a peer speaks: the version agreed on, and the URL of each module that it sends."""

    version: str
    urls: dict[str, str] = field(repr=False)
    credentials_url: str | None = field(default=None, repr=False)


def agreed_version(connection: Connection, offered: Iterable[Version]) -> Version:
    """Choose the version to speak: the first preferred one that is offered, else the highest that both speak.

    A version that is listed twice counts as listed first. Raises `PeerFailure` where none is left.
    """
    listed: dict[str, Version] = {}
    for version in offered:
        listed.setdefault(version.version.strip(), version)
    ours = [version for version in SUPPORTED if version not in connection.forbidden_versions]
    wanted = [*connection.preferred_versions, *ours]
    best = next((version for version in wanted if version in listed), None)
    if best is None:
        message = f"offers OCPI {', '.join(sorted(listed)) or 'nothing'}, we speak {', '.join(ours) or 'nothing'}"
        raise PeerFailure(FailureKind.NO_COMMON_VERSION, message)
    return msgspec.structs.replace(listed[best], version=best)


def module_urls(endpoints: Iterable[Endpoint], role: InterfaceRole) -> dict[str, str]:
    """Give the URL of each module in a role; 2.1.1 has no roles, and some peers of 2.2.1 forget them."""
    return {each.identifier: each.url for each in endpoints if each.role in {None, role}}


def credentials_endpoint(endpoints: Iterable[Endpoint]) -> str | None:
    """Give the URL of the credentials module, whose role is the same for both sides and therefore often wrong."""
    return next((each.url for each in endpoints if each.identifier == CREDENTIALS), None)
