"""The world as what each connection serves: per module a list of encoded objects with their `last_updated`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.sandbox.billing import tariff_of
from pipelines.sandbox.clock import instant
from pipelines.sandbox.exhibits.plan import Exhibits
from pipelines.sandbox.people import Token
from pipelines.sandbox.places import ALPHA3, PARTY_BY_ID, Evse, Location, coordinate
from pipelines.sandbox.published import Authorization, PublishedCdr
from pipelines.sandbox.wire_cdrs import JSON, cdr_bytes, connector_facts, periods, tariff_bytes, token_reference
from pipelines.sandbox.world import World

EMSP = "emsp"
CPO_MODULES = ("locations", "tariffs", "sessions", "cdrs")
EMSP_MODULES = ("tokens", "authorizations")


@dataclass(frozen=True, slots=True)
class WireObject:
    """One object of one version, ready to be sent."""

    key: str
    """names the object; a later version of it has the same key"""
    last_updated: int
    body: bytes


Modules = dict[tuple[str, str], list[WireObject]]


def wire_modules(world: World) -> Modules:
    """Give all objects by connection and module, oldest first; every object is encoded once."""
    modules: Modules = {}
    for connection, module, found in _everything(world):
        modules.setdefault((connection, module), []).append(found)
    for objects in modules.values():
        objects.sort(key=lambda each: (each.last_updated, each.key))
    return modules


def _everything(world: World) -> Iterator[tuple[str, str, WireObject]]:
    yield from _locations(world)
    yield from _tariffs(world)
    for published in world.cdrs:
        yield from _cdr_and_session(published)
    for rubbish in world.rubbish:
        record = WireObject(f"~{rubbish.truth.record_id}", rubbish.published_at, rubbish.body)
        yield rubbish.truth.connection_id, rubbish.truth.module, record
    for token in world.people.tokens:
        yield (
            EMSP,
            "tokens",
            WireObject(f"{token.uid}|{token.token_type}", world.opened_at, _token(token, world.opened_at)),
        )
    for row in (*world.authorizations, *world.exhibits.authorizations):
        yield EMSP, "authorizations", WireObject(row.authorization_id, row.at, _authorization(row))
    yield from _exhibits(world.exhibits)


def _exhibits(exhibits: Exhibits) -> Iterator[tuple[str, str, WireObject]]:
    for published in exhibits.cdrs:
        connection = published.claim.session.evse.location.party.connection_id
        yield connection, "cdrs", WireObject(published.cdr_key, published.claim.published_at, cdr_bytes(published))
    for published in exhibits.sessions:
        updated = published.claim.session.ended + 20
        connection = published.claim.session.evse.location.party.connection_id
        yield connection, "sessions", WireObject(published.cdr_key, updated, _session(published, updated))
    for token, is_valid, since in exhibits.tokens:
        body = _token(token, since, is_valid=is_valid)
        yield EMSP, "tokens", WireObject(f"{token.uid}|{token.token_type}", since, body)


def _locations(world: World) -> Iterator[tuple[str, str, WireObject]]:
    plugs: dict[str, list[Evse]] = {}
    for evse in (*world.network.evses, *world.exhibits.evses):
        plugs.setdefault(evse.location.location_id, []).append(evse)
    for evses in plugs.values():
        site = evses[0].location
        body = _location(site, evses)
        yield site.party.connection_id, "locations", WireObject(site.location_id, site.published_at, body)


def _tariffs(world: World) -> Iterator[tuple[str, str, WireObject]]:
    for version in (*world.network.prices.versions, *world.exhibits.prices):
        connection = PARTY_BY_ID[version.party].connection_id
        record = WireObject(
            f"{version.party}*{version.tariff_id}", version.published_at, tariff_bytes(tariff_of(version))
        )
        yield connection, "tariffs", record


def _cdr_and_session(published: PublishedCdr) -> Iterator[tuple[str, str, WireObject]]:
    claim = published.claim
    connection = claim.session.evse.location.party.connection_id
    yield connection, "cdrs", WireObject(published.cdr_key, claim.published_at, cdr_bytes(published))
    if not claim.is_copy:
        updated = claim.session.ended + 20
        yield connection, "sessions", WireObject(published.cdr_key, updated, _session(published, updated))


def _session(published: PublishedCdr, updated: int) -> bytes:
    cdr, session = published.cdr, published.claim.session
    country_code, party = cdr.owner_id.split("*")
    record: dict[str, Any] = {
        "country_code": country_code,
        "party_id": party,
        "id": cdr.session_id,
        "start_date_time": instant(session.started),
        "end_date_time": instant(session.ended),
        "kwh": Decimal(session.charge.energy_wh).scaleb(-3),
        "cdr_token": token_reference(session),
        "auth_method": cdr.auth_method,
        "authorization_reference": cdr.authorization_reference,
        "location_id": cdr.location_id,
        "evse_uid": cdr.evse_uid,
        "connector_id": cdr.connector_id,
        "currency": cdr.currency,
        "charging_periods": periods(cdr),
        "status": "COMPLETED",
        "last_updated": instant(updated),
    }
    return JSON.encode({name: value for name, value in record.items() if value is not None})


def _location(site: Location, evses: Iterable[Evse]) -> bytes:
    return JSON.encode(
        {
            "country_code": site.party.country_code,
            "party_id": site.party.short_id,
            "id": site.location_id,
            "publish": True,
            "name": site.name,
            "address": site.street,
            "city": site.city,
            "postal_code": site.postal_code,
            "country": ALPHA3[site.country],
            "coordinates": {"latitude": coordinate(site.latitude), "longitude": coordinate(site.longitude)},
            "evses": [_evse(evse) for evse in evses],
            "operator": {"name": site.party.name},
            "time_zone": site.zone_name,
            "last_updated": instant(site.published_at),
        }
    )


def _evse(evse: Evse) -> dict[str, Any]:
    facts = connector_facts(evse)
    volts, amperes = (1000, evse.power_kw) if evse.is_dc else (230, round(evse.power_kw / 0.69))
    updated = instant(evse.location.published_at)
    connector: dict[str, Any] = {
        "id": "1",
        "standard": facts["connector_standard"],
        "format": facts["connector_format"],
        "power_type": evse.power_type,
        "max_voltage": volts,
        "max_amperage": amperes,
        "max_electric_power": evse.power_kw * 1000,
        "tariff_ids": [evse.tariff_id],
        "last_updated": updated,
    }
    return {
        "uid": evse.uid,
        "evse_id": evse.evse_id,
        "status": "AVAILABLE",
        "connectors": [connector],
        "last_updated": updated,
    }


def _token(token: Token, updated: int, *, is_valid: bool = True) -> bytes:
    return JSON.encode(
        {
            "country_code": "DE",
            "party_id": "NST",
            "uid": token.uid,
            "type": token.token_type,
            "contract_id": token.contract_id,
            "issuer": "Nordstern Mobility GmbH",
            "valid": is_valid,
            "whitelist": token.whitelist,
            "last_updated": instant(updated),
        }
    )


def _authorization(row: Authorization) -> bytes:
    party = row.evse.location.party
    return JSON.encode(
        {
            "authorization_id": row.authorization_id,
            "authorization_reference": row.reference,
            "country_code": party.country_code,
            "party_id": party.short_id,
            "token_uid": row.token.uid,
            "token_type": row.token.token_type,
            "contract_id": row.token.contract_id,
            "location_id": row.evse.location.location_id,
            "evse_uid": row.evse.uid,
            "allowed": row.allowed,
            "timestamp": instant(row.at),
            "last_updated": instant(row.at),
        }
    )
