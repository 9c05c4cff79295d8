"""Whom a token belongs to that a peer sends to us: the one question that a receiver asks of the connections."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Final

from pipelines.lib.connections.store import CredentialsStore, is_same_token
from pipelines.lib.settings import Settings

_SCHEME: Final = "token "


def connection_of_token(settings: Settings, token: str) -> str | None:
    """Give the id of the connection whose peer holds this token of ours; None for an unknown or empty one.

    Known are the tokens that handshakes gave, and those agreed by hand that a connection's `inbound_token_env` names.
    All comparisons are in constant time over hashes.
    """
    by_hand = _agreed_by_hand(settings, token)
    by_handshake = CredentialsStore.of(settings.home).connection_of_token(token)
    return (by_handshake or by_hand) if token else None


def connection_of_authorization(settings: Settings, authorization: str) -> str | None:
    """Give the connection behind an `Authorization` header: `Token <base64 of it>`, or the token as it is.

    OCPI 2.2.1-d2 sends base64; 2.1.1, and many peers ever since, send the token raw. The text of the standard encodes a
    line break at the end of its own example, so white space around the decoded token is dropped.
    """
    if not authorization.lower().startswith(_SCHEME):
        return None
    sent = authorization[len(_SCHEME) :].strip()
    decoded = _decoded(sent)
    known = connection_of_token(settings, sent)
    return (connection_of_token(settings, decoded) if decoded else None) or known


def _agreed_by_hand(settings: Settings, token: str) -> str | None:
    found = None
    for connection in settings.connections:
        agreed = os.environ.get(connection.inbound_token_env, "") if connection.inbound_token_env else ""
        if agreed and is_same_token(agreed, token):
            found = connection.connection_id
    return found


def _decoded(sent: str) -> str | None:
    try:
        return base64.b64decode(sent, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
