"""GET tokens, paged: the eMSP is the sender of tokens, and CPOs read them here (OCPI 2.2.1-d2, 4.1.4 and 12.2.1)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import polars as pl

from models.ocpi.fields import Fields
from models.ocpi.problems import RecordProblem
from models.ocpi.token_objects import token_object
from pipelines.receiver.authorizing import Authorizing, wire_token
from pipelines.receiver.calls import Call
from pipelines.receiver.envelopes import INVALID, Answer, Refusal

MOST: Final = 1000
"""tokens on a page"""
_LONGEST_NUMBER: Final = 9
"""digits; more tokens than that nobody has"""


@dataclass(frozen=True, slots=True)
class TokensModule:
    """The sender's side of tokens: peers page through them, and ask about one."""

    authorizing: Authorizing

    async def answer(self, call: Call) -> Answer:
        """Answer GET tokens; whatever else is asked of the module is a question about one token."""
        if call.method == "GET" and not call.rest:
            return await asyncio.to_thread(self._page, call)
        return await self.authorizing.authorize(call)

    def _page(self, call: Call) -> Answer:
        """Give a page, the oldest change first, so that a token that changes meanwhile moves behind and is not missed.

        `date_from` is inclusive and `date_to` exclusive, both of `last_updated`.
        """
        offset = _number(call, "offset", least=0, default=0)
        limit = min(_number(call, "limit", least=1, default=MOST), MOST)
        window = {name: instant for name in ("date_from", "date_to") if (instant := _instant(call, name))}
        tokens = self.authorizing.book.listed().filter(*_within(window))
        page = tokens.slice(offset, limit).iter_rows(named=True)
        headers = {"X-Total-Count": str(tokens.height), "X-Limit": str(MOST)}
        if offset + limit < tokens.height:
            following = {"offset": offset + limit, "limit": limit, **{name: call.query[name] for name in window}}
            headers["Link"] = f'<{call.base_url}/{call.version}/tokens?{urlencode(following)}>; rel="next"'
        own = self.authorizing.own_party
        return Answer([token_object(wire_token(row, own), call.version) for row in page], headers=headers)


def _within(window: dict[str, datetime]) -> list[pl.Expr]:
    """Give what must hold of a token that changed in a window of which either end may be open."""
    changed = pl.col("last_updated_at")
    within = {"date_from": changed.ge, "date_to": changed.lt}
    return [within[name](instant) for name, instant in window.items()]


def _number(call: Call, name: str, *, least: int, default: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) >= least):
        raise Refusal(200, INVALID, f"{name}: expected a whole number from {least}")
    return int(text)


def _instant(call: Call, name: str) -> datetime | None:
    try:
        return Fields("query", {name: call.query.get(name)}).maybe_instant(name)
    except RecordProblem as problem:
        raise Refusal(200, INVALID, problem.message) from None
