"""One request as the handlers see it, and the reading of its body within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

import msgspec
from starlette.requests import ClientDisconnect, Request

from models.ocpi.distinct_keys import hold_to_distinct_keys
from models.ocpi.nesting import DEEPEST, is_deeper
from models.ocpi.problems import RecordProblem
from pipelines.lib.intake.readers import canonical_sha256, spelled_sha256
from pipelines.lib.settings import Connection
from pipelines.receiver.envelopes import CLIENT_ERROR, INVALID, Refusal

_DECODE: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request."""

    connection: Connection
    version: str
    module: str
    method: str
    rest: tuple[str, ...]
    """of the path, behind the module, decoded"""
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    """of our OCPI endpoints, without a slash at its end"""
    received_at: datetime


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body of at most `limit` bytes that says it is JSON.

    Raises:
        Refusal: 413 for a longer one, 415 for another kind or a compressed one, 400 where the peer hung up.
    """
    if int_or_zero(request.headers.get("content-length")) > limit:
        raise _too_long(limit)
    parts, length = [], 0
    try:
        async for part in request.stream():
            length += len(part)
            if length > limit:
                raise _too_long(limit)
            parts.append(part)
    except ClientDisconnect:
        raise Refusal(400, CLIENT_ERROR, "the body ended early") from None
    if length:
        _check_kind(request.headers)
    return b"".join(parts)


def read_object(body: bytes, *, is_whole: bool = True) -> tuple[dict[str, object], str]:
    """Decode a body that must be an object; give it with the SHA-256 of its content, as intake reckons it.

    A PATCH is not whole: a null in it takes a field away, and is no other spelling of nothing.

    Raises:
        Refusal: 400 for what is no JSON, has a key twice, is no object, or is nested beyond all reason.
    """
    try:
        value = None if is_deeper(body) else _DECODE(body)
        if not isinstance(value, dict):
            raise Refusal(400, INVALID, f"expected a JSON object of at most {DEEPEST} levels")
        hold_to_distinct_keys(body, cast("object", value))
        sha256_of = canonical_sha256 if is_whole else spelled_sha256
        return cast("dict[str, object]", value), sha256_of(value)
    except RecordProblem as problem:
        raise Refusal(400, INVALID, problem.message) from None
    except _UNREADABLE:
        raise Refusal(400, INVALID, "expected a JSON object, found something else") from None


def int_or_zero(text: str | None) -> int:
    """Read a header's number; what is none counts as absent."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - 64 bit


def _check_kind(headers: Mapping[str, str]) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, CLIENT_ERROR, "expected Content-Type: application/json")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, CLIENT_ERROR, "expected a body that is not compressed")


def _too_long(limit: int) -> Refusal:
    return Refusal(413, CLIENT_ERROR, f"expected a body of at most {limit} bytes", {"Connection": "close"})
