"""The world in each OCPI version: what 2.2.1 says, told in the words of 2.1.1 and 2.3.0, and the modules they add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from pipelines.sandbox import wire_v211, wire_v230
from pipelines.sandbox.peers import HUB
from pipelines.sandbox.wire import Modules, WireObject, wire_modules
from pipelines.sandbox.wire_cdrs import JSON
from pipelines.sandbox.wire_extras import hub_clients, invoice_records
from pipelines.sandbox.world import World

_DECODE = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""decimals keep their own digits on the way from one version to the other"""

Teller = Callable[[dict[str, Any]], dict[str, Any]]


def modules_in(version: str, world: World) -> Modules:
    """Give all objects of a version by connection and module, oldest first."""
    modules = wire_modules(world)
    if version == "2.1.1":
        return _in_v211(modules)
    clients = {(HUB, "hubclientinfo"): hub_clients(world)}
    if version == "2.2.1":
        return modules | clients
    invoices = {(connection, "invoicereconciliation"): found for connection, found in invoice_records(world).items()}
    told = {place: _told(objects, wire_v230.TELLERS.get(place[1])) for place, objects in modules.items()}
    return told | clients | invoices


def _in_v211(modules: Modules) -> Modules:
    told: Modules = {}
    for (connection, module), objects in modules.items():
        if connection != HUB:
            atlas = wire_v211.Atlas(_DECODE(each.body) for each in modules.get((connection, "locations"), ()))
            told[connection, module] = _told(objects, partial(_tell_v211, module, atlas))
    return told


def _tell_v211(module: str, atlas: wire_v211.Atlas, record: dict[str, Any]) -> dict[str, Any]:
    return wire_v211.TELLERS[module](record, atlas)


def _told(objects: list[WireObject], teller: Teller | None) -> list[WireObject]:
    if teller is None:
        return objects
    return [replace(each, body=JSON.encode(teller(_DECODE(each.body)))) for each in objects]
