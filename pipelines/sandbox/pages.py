"""One page of a list: filter by `last_updated`, cut by offset and limit, and the headers that say how to go on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from pipelines.sandbox.wire import WireObject

MOST_PER_PAGE = 500
_DEFAULT_LIMIT = 100

Habit = Callable[[Sequence[WireObject]], Sequence[WireObject]]
"""what a peer does to a list before it cuts a page out of it"""


class BadQueryError(Exception):
    """A query parameter that cannot be read; OCPI answers 2001."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a client asks of a list; seconds are UTC, `until` exclusive."""

    offset: int
    limit: int
    since: int | None
    until: int | None

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Query:
        """Read the query; raise `BadQueryError` naming the parameter that is wrong."""
        return cls(
            offset=_whole(parameters, "offset", 0),
            limit=min(MOST_PER_PAGE, _whole(parameters, "limit", _DEFAULT_LIMIT)),
            since=_second(parameters, "date_from"),
            until=_second(parameters, "date_to"),
        )

    def half(self) -> Query:
        """Give the same query for half as many objects, at least one."""
        return replace(self, limit=max(1, self.limit // 2))

    def url(self, base: str, offset: int) -> str:
        """Give the URL of the same window at another offset."""
        parameters = {"offset": str(offset), "limit": str(self.limit)}
        if self.since is not None:
            parameters["date_from"] = _written(self.since)
        if self.until is not None:
            parameters["date_to"] = _written(self.until)
        return f"{base}?{urlencode(parameters)}"


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page's objects and its headers."""

    objects: Sequence[WireObject]
    headers: dict[str, str]


class ObjectList:
    """The objects of one module, oldest first, each perhaps in several versions."""

    def __init__(self, objects: Sequence[WireObject]) -> None:
        self._objects = objects
        self._updates = [each.last_updated for each in objects]
        self._has_versions = len({each.key for each in objects}) < len(objects)

    def page(self, query: Query, url: str, habit: Habit | None = None) -> ListPage:
        """Cut a page out of what the peer would have answered at `date_to`: of each object its version of that time.

        Args:
            query: what was asked.
            url: of the list, for the link to the next page.
            habit: by default none.
        """
        found = self._between(query) if habit is None else habit(self._between(query))
        objects = found[query.offset : query.offset + query.limit]
        headers = {"X-Total-Count": str(len(found)), "X-Limit": str(MOST_PER_PAGE)}
        following = query.offset + query.limit
        if query.limit and following < len(found):
            headers["Link"] = f'<{query.url(url, following)}>; rel="next"'
        return ListPage(objects, headers)

    def _between(self, query: Query) -> Sequence[WireObject]:
        end = len(self._objects) if query.until is None else bisect_left(self._updates, query.until)
        known = self._objects[:end]
        if self._has_versions:
            newest = {each.key: each for each in known}
            known = [each for each in known if newest[each.key] is each]
            return [each for each in known if query.since is None or each.last_updated >= query.since]
        start = 0 if query.since is None else bisect_left(self._updates, query.since)
        return known[start:]


def _whole(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        msg = f"{name}: expected a whole number, found {text!r}"
        raise BadQueryError(msg)
    return int(text)


def _second(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        msg = f"{name}: expected a date and time, found {text!r}"
        raise BadQueryError(msg) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _written(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
