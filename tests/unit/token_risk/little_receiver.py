"""A little OCPI peer on a real socket that takes tokens, in any of three versions, with the faults a test asks for."""

import asyncio
import base64
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipelines.lib.settings import Connection

TOKEN = "s3cret-of-the-receiver"
STAMP = "2026-11-05T06:00:00Z"


@dataclass
class LittleReceiver:
    """What the peer was put, and how it misbehaves."""

    name: str = "ldw"
    version: str = "2.2.1"
    faults: list[object] = field(default_factory=list)
    """answers given instead of the right one, one per PUT: a Response, or seconds to wait before the right one"""
    put: list[tuple[str, dict]] = field(default_factory=list)
    """path with query, and body, of every PUT that got here"""
    modules: tuple[str, ...] = ("tokens", "cdrs")
    port: int = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def kept(self):
        """What the peer holds now: the last body of each path."""
        return dict(self.put)

    def connection(self, **changes):
        facts = {"connection_id": self.name, "kind": "cpo", "versions_url": f"{self.url}/versions"}
        facts |= {"token_env": "ROAMLEDGER_TOKEN_RECEIVER", "attempts": 1, "timeout_seconds": 0.4}
        return Connection(**(facts | changes))

    def app(self):
        routes = [Route("/versions", self._versions), Route("/details", self._details)]
        return Starlette(routes=[*routes, Route("/{module}/in/{rest:path}", self._put, methods=["PUT"])])

    def _versions(self, request):
        return _refusal(request) or _json([{"version": self.version, "url": f"{self.url}/details"}])

    def _details(self, request):
        roles = (None,) if self.version == "2.1.1" else ("SENDER", "RECEIVER")
        suffixes = {None: "in", "RECEIVER": "in", "SENDER": "out"}
        endpoints = [
            {"identifier": module, "url": f"{self.url}/{module}/{suffixes[role]}"} | ({"role": role} if role else {})
            for module in self.modules
            for role in roles
        ]
        return _refusal(request) or _json({"version": self.version, "endpoints": endpoints})

    async def _put(self, request):
        if refusal := _refusal(request):
            return refusal
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Response):
            return fault
        query = f"?{request.url.query}" if request.url.query else ""
        self.put.append((f"{request.url.path.removeprefix('/tokens/in')}{query}", await request.json()))
        if fault is not None:
            await asyncio.sleep(fault)  # the object was taken, and the answer comes too late
        return _json(None)


def error(status, headers=None, ocpi=None):
    """Give an answer that is none."""
    if ocpi is None:
        return PlainTextResponse(f"no, {TOKEN}", status, headers)
    return Response(json.dumps({"status_code": ocpi, "status_message": f"no {TOKEN}", "timestamp": STAMP}))


def _refusal(request):
    sent = f"Token {base64.b64encode(TOKEN.encode()).decode()}"
    return None if request.headers.get("Authorization") == sent else PlainTextResponse("no", 401)


def _json(data):
    return Response(json.dumps({"data": data, "status_code": 1000, "timestamp": STAMP}), media_type="application/json")


@contextmanager
def serving(*receivers):
    """Serve receivers on free ports of this machine."""
    running = []
    for receiver in receivers:
        config = uvicorn.Config(receiver.app(), host="127.0.0.1", port=0, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        receiver.port = server.servers[0].sockets[0].getsockname()[1]
        running.append((server, thread))
    try:
        yield receivers
    finally:
        for server, thread in running:
            server.should_exit = True
            thread.join()
