"""The HTTP face of the world: OCPI 2.2.1 as sender, all connections under one port, each under its own path."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.sandbox.pages import BadQueryError, ObjectList, Query
from pipelines.sandbox.places import PARTIES
from pipelines.sandbox.server_faults import FaultLine
from pipelines.sandbox.wire import CPO_MODULES, EMSP, EMSP_MODULES, Modules
from pipelines.sandbox.wire_cdrs import JSON

VERSION = "2.2.1"
CONNECTION_IDS = (*dict.fromkeys(party.connection_id for party in PARTIES), EMSP)

_OK, _CLIENT_ERROR, _BAD_PARAMETER = 1000, 2000, 2001


def token_of(connection_id: str) -> str:
    """Give the credentials token of a connection; a sandbox has nothing to hide."""
    return f"sandbox-{connection_id}-token"


class Network:
    """Answers the requests of all connections from encoded objects."""

    def __init__(self, modules: Modules, faults: FaultLine) -> None:
        self._lists = {key: ObjectList(objects) for key, objects in modules.items()}
        self._faults = faults
        self.requests = 0

    def application(self) -> Starlette:
        """Give the ASGI application."""
        return Starlette(
            routes=[
                Route("/{connection}/ocpi/versions", self._versions),
                Route("/{connection}/ocpi/2.2.1", self._details),
                Route("/{connection}/ocpi/2.2.1/credentials", self._credentials, methods=["GET", "POST", "PUT"]),
                Route("/{connection}/ocpi/2.2.1/{module}", self._list),
            ]
        )

    def _refusal(self, request: Request) -> Response | None:
        """Count the request; give 404 for an unknown connection and 401 without its token."""
        self.requests += 1
        connection = request.path_params["connection"]
        if connection not in CONNECTION_IDS:
            return _envelope(None, _CLIENT_ERROR, f"unknown connection {connection}", http_status=404)
        if _credentials_token(request.headers) != token_of(connection):
            return _envelope(None, _CLIENT_ERROR, "missing or unknown credentials token", http_status=401)
        return None

    async def _versions(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        return _envelope([{"version": VERSION, "url": f"{_base(request)}/{VERSION}"}])

    async def _details(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        base = f"{_base(request)}/{VERSION}"
        names = EMSP_MODULES if request.path_params["connection"] == EMSP else CPO_MODULES
        endpoints = [{"identifier": name, "role": "SENDER", "url": f"{base}/{name}"} for name in names]
        credentials = {"identifier": "credentials", "role": "RECEIVER", "url": f"{base}/credentials"}
        return _envelope({"version": VERSION, "endpoints": [credentials, *endpoints]})

    async def _credentials(self, request: Request) -> Response:
        """Answer a handshake with our credentials; the sandbox's tokens do not change."""
        if refusal := self._refusal(request):
            return refusal
        connection = request.path_params["connection"]
        roles = (
            [_role("DE", "NST", "EMSP", "Nordstern Mobility GmbH")] if connection == EMSP else _cpo_roles(connection)
        )
        body = {"token": token_of(connection), "url": f"{_base(request)}/versions", "roles": roles}
        return _envelope(body)

    async def _list(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        connection, module = request.path_params["connection"], request.path_params["module"]
        if module not in (EMSP_MODULES if connection == EMSP else CPO_MODULES):
            return _envelope(None, _CLIENT_ERROR, f"unknown module {module}", http_status=404)
        objects = self._lists.get((connection, module), ObjectList([]))
        try:
            query = Query.read(request.query_params)
        except BadQueryError as error:
            return _envelope(None, _BAD_PARAMETER, str(error))
        page = objects.page(query, f"{_base(request)}/{VERSION}/{module}")
        body = b'{"data":[%b],"status_code":1000,"timestamp":"%b"}' % (
            b",".join(each.body for each in page.objects),
            _now().encode(),
        )
        answer = Response(body, media_type="application/json", headers=page.headers)
        return await self._faults.instead(request, answer)


def _credentials_token(headers: Mapping[str, str]) -> str | None:
    """Read `Authorization: Token <base64>`; None where it is not that."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme != "Token":
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _envelope(data: Any, status: int = _OK, message: str | None = None, http_status: int = 200) -> Response:  # noqa: ANN401 - any JSON
    said = {} if message is None else {"status_message": message}
    body = ({} if data is None else {"data": data}) | {"status_code": status, **said, "timestamp": _now()}
    return Response(JSON.encode(body), status_code=http_status, media_type="application/json")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _base(request: Request) -> str:
    return f"{request.base_url}{request.path_params['connection']}/ocpi"


def _cpo_roles(connection_id: str) -> list[dict[str, Any]]:
    parties = [party for party in PARTIES if party.connection_id == connection_id]
    return [_role(party.country_code, party.short_id, "CPO", party.name) for party in parties]


def _role(country_code: str, party: str, role: str, name: str) -> dict[str, Any]:
    return {"role": role, "country_code": country_code, "party_id": party, "business_details": {"name": name}}
