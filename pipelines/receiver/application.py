"""The HTTP face of the receiver: one way for every request, from the token to the envelope of its answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.schemas.registry import Layer
from pipelines.lib.errors import UserError
from pipelines.lib.intake.readers import READERS
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings
from pipelines.receiver.access import Doorkeeper, RateLimit
from pipelines.receiver.authorizing import Authorizing, TokenBook
from pipelines.receiver.calls import Call, read_body
from pipelines.receiver.credentials import CredentialsModule
from pipelines.receiver.envelopes import CLIENT_ERROR, SERVER_ERROR, Answer, Refusal, response
from pipelines.receiver.objects import ObjectIndex
from pipelines.receiver.pulled import PulledObjects
from pipelines.receiver.pushes import Pushes
from pipelines.receiver.spool import Limits, SegmentWriter, Spool
from pipelines.receiver.token_list import TokensModule
from pipelines.receiver.waiting import opened

ROOT: Final = "/ocpi"
VERSIONS: Final = ("2.1.1", "2.2.1", "2.3.0")
INVOICES: Final = "invoicereconciliation"
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SENDER_OF_TOKENS: Final = frozenset({"tokens"})
"""tokens are ours: peers read them and ask us about them, as of their sender"""

logger = logging.getLogger("roamledger.receiver")

Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may ask of the receiver."""

    body_bytes: int = 2 << 20
    body_seconds: float = 30.0
    """in which the whole body must be there"""
    requests_per_second: float = 100.0
    burst: int = 500
    spool: Limits = field(default_factory=Limits)


class Receiver:
    """Answers what peers push to one home; the caller holds the lock of its spool."""

    def __init__(self, settings: Settings, bounds: Bounds) -> None:
        self._settings = settings
        self._bounds = bounds
        lake = Lake(settings.lake)
        index, publisher = opened(settings, lake)
        self._spool = Spool(SegmentWriter(publisher.folder, index, settings.clock, bounds.spool), publisher)
        self._doorkeeper = Doorkeeper(settings, RateLimit(bounds.requests_per_second, bounds.burst))
        self._handlers = self._modules(lake, index)

    def application(self) -> Starlette:
        """Give the ASGI application."""
        routes = [Route("/{path:path}", self._answer, methods=list(_METHODS))]
        return Starlette(routes=routes, lifespan=self._lifespan)

    def _modules(self, lake: Lake, index: ObjectIndex) -> dict[str, Handler]:
        pushes = Pushes(self._spool, index, PulledObjects(lake))
        own = self._settings.own_party.party if self._settings.own_party else _legal_party(lake)
        register = Register(self._settings.register)
        credentials = CredentialsModule(self._settings, register, self._doorkeeper)
        return {
            "credentials": credentials.answer,
            "cdrs": pushes.cdrs,
            "sessions": pushes.objects,
            "tariffs": pushes.objects,
            "locations": pushes.locations,
            "tokens": TokensModule(Authorizing(self._spool, TokenBook(lake, register), own)).answer,
            INVOICES: pushes.invoice_reconciliation,
        }

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        rolling = asyncio.create_task(self._spool.roll_regularly())
        try:
            yield
        finally:
            rolling.cancel()
            await self._spool.stop()

    async def _answer(self, request: Request) -> Response:
        """Answer a request; what goes wrong on our side is said without saying how, and logged by its kind alone."""
        now = self._settings.clock()
        parts = _parts(request)
        try:
            answer = await self._handled(request, parts)
        except Refusal as refusal:
            answer = refusal.answer
        except Exception as error:  # noqa: BLE001 - a peer is never shown a traceback, nor a log a body
            logger.error("%s %s: %s", request.method, "/".join(parts[:3]), type(error).__name__)  # noqa: TRY400
            answer = Answer(None, SERVER_ERROR, "we could not keep this: send it again later", 503)
        is_functional = len(parts) > 2 and parts[2] != "credentials"  # noqa: PLR2004 - ocpi, version, module
        return response(answer, request.headers, now, is_functional=is_functional)

    async def _handled(self, request: Request, parts: tuple[str, ...]) -> Answer:
        connection = self._doorkeeper.admit(request.headers)
        body = await _in_time(read_body(request, self._bounds.body_bytes), self._bounds.body_seconds)
        match parts:
            case ("ocpi", "versions") if request.method == "GET":
                base = self._base_url(request)
                return Answer([{"version": version, "url": f"{base}/{version}"} for version in VERSIONS])
            case ("ocpi", version) if request.method == "GET" and version in VERSIONS:
                return Answer(self._details(version, self._base_url(request)))
            case ("ocpi", version, module, *rest) if module in _offered(version):
                call = Call(
                    connection=connection,
                    version=version,
                    module=module,
                    method=request.method,
                    rest=tuple(rest),
                    path=request.url.path,
                    query=request.query_params,
                    headers=request.headers,
                    body=body,
                    base_url=self._base_url(request),
                    received_at=self._settings.clock(),
                )
                return await self._handlers[module](call)
            case _:
                raise Refusal(404, CLIENT_ERROR, "no such place here")

    def _details(self, version: str, base: str) -> dict[str, Any]:
        """Give the endpoints of a version; 2.1.1 knows no roles."""
        return {"version": version, "endpoints": [_endpoint(version, name, base) for name in _offered(version)]}

    def _base_url(self, request: Request) -> str:
        """Give where peers reach us: as declared, else as this one did."""
        if self._settings.own_party is not None:
            return self._settings.own_party.versions_url.rstrip("/").removesuffix("/versions")
        return f"{request.base_url}".rstrip("/") + ROOT


async def _in_time(reading: Awaitable[bytes], seconds: float) -> bytes:
    try:
        return await asyncio.wait_for(reading, seconds)
    except TimeoutError:
        raise Refusal(408, CLIENT_ERROR, f"the body took longer than {seconds:g} seconds") from None


def _offered(version: str) -> tuple[str, ...]:
    """Give the modules of a version, as far as intake has a reader for what would be pushed."""
    if version not in VERSIONS:
        return ()
    common = ("credentials", "cdrs", "sessions", "tariffs", "locations", "tokens")
    return (*common, INVOICES) if version == "2.3.0" and INVOICES in READERS else common


def _endpoint(version: str, name: str, base: str) -> Mapping[str, str]:
    role = {} if version == "2.1.1" else {"role": "SENDER" if name in _SENDER_OF_TOKENS else "RECEIVER"}
    return {"identifier": name, **role, "url": f"{base}/{version}/{name}"}


def _parts(request: Request) -> tuple[str, ...]:
    """Cut the path into its parts before they are decoded: an id may hold a slash."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw.decode("ascii", errors="replace").partition("?")[0]
    return tuple(unquote(part) for part in path.strip("/").split("/"))


def _legal_party(lake: Lake) -> str:
    entities = lake.read(Layer.MASTER, "legal_entities")
    if entities.height != 1:
        msg = "own_party is not declared: add [own_party] with party, name and versions_url to roamledger.toml"
        raise UserError(msg)
    return str(entities["ocpi_party_id"][0])
