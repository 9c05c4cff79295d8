"""What can go wrong with a peer, as one typed failure whose text never holds a token."""

from __future__ import annotations

from enum import StrEnum


class FailureKind(StrEnum):
    """Why a peer could not be pulled."""

    NO_TOKEN = "no_token"
    """no token in the environment variable nor in the credentials store"""
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
        self,
        kind: FailureKind,
        message: str,
        *,
        retry: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry = retry
        """whether asking again can help"""
        self.retry_after = retry_after
        """seconds that the peer asked us to wait"""
        self.status = status
        """the HTTP status, where it was the reason"""
