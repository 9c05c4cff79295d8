"""Ways in which real peers misbehave, by name: what happens to answers and pages on their way out.

These are transport faults: whoever asks again, and holds what came against what was promised, ends with the same
records as without them. `object_faults` has those that change what objects say.

Each fault strikes each list of a connection `STRIKES` times, at every second request and in an order that the seed
decides, and then never again: a patient client always gets through, and the same seed misbehaves in the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Final

from starlette.responses import Response

from pipelines.sandbox.object_faults import OBJECT_FAULTS
from pipelines.sandbox.pages import ListPage, ObjectList, Query
from pipelines.sandbox.peers import by_connection
from pipelines.sandbox.wire import WireObject

STRIKES: Final = 2

ANSWER_FAULTS: Final[Mapping[str, str]] = {
    "429": "429 Too Many Requests, with Retry-After: 0",
    "500": "500 from a proxy, in plain text",
    "503": "503 with Retry-After as a date that has passed",
    "auth": "401, though the token was good a moment ago and will be again",
    "forbidden": "the same with 403, as some frameworks say it",
    "slow": "the answer comes late",
    "truncated": "HTTP 200 with the first half of the body",
    "empty": "HTTP 200 without a body",
    "not-json": "HTTP 200 with a page for people",
    "bom": "a byte order mark before the JSON",
    "status-2000": "HTTP 200 with OCPI status_code 2000, which blames the client: the whole list has to be asked again",
    "status-3000": "HTTP 200 with OCPI status_code 3000, which blames the server",
}
"""what becomes of an answer"""

PAGE_FAULTS: Final[Mapping[str, str]] = {
    "unstable-order": "the list is in another order, so that pages repeat some objects and leave others out",
    "falling-total": "behind the first page the first object is gone from the list, and X-Total-Count says one less",
    "short-page": "half as many objects as were asked for",
    "dup": "the page ends with the same object twice",
    "wrong-total": "X-Total-Count says three too many",
    "no-total": "no X-Total-Count",
    "no-link": "no Link",
    "bad-link": "a Link that is no URL",
    "foreign-link": "a Link to another host",
    "circular-link": "a Link to the page itself",
    "far-link": "a Link that leaves a page out",
}
"""what becomes of a page and its headers"""

TRANSPORT_FAULTS: Final = (*ANSWER_FAULTS, *PAGE_FAULTS)

ListName = tuple[str, str, str]
"""connection, version, module"""


def fault_table() -> dict[str, tuple[str, str]]:
    """Give every fault by name: what it strikes, and what it is in one line."""
    kinds = (("answer", ANSWER_FAULTS), ("page", PAGE_FAULTS), ("object", OBJECT_FAULTS))
    return {name: (kind, said) for kind, faults in kinds for name, said in faults.items()}


def known_faults(asked: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Give the faults of each connection; an unknown one is a `UserError`, see `peers.by_connection`."""
    return by_connection(asked, fault_table(), "server fault")


class FaultLine:
    """Decides, list by list and request by request, whether one of a connection's transport faults strikes."""

    def __init__(self, faults: Mapping[str, Sequence[str]], slow_seconds: float, seed: int = 0) -> None:
        self._faults = {
            connection: [name for name in names if name in TRANSPORT_FAULTS] for connection, names in faults.items()
        }
        self._slow_seconds = slow_seconds
        self._seed = seed
        self._requests: dict[ListName, int] = {}
        self._orders: dict[ListName, list[str]] = {}

    def strike(self, name: ListName) -> str | None:
        """Count a request to a list and give the fault that strikes it; never twice in a row."""
        number = self._requests[name] = self._requests.get(name, -1) + 1
        strike, is_spared = divmod(number, 2)
        faults = self._faults[name[0]]
        if is_spared or strike >= STRIKES * len(faults):
            return None
        if name not in self._orders:
            self._orders[name] = Random(f"{self._seed}/{'/'.join(name)}").sample(faults, len(faults))
        return self._orders[name][strike % len(faults)]

    async def instead(self, fault: str | None, answer: Response) -> Response:
        """Give the answer, or what a faulty peer makes of it."""
        match fault:
            case "429":
                return Response(status_code=429, headers={"Retry-After": "0"})
            case "500":
                return Response(b"upstream connect error", status_code=500)
            case "503":
                return Response(status_code=503, headers={"Retry-After": "Thu, 01 Oct 2026 00:00:00 GMT"})
            case "auth" | "forbidden":
                return Response(b"who are you?", status_code=401 if fault == "auth" else 403)
            case "slow":
                await asyncio.sleep(self._slow_seconds)
                return answer
            case _:
                body = _spoilt(fault, bytes(answer.body))
                return answer if body is None else Response(body, headers=_kept(answer), media_type=answer.media_type)


def faulty_page(fault: str | None, objects: ObjectList, query: Query, url: str) -> ListPage:
    """Cut a page as a peer with that fault cuts it."""
    match fault:
        case "unstable-order":
            return objects.page(query, url, _rotated)
        case "falling-total" if query.offset:  # on a first page nobody could tell it from a list that is shorter
            return objects.page(query, url, lambda found: found[1:])
        case "short-page":
            return objects.page(query.half(), url)
        case _:
            page = objects.page(query, url)
            if fault == "dup":
                return ListPage([*page.objects, *page.objects[-1:]], page.headers)
            return ListPage(page.objects, _headers(fault, page, query, url))


def _rotated(found: Sequence[WireObject]) -> list[WireObject]:
    half = len(found) // 2
    return [*found[half:], *found[:half]]


def _headers(fault: str | None, page: ListPage, query: Query, url: str) -> dict[str, str]:
    headers = dict(page.headers)
    match fault:
        case "wrong-total":
            headers["X-Total-Count"] = str(int(headers["X-Total-Count"]) + 3)
        case "no-total":
            del headers["X-Total-Count"]
        case "no-link":
            headers.pop("Link", None)
        case "bad-link":
            headers["Link"] = '<http://[half>; rel="next"'
        case "foreign-link":
            headers["Link"] = f'<http://elsewhere.invalid/cdrs?offset={query.offset + query.limit}>; rel="next"'
        case "circular-link":
            headers["Link"] = f'<{query.url(url, query.offset)}>; rel="next"'
        case "far-link":
            headers["Link"] = f'<{query.url(url, query.offset + 2 * query.limit)}>; rel="next"'
        case _:
            pass
    return headers


def _spoilt(fault: str | None, body: bytes) -> bytes | None:
    """Give another body with status 200; None where the body stays."""
    match fault:
        case "truncated":
            return body[: len(body) // 2]
        case "empty":
            return b""
        case "not-json":
            return b"<html><body>Under maintenance. Be back soon!</body></html>"
        case "bom":
            return b"\xef\xbb\xbf" + body
        case "status-2000" | "status-3000":
            code = fault.rpartition("-")[2].encode()
            return b'{"status_code":%b,"status_message":"not today","timestamp":"2026-11-01T00:00:00Z"}' % code
        case _:
            return None


def _kept(answer: Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in ("X-Total-Count", "X-Limit", "Link") if name in answer.headers}
