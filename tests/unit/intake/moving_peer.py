"""A peer whose list moves, miscounts and misleads while one pages through it."""

import json
from dataclasses import dataclass, field

from starlette.responses import Response

from tests.unit.intake.little_peer import LittlePeer, envelope


@dataclass
class MovingPeer(LittlePeer):
    """A little peer with the habits of real lists; each is off by default."""

    most: int = 1000
    """X-Limit: it gives no more, whatever is asked"""
    sends_link: bool = True
    sends_total: bool = True
    link: str = "{url}?{query}&offset={next}"
    """with the peer's host, the list's url, the query without offset, the next offset and one too far"""
    ignores_offset: bool = False
    shuffles: int = 0
    """lists whose order it turns around between two pages; -1: always"""
    leave: list[tuple[int, str]] = field(default_factory=list)
    """(after this many requests, this id leaves the list)"""
    headers: list[dict] = field(default_factory=list)

    def _page(self, request):
        self.headers.append(dict(request.headers))
        for after, gone in self.leave:
            if len(self.asked) > after:
                self.modules["cdrs"] = [each for each in self.modules["cdrs"] if each["id"] != gone]
        query = request.query_params
        found = [
            each
            for each in self.modules[request.path_params["module"]]
            if query.get("date_from", "") <= each.get("last_updated", "") < query.get("date_to", "9")
        ]
        offset, limit = int(query.get("offset", 0)), min(self.most, int(query.get("limit", 50)))
        if offset and self.shuffles:
            self.shuffles -= 1
            found.reverse()
        start = 0 if self.ignores_offset else offset
        headers = {"X-Limit": str(self.most)}
        if self.sends_total:
            headers["X-Total-Count"] = str(len(found) if self.total is None else self.total)
        if self.sends_link and offset + limit < len(found):
            headers["Link"] = f'<{self._link(request, offset + limit)}>; rel="next"'
        return Response(envelope(found[start : start + limit]), headers=headers, media_type="application/json")

    def _link(self, request, following):
        list_url = request.url.replace(query="")
        query = request.url.remove_query_params("offset").query
        return self.link.format(host=request.url.netloc, url=list_url, query=query, next=following, leap=following + 1)


def ids(pages):
    """Give the ids on some pages, in order."""
    return [json.loads(record)["id"] for page in pages for record in page.records]
