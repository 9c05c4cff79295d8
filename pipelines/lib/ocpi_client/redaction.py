"""Keeping secrets out of everything that is kept or printed: URLs, messages of peers, bodies that echo our token.

Every page is searched for the spellings that need no escape. Only where a page has an escape of JSON, URLs or HTML that
may stand for a character of ours is it searched again, with all escapes undone.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import compress
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import numpy as np

from pipelines.lib.ocpi_client.sieve import SHORTEST, Sieve

HIDDEN: Final = "***"
_HARMLESS: Final = frozenset({"offset", "limit", "date_from", "date_to"})
_SHORTEST: Final = 8
"""characters of a spelling that is looked for in bodies: a shorter one would be found in innocent data"""
_ENOUGH: Final = 12
"""characters by which a longer spelling is told from innocent data"""
_BACKSLASH, _U, _ZERO, _SEVEN = rb"\u07"
_LONGEST_ESCAPE: Final = len(r"\u00df")
_JSON: Final = rb"\\(?:u(?P<unit>[0-9a-fA-F]{4})|(?P<character>[^u]))"
_URL: Final = rb"%(?P<octet>[0-9a-fA-F]{2})"
_HTML: Final = rb"&(?P<entity>#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});"
_OF_JSON, _OF_URL, _OF_HTML = map(re.compile, (_JSON, _URL, _HTML))
_OF_ANY: Final = re.compile(b"|".join((_JSON, _URL, _HTML)))
_OUTSIDE_ESCAPES: Final = rb"(?<!\\)" + b"".join(rb"(?<!\\u%s)" % (b"[0-9a-fA-F]" * digits) for digits in range(4))
"""stands before no byte within an escape of JSON: cut there, the page would be none any more"""
_WHITE: Final = b" \t\r\n"
_WHITE_ESCAPES: Final = {b"n": b"", b"r": b"", b"t": b""}
_ROUNDS: Final = 3
"""of undoing escapes: some peers write JSON into the texts of their JSON"""
_TEXT: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_OF_URLS: Final = str.maketrans("+/", "-_")
_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True)
class Secrets:
    """What must never be repeated from a peer's answer: its tokens, in every spelling in which they could come back."""

    spellings: tuple[str, ...] = field(default=(), repr=False)
    """the longest first, so that no rest of a spelling stays behind"""
    plain: tuple[str, ...] = field(default=(), repr=False)
    """those that need no escape: one is in every other spelling, once its escapes are undone"""

    @classmethod
    def of(cls, tokens: Iterable[str]) -> Secrets:
        """Give the spellings of some tokens: as set, as base64, hex, and as URLs and JSON would write those."""
        plain = {token for token in tokens if token}
        once = {base64.b64encode(token.encode()) for token in plain}
        # A header is `Token ` and the token: as base64 the six letters are a part of their own.
        twice = {base64.b64encode(each) for each in once}
        sent = plain | {spelling for each in once | twice for spelling in _spelt_base64(each)}
        sent |= {spelling for token in plain for spelling in (token.encode().hex(), token.encode().hex().upper())}
        escaped = {write(each) for each in sent for write in (quote, _percent_encoded, _json_escaped, _slashes_escaped)}
        return cls(tuple(sorted(sent | escaped, key=_longest_first)), tuple(sorted(sent)))

    def and_also(self, tokens: Iterable[str]) -> Secrets:
        """Give these and some more."""
        more = Secrets.of(tokens)
        both = {*self.spellings, *more.spellings}
        return Secrets(tuple(sorted(both, key=_longest_first)), tuple(sorted({*self.plain, *more.plain})))

    def scrubbed(self, text: str) -> str:
        """Take the secrets out of a text that a peer wrote: some echo the token that they refuse.

        What cannot be printed goes too: a line break would forge a second line, an escape would speak to the terminal.
        """
        for spelling in self.spellings:
            text = text.replace(spelling, HIDDEN)
        if self._is_escaped_in(text.encode(errors="replace")):
            text = _WORD.sub(self._word_without, text)
            text = HIDDEN if self._is_escaped_in(text.encode(errors="replace")) else text
        return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)

    def shown_url(self, url: str) -> str:
        """Give a URL that may be kept and printed."""
        return _shown_url(self, url)

    def scrubbed_values(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Take the secrets out of texts, by name; those of a peer that echoes nothing are looked through at once."""
        together = " ".join(texts.values())
        is_plain = together.isprintable() and not _escapes_in(together.encode(errors="replace"))
        if is_plain and not any(spelling in together for spelling in self.spellings):
            return dict(texts)
        return {name: self.scrubbed(text) for name, text in texts.items()}

    def redacted(self, content: bytes) -> bytes:
        """Give a body without our secrets: the same object where there were none, which is always but never.

        A known spelling is replaced, and of any other the whole text that holds it; a body that is no JSON and holds
        one such is not kept at all.
        """
        if b"\0" in content and self._is_in(content.translate(None, b"\0")):
            return HIDDEN.encode()  # in UTF-16, which no JSON of OCPI is
        if not self._stands_in(content):
            return content
        for spelling in self.spellings:
            if len(spelling) >= _SHORTEST:
                content = re.sub(_OUTSIDE_ESCAPES + re.escape(spelling.encode()), HIDDEN.encode(), content)
        if self._stands_in(content):
            content = _TEXT.sub(self._text_without, content)
        return HIDDEN.encode() if self._stands_in(content) else content

    def _stands_in(self, content: bytes) -> bool:
        """Tell whether a secret stands there in any spelling."""
        return self._is_in(content) or self._is_escaped_in(content)

    def _is_in(self, content: bytes) -> bool:
        """Tell whether a secret stands there in a spelling without escapes."""
        if self._sieve is not None and not self._sieve.may_hold(content):
            return False
        return any(needle in content for needle in self._needles)

    def _word_without(self, word: re.Match[str]) -> str:
        return HIDDEN if self._is_escaped_in(word[0].encode(errors="replace")) else word[0]

    def _text_without(self, text: re.Match[bytes]) -> bytes:
        return f'"{HIDDEN}"'.encode() if self._stands_in(text[1]) else text[0]

    def _is_escaped_in(self, content: bytes) -> bool:
        """Tell whether a secret stands there in escapes, or over several lines."""
        is_cut = b"\n" in content and self._is_in(content.translate(None, _WHITE))
        return is_cut or any(map(self._is_in, _without_escapes(content)))

    @cached_property
    def _needles(self) -> tuple[bytes, ...]:
        """Give the fewest texts one of which is in whatever holds a secret: every page is searched for each."""
        pieces = sorted({_telling(each) for each in self.plain if len(each) >= _SHORTEST}, key=len)
        fewest = [each for at, each in enumerate(pieces) if not any(shorter in each for shorter in pieces[:at])]
        return tuple(each.encode() for each in fewest)

    @cached_property
    def _sieve(self) -> Sieve | None:
        """Give what tells most pages apart at once; None where a needle is too short for it."""
        return Sieve(self._needles) if min(map(len, self._needles), default=0) >= SHORTEST else None


@lru_cache(maxsize=64)  # the link of one page is the URL of the next
def without_secrets(url: str) -> str:
    """Give a URL that may be kept and printed: no user information, no query but OCPI's own paging parameters."""
    try:
        parts = urlsplit(url)
        netloc = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:  # peers write such links: a port of 99999, half an IPv6 address
        return "(an unreadable URL)"
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] in _HARMLESS], safe=":")
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


@lru_cache(maxsize=64)  # an answer's URL stands in its provenance, and in the link before it
def _shown_url(secrets: Secrets, url: str) -> str:
    return secrets.scrubbed(without_secrets(url))


def _longest_first(spelling: str) -> tuple[int, str]:
    return -len(spelling), spelling


def _percent_encoded(text: str) -> str:
    return quote(text, safe="")


def _json_escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _slashes_escaped(text: str) -> str:
    """Write a slash as PHP's JSON does."""
    return _json_escaped(text).replace("/", "\\/")


def _spelt_base64(encoded: bytes) -> set[str]:
    """Spell base64 with and without padding, by either alphabet, and as it begins where something follows the token."""
    text = encoded.decode()
    spelt = {text, text.rstrip("="), text[: len(text.rstrip("=")) // 4 * 4]}
    return spelt | {each.translate(_OF_URLS) for each in spelt}


def _telling(spelling: str) -> str:
    """Give a piece of a spelling that others share: the two alphabets of base64 differ in two characters."""
    longest = max(re.split(r"[-+/_=]", spelling), key=len)
    return longest if len(longest) >= _ENOUGH else spelling


def _escapes_in(content: bytes) -> list[re.Pattern[bytes]]:
    """Give the kinds of escapes that may stand for what is written in our characters otherwise."""
    has_json = b"\\" in content and not _is_beyond_ascii(content)
    has_url = b"%" in content and _OF_URL.search(content) is not None
    has_html = b"&" in content and _OF_HTML.search(content) is not None
    return list(compress((_OF_JSON, _OF_URL, _OF_HTML), (has_json, has_url, has_html)))


def _is_beyond_ascii(content: bytes) -> bool:
    r"""Tell of bytes that have a backslash whether each begins a character beyond ASCII, such as \u00df: no token's.

    Pages of peers who write all but ASCII so would else be undone as a whole, at twenty times the cost.
    """
    codes = np.frombuffer(content, dtype=np.uint8)
    begins = np.flatnonzero(codes == _BACKSLASH)
    if begins[-1] + _LONGEST_ESCAPE > len(codes):
        return False
    u, *digits = (codes[begins + behind] for behind in range(1, _LONGEST_ESCAPE))
    is_high = (digits[0] != _ZERO) | (digits[1] != _ZERO) | (digits[2] > _SEVEN)
    return bool(((u == _U) & is_high).all())


def _without_escapes(content: bytes) -> Iterator[bytes]:
    """Undo the escapes of JSON, URLs and HTML, and take white space out, again and again while there are any.

    Each kind alone as well: what is an escape of one may be two characters of a token to another.
    """
    for _ in range(_ROUNDS):
        kinds = _escapes_in(content)
        if not kinds:
            return
        if len(kinds) > 1:
            yield from (kind.sub(_unescaped, content).translate(None, _WHITE) for kind in kinds)
        content = _OF_ANY.sub(_unescaped, content)
        yield content.translate(None, _WHITE)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    kind = escape.lastgroup or ""
    written = escape[kind]
    match kind:
        case "unit":
            return chr(int(written, 16)).encode(errors="replace")
        case "character":
            return _WHITE_ESCAPES.get(written, written)
        case "octet":
            return bytes.fromhex(written.decode())
        case _:
            return html.unescape(f"&{written.decode()};").encode(errors="replace")
