"""The HTTP face of the world: OCPI senders, all connections under one port, each under its own path."""

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

from pipelines.sandbox.credentials import (
    BadCredentialsError,
    Registration,
    credentials_of,
    read_credentials,
    registrations,
)
from pipelines.sandbox.pages import BadQueryError, ObjectList, Query
from pipelines.sandbox.peers import modules_of, speaks_raw_tokens
from pipelines.sandbox.server_faults import FaultLine, faulty_page
from pipelines.sandbox.wire import Modules
from pipelines.sandbox.wire_cdrs import JSON

_OK, _CLIENT_ERROR, _BAD_PARAMETER = 1000, 2000, 2001


class Network:
    """Answers the requests of all connections from encoded objects.

    Args:
        modules: per version what each connection serves.
        offered: the versions of each connection.
        faults: decides which answers go wrong.
        by_hand: whether tokens were agreed on by hand; else each is a token A, and a handshake comes first.
    """

    def __init__(
        self,
        modules: Mapping[str, Modules],
        offered: Mapping[str, tuple[str, ...]],
        faults: FaultLine,
        *,
        by_hand: bool = True,
    ) -> None:
        self._lists = {
            (connection, version, module): ObjectList(objects)
            for version, of_version in modules.items()
            for (connection, module), objects in of_version.items()
        }
        self._faults = faults
        self._registrations = registrations(by_hand=by_hand)
        self._offered = offered
        self.requests = 0

    def registration(self, connection_id: str) -> Registration:
        """Give a connection's standing."""
        return self._registrations[connection_id]

    def application(self) -> Starlette:
        """Give the ASGI application."""
        handshake = ["GET", "POST", "PUT", "DELETE"]
        return Starlette(
            routes=[
                Route("/{connection}/ocpi/versions", self._versions),
                Route("/{connection}/ocpi/{version}", self._details),
                Route("/{connection}/ocpi/{version}/credentials", self._credentials, methods=handshake),
                Route("/{connection}/ocpi/{version}/{module}", self._list),
            ]
        )

    def _refusal(self, request: Request, *, is_functional: bool = False) -> Response | None:
        """Count the request; give 404 for what is not offered and 401 without the connection's token."""
        self.requests += 1
        connection = request.path_params["connection"]
        if connection not in self._registrations:
            return _refused(404, f"unknown connection {connection}")
        token = _credentials_token(request.headers, takes_raw=speaks_raw_tokens(self._offered, connection))
        if not self._registrations[connection].allows(token, is_functional=is_functional):
            return _refused(401, "missing or unknown credentials token")
        version = request.path_params.get("version")
        if version is not None and version not in self._offered[connection]:
            return _refused(404, f"unknown version {version}")
        return None

    async def _versions(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        offered = self._offered[request.path_params["connection"]]
        return _envelope([{"version": version, "url": f"{_base(request)}/{version}"} for version in offered])

    async def _details(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        connection, version = request.path_params["connection"], request.path_params["version"]
        listed = [("credentials", "RECEIVER"), *((name, "SENDER") for name in modules_of(connection, version))]
        base = f"{_base(request)}/{version}"
        endpoints = [_endpoint(version, name, role, f"{base}/{name}") for name, role in listed]
        return _envelope({"version": version, "endpoints": endpoints})

    async def _credentials(self, request: Request) -> Response:
        """Answer a handshake: GET tells, POST registers, PUT rotates, DELETE ends."""
        if refusal := self._refusal(request):
            return refusal
        registration = self._registrations[request.path_params["connection"]]
        version = request.path_params["version"]
        try:
            done = await _handshake(request, registration, version)
        except BadCredentialsError as error:
            return _envelope(None, _BAD_PARAMETER, str(error))
        if not done:
            return _refused(405, f"{request.method} does not fit: this connection is {registration.standing}")
        if request.method == "DELETE":
            return _envelope(None)
        return _envelope(credentials_of(registration, version, f"{_base(request)}/versions"))

    async def _list(self, request: Request) -> Response:
        if refusal := self._refusal(request, is_functional=True):
            return refusal
        connection, version, module = (request.path_params[name] for name in ("connection", "version", "module"))
        if module not in modules_of(connection, version):
            return _refused(404, f"unknown module {module}")
        objects = self._lists.get((connection, version, module), ObjectList([]))
        try:
            query = Query.read(request.query_params)
        except BadQueryError as error:
            return _envelope(None, _BAD_PARAMETER, str(error))
        fault = self._faults.strike((connection, version, module))
        page = faulty_page(fault, objects, query, f"{_base(request)}/{version}/{module}")
        body = b'{"data":[%b],"status_code":1000,"timestamp":"%b"}' % (
            b",".join(each.body for each in page.objects),
            _now().encode(),
        )
        answer = Response(body, media_type="application/json", headers=page.headers)
        return await self._faults.instead(fault, answer)


async def _handshake(request: Request, registration: Registration, version: str) -> bool:
    match request.method:
        case "POST" | "PUT":
            return registration.shake_hands(request.method, read_credentials(await request.body(), version))
        case "DELETE":
            return registration.end()
        case _:
            return True


def _endpoint(version: str, name: str, role: str, url: str) -> dict[str, str]:
    """Give an endpoint of the version details; 2.1.1 knows no roles."""
    return {"identifier": name, "url": url} if version == "2.1.1" else {"identifier": name, "role": role, "url": url}


def _credentials_token(headers: Mapping[str, str], *, takes_raw: bool) -> str | None:
    """Read `Authorization: Token <base64>`, or the raw token that peers of 2.1.1 take; None where it is neither."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme != "Token":
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return encoded.strip() if takes_raw else None


def _refused(http_status: int, message: str) -> Response:
    return _envelope(None, _CLIENT_ERROR, message, http_status)


def _envelope(data: Any, status: int = _OK, message: str | None = None, http_status: int = 200) -> Response:  # noqa: ANN401 - any JSON
    said = {} if message is None else {"status_message": message}
    body = ({} if data is None else {"data": data}) | {"status_code": status, **said, "timestamp": _now()}
    return Response(JSON.encode(body), status_code=http_status, media_type="application/json")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _base(request: Request) -> str:
    return f"{request.base_url}{request.path_params['connection']}/ocpi"
