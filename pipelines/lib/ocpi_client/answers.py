"""What a peer answered, whole, and the few headers of it that steer us."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx

_MOST_DIGITS: Final = 12
"""of a count in a header: more is nonsense, and Python refuses to read thousands of digits"""
_NEXT_ALONE: Final = re.compile(r'<([!-;=?-~]+)>; rel="next"')
"""the one link that nearly every page of every peer has; all others are httpx's to understand"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful HTTP answer with its bytes as received; its repr shows nothing that a peer could have echoed."""

    url: str = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """by lower-case name"""
    content: bytes = field(repr=False)
    next_link: str | None = field(repr=False)
    """the target of `Link` with rel="next", as sent"""
    request_id: str
    """the `X-Request-ID` under which it was asked: the peer's log has the same"""


def count_in(answer: Answer, header: str) -> int | None:
    """Read a count such as X-Total-Count; None where there is none or it is nonsense."""
    value = answer.headers.get(header.lower(), "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else None


def next_link(headers: Mapping[str, str]) -> str | None:
    """Give the target of `Link` with rel="next", as sent; headers by lower-case name."""
    if "link" not in headers:
        return None
    if alone := _NEXT_ALONE.fullmatch(headers["link"]):
        return alone[1]
    try:
        return httpx.Response(HTTPStatus.OK, headers={"link": headers["link"]}).links.get("next", {}).get("url")
    except (KeyError, ValueError):  # a Link header beyond recognition is no link
        return None


def retry_after_seconds(retry_after: str | None) -> float | None:
    """Read Retry-After, which is either seconds or a date; None where it is neither."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:_MOST_DIGITS])
    try:
        until = parsedate_to_datetime(retry_after)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
