"""Who the sandbox's peers are on the wire: their connections, the OCPI versions that each offers, and its modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pipelines.lib.errors import UserError
from pipelines.sandbox.places import PARTIES
from pipelines.sandbox.wire import CPO_MODULES, EMSP, EMSP_MODULES

HUB = "hub"
HUB_PARTY = ("BE", "HUB")
"""country code and party id of the hub itself"""

CONNECTION_IDS = (*dict.fromkeys(party.connection_id for party in PARTIES), EMSP)
VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
USUAL_VERSION = "2.2.1"
"""what every connection offers unless something else is asked for"""


def token_of(connection_id: str) -> str:
    """Give the token of a connection that was agreed on by hand; a sandbox has nothing to hide."""
    return f"sandbox-{connection_id}-token"


def by_connection(asked: Iterable[str], known: Collection[str], what: str) -> dict[str, tuple[str, ...]]:
    """Give what is asked of each connection.

    Args:
        asked: names for all connections (`429`), or for one (`ldw=429`); a connection that is named takes only what is
            asked of it by name.
        known: all names that there are.
        what: what they name, for messages.

    Raises:
        UserError: for a name or a connection that the sandbox does not have.
    """
    found: dict[str, list[str]] = {"": [], **{connection_id: [] for connection_id in CONNECTION_IDS}}
    for entry in dict.fromkeys(asked):
        connection_id, _, name = entry.rpartition("=")
        if name not in known or connection_id not in found:
            some = f"known: {', '.join(known)}; CONNECTION=NAME for one of {', '.join(CONNECTION_IDS)}"
            msg = f"{what} {entry!r} is not known ({some})"
            raise UserError(msg)
        found[connection_id].append(name)
    return {each: tuple(found[each] or found[""]) for each in CONNECTION_IDS}


def offered_versions(asked: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """Give the versions that each connection offers, lowest first; for `asked` and errors see `by_connection`.

    A hub has no 2.1.1: objects of 2.1.1 name no party, so nobody could tell whose they are.
    """
    wanted = by_connection(asked, VERSIONS, "sandbox version")
    return {each: _speakable(each, versions) for each, versions in wanted.items()}


def modules_of(connection_id: str, version: str) -> tuple[str, ...]:
    """Give the modules that a connection sends in a version."""
    if connection_id == EMSP:
        return EMSP_MODULES
    hub = ("hubclientinfo",) if connection_id == HUB else ()
    invoices = ("invoicereconciliation",) if version == "2.3.0" else ()
    return (*hub, *CPO_MODULES, *invoices)


def speaks_raw_tokens(offered: Mapping[str, tuple[str, ...]], connection_id: str) -> bool:
    """Tell whether a connection takes tokens that are not encoded: those that have 2.1.1 do, as most such peers."""
    return "2.1.1" in offered[connection_id]


def _speakable(connection_id: str, wanted: Iterable[str]) -> tuple[str, ...]:
    left = sorted(set(wanted) - ({"2.1.1"} if connection_id == HUB else set()))
    return tuple(left) or (USUAL_VERSION,)
