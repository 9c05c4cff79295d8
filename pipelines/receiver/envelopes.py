"""What the receiver answers: OCPI envelopes with the codes of 2.2.1-d2, section 5, and the headers that go back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
from starlette.responses import Response

OK: Final = 1000
CLIENT_ERROR: Final = 2000
INVALID: Final = 2001
TOO_LITTLE: Final = 2002
UNKNOWN_TOKEN: Final = 2004
SERVER_ERROR: Final = 3000

_ECHOED: Final = {"x-request-id": "X-Request-ID", "x-correlation-id": "X-Correlation-ID"}
_MIRRORED: Final = {
    "ocpi-from-country-code": "OCPI-to-country-code",
    "ocpi-from-party-id": "OCPI-to-party-id",
    "ocpi-to-country-code": "OCPI-from-country-code",
    "ocpi-to-party-id": "OCPI-from-party-id",
}
"""through a hub the answer goes back the way that the question came (2.2.1-d2, 4.4)"""
_LONGEST_HEADER: Final = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers."""

    data: object = None
    status_code: int = OK
    message: str | None = None
    http_status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - it is an answer, not a defect
    """A request that is not carried out; its text is for the peer and holds nothing secret."""

    def __init__(
        self, http_status: int, status_code: int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.answer = Answer(None, status_code, message, http_status, headers or {})


def response(answer: Answer, asked: Mapping[str, str], now: datetime, *, is_functional: bool) -> Response:
    """Put an answer into its envelope.

    Args:
        answer: what the handler said.
        asked: the headers of the request.
        now: the envelope's time stamp.
        is_functional: whether the module routes by hub headers; versions and credentials do not.
    """
    body = {"status_code": answer.status_code, "timestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    if answer.data is not None:
        body = {"data": answer.data, **body}
    if answer.message is not None:
        body["status_message"] = answer.message
    return Response(
        msgspec.json.encode(body),
        status_code=answer.http_status,
        media_type="application/json",
        headers={**_returned(asked, _ECHOED | (_MIRRORED if is_functional else {})), **answer.headers},
    )


def header(asked: Mapping[str, str], name: str) -> str | None:
    """Give a header that may be kept and sent back; None where it is absent, too long or not plain text."""
    value = asked.get(name, "")
    return value if value and len(value) <= _LONGEST_HEADER and value.isascii() and value.isprintable() else None


def _returned(asked: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {back: value for name, back in names.items() if (value := header(asked, name))}
