"""A peer on a real socket that only shakes hands: versions, details, credentials, each as its version writes them."""

import base64
import json
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pipelines.lib.settings import Connection

TOKEN_A = "token-A-of-the-first-contact"
STAMP = "2026-11-05T06:00:00Z"


@dataclass
class HandshakePeer:
    """What the peer believes, and how it misbehaves."""

    versions: tuple[str, ...] = ("2.1.1", "2.2", "2.2.1", "2.3.0")
    encoding: str = "base64"
    refusal: int = 401
    accepted: list[str] = field(default_factory=lambda: [TOKEN_A])
    """tokens that it takes"""
    given: list[dict] = field(default_factory=list)
    """credentials objects that it was given"""
    registered: bool = False
    issued: int = 0
    has_credentials: bool = True
    keeps_old_tokens: bool = False
    loses_answers: int = 0
    """handshakes that it handles and whose answer then breaks off"""
    refuses_new_token: bool = False
    while_handling: object = None
    """called with our token before the answer: peers call back at once"""
    requests: list[tuple[str, str, dict]] = field(default_factory=list)
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
            "attempts": 1,
            "timeout_seconds": 2.0,
        }
        return Connection(**(facts | changes))

    def app(self):
        methods = ["GET", "POST", "PUT", "DELETE"]
        return Starlette(
            routes=[
                Route("/versions", self._versions),
                Route("/{version}/details", self._details),
                Route("/{version}/credentials", self._credentials, methods=methods),
            ]
        )

    def _refused(self, request):
        self.requests.append((request.method, request.url.path, dict(request.headers)))
        sent = request.headers.get("Authorization", "").removeprefix("Token ")
        spelt = {
            token if self.encoding == "raw" else base64.b64encode(token.encode()).decode() for token in self.accepted
        }
        return None if sent in spelt else PlainTextResponse(f"no such token: {sent}", self.refusal)

    async def _versions(self, request):
        if refused := self._refused(request):
            return refused
        return _json([{"version": each, "url": f"{self.url}/{each}/details"} for each in self.versions])

    async def _details(self, request):
        if refused := self._refused(request):
            return refused
        version = request.path_params["version"]
        role = {} if version == "2.1.1" else {"role": "RECEIVER"}
        endpoint = {"identifier": "credentials", "url": f"{self.url}/{version}/credentials"} | role
        return _json({"version": version, "endpoints": [endpoint] if self.has_credentials else []})

    async def _credentials(self, request):
        if refused := self._refused(request):
            return refused
        if (request.method == "POST") == self.registered:
            return PlainTextResponse("not now", 405)
        if request.method == "DELETE":
            self.registered, self.accepted = False, []
            return Response(json.dumps({"status_code": 1000, "timestamp": STAMP}))
        return await self._agree(request)

    async def _agree(self, request):
        ours = json.loads(await request.body())
        self.given.append(ours)
        if self.while_handling:
            self.while_handling(ours["token"])
        self.issued += 1
        self.registered, token = True, f"token-C-number-{self.issued}-of-the-peer"
        kept = self.accepted if self.keeps_old_tokens or self.refuses_new_token else []
        self.accepted = [*kept, *([] if self.refuses_new_token else [token])]
        answer = _json(self._own(token, request.path_params["version"]))
        if self.loses_answers:
            self.loses_answers -= 1
            return Response(answer.body[:30])
        return answer

    def _own(self, token, version):
        party = {"party_id": "LDW", "country_code": "DE", "business_details": {"name": "Ladewerk Nord"}}
        common = {"token": token, "url": f"{self.url}/versions"}
        if version == "2.1.1":
            return common | party
        hub = {"hub_party_id": "DEHUB"} if version == "2.3.0" else {}
        return common | hub | {"roles": [{"role": "CPO"} | party, {"role": "EMSP"} | party]}


def _json(data):
    return Response(json.dumps({"data": data, "status_code": 1000, "timestamp": STAMP}), media_type="application/json")
