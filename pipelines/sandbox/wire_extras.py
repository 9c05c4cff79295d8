"""Modules that only some versions have: who is behind the hub (2.2 on), and which CDRs an invoice covers (2.3.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.sandbox.clock import DAY, instant, month_bounds
from pipelines.sandbox.peers import HUB
from pipelines.sandbox.places import PARTIES, Party
from pipelines.sandbox.wire import WireObject
from pipelines.sandbox.wire_cdrs import JSON
from pipelines.sandbox.world import World

_INVOICED_AFTER = 4 * DAY


def hub_clients(world: World) -> list[WireObject]:
    """Give the hub's ClientInfo objects: its CPOs, and the eMSP, all connected (OCPI 2.2.1-d2, 14)."""
    clients = [(party.country_code, party.short_id, "CPO") for party in PARTIES if party.connection_id == HUB]
    return [
        _object(
            f"{country_code}*{party}|{role}",
            world.opened_at,
            {"party_id": party, "country_code": country_code, "role": role, "status": "CONNECTED"},
        )
        for country_code, party, role in [*clients, ("DE", "NST", "EMSP")]
    ]


def invoice_records(world: World) -> dict[str, list[WireObject]]:
    """Give the InvoiceReconciliationRecords by connection: one per CPO and month, for the CDRs that ended in it.

    A CPO invoices every CDR that it published until four days after the month, right or wrong.
    """
    found: dict[str, list[WireObject]] = {}
    for party in PARTIES:
        found.setdefault(party.connection_id, []).extend(_invoices(world, party))
    return {connection: sorted(objects, key=lambda each: each.last_updated) for connection, objects in found.items()}


def _invoices(world: World, party: Party) -> Iterator[WireObject]:
    published = [each for each in world.cdrs if each.cdr.owner_id == party.party_id]
    for month in (world.month.previous, world.month):
        start, end = (instant(second) for second in month_bounds(month))
        due = int(end.timestamp()) + _INVOICED_AFTER
        covered = [
            each.cdr.cdr_id for each in published if start <= each.cdr.ended_at < end and each.claim.published_at < due
        ]
        if covered:
            number = f"{party.short_id}-{month}"
            record = {"id": f"IR-{number}", "invoice_id": f"INV-{number}", "cdrs": covered}
            yield _object(f"{party.party_id}*{number}", due, _owner(party) | record)


def _owner(party: Party) -> dict[str, Any]:
    return {"country_code": party.country_code, "party_id": party.short_id}


def _object(key: str, updated: int, record: dict[str, Any]) -> WireObject:
    return WireObject(key, updated, JSON.encode(record | {"last_updated": instant(updated)}))
