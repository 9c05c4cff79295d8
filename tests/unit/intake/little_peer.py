"""A little OCPI 2.2.1 peer on a real socket, with every bad habit that a test asks for."""

import base64
import hashlib
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from models.ocpi.envelope import read_records
from pipelines.lib.raw_store import Manifest, Provenance
from pipelines.lib.settings import Connection

TOKEN = "s3cret-of-the-little-peer"
STAMP = "2026-11-05T06:00:00Z"


def cdr(number=1, **changes):
    """A well-formed CDR of DE*LDW, one charging period, a tariff inside."""
    record = {
        "country_code": "DE",
        "party_id": "LDW",
        "id": f"C{number:06d}",
        "start_date_time": "2026-10-12T08:00:00Z",
        "end_date_time": "2026-10-12T09:00:00Z",
        "session_id": f"S{number:06d}",
        "cdr_token": {"country_code": "DE", "party_id": "NST", "uid": "04A1", "type": "RFID", "contract_id": "DENSTC1"},
        "auth_method": "AUTH_REQUEST",
        "authorization_reference": f"A{number}",
        "cdr_location": {
            "id": "L1",
            "name": "Hafenstraße",
            "address": "Hafenstraße 1",
            "city": "Hamburg",
            "country": "DEU",
            "coordinates": {"latitude": "53.55", "longitude": "9.99"},
            "evse_uid": "E1",
            "evse_id": "DE*LDW*E1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "tariffs": [tariff()],
        "charging_periods": [
            {
                "start_date_time": "2026-10-12T08:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 10.1234}, {"type": "TIME", "volume": 1}],
                "tariff_id": "T1",
            }
        ],
        "total_cost": {"excl_vat": 4.55, "incl_vat": 5.4145},
        "total_energy": 10.1234,
        "total_time": 1,
        "last_updated": "2026-10-12T09:05:00Z",
    }
    return record | changes


def tariff(**changes):
    """A tariff of DE*LDW: 0.45 EUR per kWh."""
    component = {"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}
    record = {
        "country_code": "DE",
        "party_id": "LDW",
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [component]}],
        "last_updated": "2026-09-01T00:00:00Z",
    }
    return record | changes


def location(**changes):
    """A location of DE*LDW with one AC connector of 22.08 kW."""
    connector = {"id": "1", "power_type": "AC_3_PHASE", "max_voltage": 230, "max_amperage": 32, "tariff_ids": ["T1"]}
    record = {
        "country_code": "DE",
        "party_id": "LDW",
        "id": "L1",
        "name": "Hafenstraße",
        "address": "Hafenstraße 1",
        "city": "Hamburg",
        "country": "DEU",
        "coordinates": {"latitude": "53.55", "longitude": "9.99"},
        "time_zone": "Europe/Berlin",
        "evses": [{"uid": "E1", "evse_id": "DE*LDW*E1", "connectors": [connector]}],
        "last_updated": "2026-09-01T00:00:00Z",
    }
    return record | changes


def session(**changes):
    """A completed session of DE*LDW."""
    record = {
        "country_code": "DE",
        "party_id": "LDW",
        "id": "S000001",
        "start_date_time": "2026-10-12T08:00:00Z",
        "end_date_time": "2026-10-12T09:00:00Z",
        "kwh": 10.1234,
        "cdr_token": {"country_code": "DE", "party_id": "NST", "uid": "04A1", "type": "RFID", "contract_id": "DENSTC1"},
        "auth_method": "AUTH_REQUEST",
        "location_id": "L1",
        "evse_uid": "E1",
        "connector_id": "1",
        "currency": "EUR",
        "status": "COMPLETED",
        "last_updated": "2026-10-12T09:01:00Z",
    }
    return record | changes


def envelope(records, status_code=1000):
    """A page as a peer writes it."""
    return json.dumps({"data": records, "status_code": status_code, "timestamp": STAMP}).encode()


@dataclass
class LittlePeer:
    """What the peer serves, how it misbehaves, and what it was asked."""

    modules: dict[str, list[dict]] = field(default_factory=dict)
    faults: list[object] = field(default_factory=list)
    """answers given instead of the right one, one per request to a module: a Response, or a callable giving one"""
    asked: list[str] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    """`X-Request-ID` of what was asked"""
    versions: tuple[str, ...] = ("2.1.1", "2.2.1")
    link_host: str | None = None
    total: int | None = None
    port: int = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connection(self, **changes):
        facts = {
            "connection_id": "ldw",
            "kind": "cpo",
            "parties": ("DE*LDW",),
            "versions_url": f"{self.url}/versions",
            "token_env": "ROAMLEDGER_TOKEN_LDW",
            "page_limit": 2,
            "attempts": 3,
            "timeout_seconds": 2.0,
        }
        return Connection(**(facts | changes))

    def app(self):
        return Starlette(
            routes=[
                Route("/versions", self._versions),
                Route("/{version}/details", self._details),
                Route("/{version}/{module}", self._module),
            ]
        )

    async def _versions(self, request):
        if refusal := self._refusal(request):
            return refusal
        return _json([{"version": each, "url": f"{self.url}/{each}/details"} for each in self.versions])

    async def _details(self, request):
        version = request.path_params["version"]
        endpoints = [
            {"identifier": module, "role": role, "url": f"{self.url}/{version}/{module}{suffix}"}
            for module in self.modules
            for role, suffix in (("RECEIVER", "/receive"), ("SENDER", ""))
        ]
        return _json({"version": version, "endpoints": endpoints})

    async def _module(self, request):
        self.asked.append(str(request.url))
        self.request_ids.append(request.headers["X-Request-ID"])
        if refusal := self._refusal(request):
            return refusal
        if self.faults:
            fault = self.faults.pop(0)
            if fault is not None:
                return fault() if callable(fault) and not isinstance(fault, Response) else fault
        return self._page(request)

    def _page(self, request):
        query = request.query_params
        found = [
            each
            for each in self.modules[request.path_params["module"]]
            if query.get("date_from", "") <= each.get("last_updated", "") < query.get("date_to", "9")
        ]
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
        headers = {"X-Total-Count": str(len(found) if self.total is None else self.total), "X-Limit": str(limit)}
        if offset + limit < len(found):
            target = request.url.include_query_params(offset=offset + limit)
            if self.link_host:
                target = target.replace(netloc=self.link_host)
            headers["Link"] = f'<{target}>; rel="next"'
        return Response(envelope(found[offset : offset + limit]), headers=headers, media_type="application/json")

    @staticmethod
    def _refusal(request):
        sent = f"Token {base64.b64encode(TOKEN.encode()).decode()}"
        return None if request.headers.get("Authorization") == sent else PlainTextResponse("no", 401)


def _json(data):
    return Response(json.dumps({"data": data, "status_code": 1000, "timestamp": STAMP}), media_type="application/json")


@contextmanager
def serving(peer):
    """Serve a peer on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(peer.app(), host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    peer.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.should_exit = True
        thread.join()


def _count(content):
    try:
        return len(json.loads(content)["data"])
    except RecursionError:
        return len(read_records(content))
    except (ValueError, TypeError):
        return -1


def keep_pages(store, module, pages, *, pull_id, received_at, connection_id="ldw", version="2.2.1", parties=()):
    """Put pages into a raw store as a finished pull, without a peer."""
    kept = []
    for sequence, content in enumerate(pages):
        page = Provenance(
            connection_id=connection_id,
            module=module,
            ocpi_version=version,
            pull_id=pull_id,
            sequence=sequence,
            url="http://peer.example/page",
            http_status=200,
            headers={},
            received_at=received_at,
            sha256=hashlib.sha256(content).hexdigest(),
            records=_count(content),
        )
        store.write_page(page, content)
        kept.append(page)
    store.finish(
        Manifest(
            connection_id=connection_id,
            module=module,
            ocpi_version=version,
            pull_id=pull_id,
            owner_id="DE*LDW",
            since=None,
            until=received_at,
            finished_at=received_at,
            failure=None,
            pages=tuple(kept),
            parties=parties,
        )
    )
