"""What can go wrong with a peer, as one typed failure whose text never holds a token."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_HARMLESS = frozenset({"offset", "limit", "date_from", "date_to"})


class FailureKind(StrEnum):
    """Why a peer could not be pulled."""

    NO_TOKEN = "no_token"
    """the token's environment variable is not set"""
    UNREACHABLE = "unreachable"
    """no connection, a time-out, or an answer that broke off"""
    UNAUTHORIZED = "unauthorized"
    """401 or 403"""
    HTTP_STATUS = "http_status"
    """any other status than 200"""
    OCPI_STATUS = "ocpi_status"
    """HTTP 200 with an OCPI status code of 2000 or above"""
    NOT_JSON = "not_json"
    BAD_ENVELOPE = "bad_envelope"
    NO_COMMON_VERSION = "no_common_version"
    FOREIGN_HOST = "foreign_host"
    """an endpoint on a host that the settings do not name"""
    TOO_LARGE = "too_large"
    """an answer beyond the most bytes that we take"""
    SHORT_COUNT = "short_count"
    """fewer distinct records than X-Total-Count promised, crawl after crawl"""
    ENDLESS_PAGES = "endless_pages"
    """the pages never came to an end"""


class PeerFailure(Exception):  # noqa: N818 - it is the outcome of a pull, reported with it, not a failure of the program
    """A peer did not give what was asked, after all attempts."""

    def __init__(
        self, kind: FailureKind, message: str, *, retry: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry = retry
        """whether asking again can help"""
        self.retry_after = retry_after
        """seconds that the peer asked us to wait"""


def without_secrets(url: str) -> str:
    """Give a URL that may be kept and printed: no user information, no query but OCPI's own paging parameters."""
    try:
        parts = urlsplit(url)
        netloc = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:  # peers write such links: a port of 99999, half an IPv6 address
        return "(an unreadable URL)"
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _HARMLESS])
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Take our secrets out of a text that a peer wrote: some echo the token that they refuse.

    What cannot be printed goes too: a line break would forge a second line, an escape would speak to the terminal.
    """
    for secret in secrets:
        text = text.replace(secret, "***")
    return "".join(char if char.isprintable() else " " for char in text)
