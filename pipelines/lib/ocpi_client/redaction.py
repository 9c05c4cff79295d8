"""Keeping secrets out of everything that is kept or printed: URLs, messages of peers, bodies that echo our token."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

HIDDEN: Final = "***"
_HARMLESS: Final = frozenset({"offset", "limit", "date_from", "date_to"})
_SHORTEST: Final = 8
"""characters of a spelling that is looked for in bodies: a shorter one would be found in innocent data"""


@dataclass(frozen=True)
class Secrets:
    """What must never be repeated from a peer's answer: its tokens, in every spelling in which they could come back."""

    spellings: tuple[str, ...] = field(default=(), repr=False)
    """the longest first, so that no rest of a spelling stays behind"""

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Secrets:
        """Give the spellings of some tokens: as set, as base64, and both as URLs and JSON would write them."""
        plain = {token for token in tokens if token}
        sent = plain | {base64.b64encode(token.encode()).decode() for token in plain}
        sent |= {each.rstrip("=") for each in sent}
        escaped = {write(each) for each in sent for write in (quote, _percent_encoded, _json_escaped, _slashes_escaped)}
        return cls(tuple(sorted(sent | escaped, key=_longest_first)))

    def and_also(self, tokens: Iterable[str]) -> Secrets:
        """Give these and some more."""
        both = {*self.spellings, *Secrets.of(tokens).spellings}
        return Secrets(tuple(sorted(both, key=_longest_first)))

    def scrubbed(self, text: str) -> str:
        """Take the secrets out of a text that a peer wrote: some echo the token that they refuse.

        What cannot be printed goes too: a line break would forge a second line, an escape would speak to the terminal.
        """
        for spelling in self.spellings:
            text = text.replace(spelling, HIDDEN)
        return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)

    def redacted(self, content: bytes) -> bytes:
        """Give a body without our secrets: the same object where there were none, which is always but never."""
        if not any(needle in content for needle in self._needles):
            return content
        for spelling in self.spellings:
            if len(spelling) >= _SHORTEST:
                content = content.replace(spelling.encode(), HIDDEN.encode())
        return content

    @cached_property
    def _needles(self) -> tuple[bytes, ...]:
        """Give the fewest texts one of which is in whatever holds a secret: every page is searched for each."""
        long_enough = [each for each in self.spellings if len(each) >= _SHORTEST]
        shortest = [each for each in long_enough if not any(other != each and other in each for other in long_enough)]
        return tuple(each.encode() for each in shortest)


@lru_cache(maxsize=64)  # the link of one page is the URL of the next
def without_secrets(url: str) -> str:
    """Give a URL that may be kept and printed: no user information, no query but OCPI's own paging parameters."""
    try:
        parts = urlsplit(url)
        netloc = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:  # peers write such links: a port of 99999, half an IPv6 address
        return "(an unreadable URL)"
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _HARMLESS])
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _longest_first(spelling: str) -> tuple[int, str]:
    return -len(spelling), spelling


def _percent_encoded(text: str) -> str:
    return quote(text, safe="")


def _json_escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _slashes_escaped(text: str) -> str:
    """Write a slash as PHP's JSON does."""
    return _json_escaped(text).replace("/", "\\/")
