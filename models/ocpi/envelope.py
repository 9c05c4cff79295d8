"""The envelope around every OCPI answer (OCPI 2.2.1-d2, 4.1.7): data, status code, status message, timestamp.

A page is cut into its records without reading them, so that a record in quarantine keeps the digits that were sent and
one unreadable record never costs its neighbours.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from models.ocpi.problems import RecordProblem

SUCCESS: Final = range(1000, 2000)
"""OCPI status codes of success; 2xxx blames the client, 3xxx the server, 4xxx the hub, all with HTTP 200."""


class PeerStatus(msgspec.Struct, frozen=True):
    """What the peer says about its own answer."""

    status_code: int
    status_message: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the peer means success."""
        return self.status_code in SUCCESS


class _List(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    status_code: int


class _Object(msgspec.Struct, frozen=True):
    data: msgspec.Raw


_STATUS: Final = msgspec.json.Decoder(PeerStatus)
_PAGE: Final = msgspec.json.Decoder(_List)
_ANSWER: Final = msgspec.json.Decoder(_Object)
PageFormat = Literal["envelope", "ndjson", "json_array"]
"""how a page holds its records: as an OCPI answer, one JSON object a line, or as one JSON list"""

_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_WHITE: Final = b" \t\r"
_BOM: Final = b"\xef\xbb\xbf"
"""some servers begin their JSON with a byte order mark"""
_UNREADABLE: Final = (UnicodeDecodeError, RecursionError, msgspec.MsgspecError)


def read_status(content: bytes) -> PeerStatus:
    """Read the status of an answer; raise `RecordProblem` where it is no JSON or has none."""
    try:
        return _STATUS.decode(content.removeprefix(_BOM))
    except _UNREADABLE as error:
        raise _problem(error, content) from None


def read_records(content: bytes) -> list[bytes]:
    """Cut a list answer into its records' own bytes; raise `RecordProblem` where that cannot be done."""
    try:
        page = _PAGE.decode(content.removeprefix(_BOM))
    except _UNREADABLE as error:
        raise _problem(error, content) from None
    if page.status_code not in SUCCESS:
        message = f"status_code {page.status_code} instead of 1000"
        raise RecordProblem(rule="bad_envelope", field="", message=message)
    return [bytes(raw) for raw in page.data]


def read_page(content: bytes, page_format: PageFormat) -> list[bytes]:
    """Cut a page of any format into its records' own bytes; raise `RecordProblem` where that cannot be done.

    A line of NDJSON is a record whatever stands in it, so that one that is no JSON costs nobody but itself; empty lines
    are none.
    """
    if page_format == "envelope":
        return read_records(content)
    if page_format == "ndjson":
        return [line for each in content.removeprefix(_BOM).split(b"\n") if (line := each.strip(_WHITE))]
    try:
        return [bytes(raw) for raw in _LIST.decode(content.removeprefix(_BOM))]
    except _UNREADABLE as error:
        raise _problem(error, content) from None


def read_data(content: bytes) -> bytes:
    """Give the bytes of `data` of an answer about one object; raise `RecordProblem` where there is none."""
    try:
        return bytes(_ANSWER.decode(content.removeprefix(_BOM)).data)
    except _UNREADABLE as error:
        raise _problem(error, content) from None


def _problem(error: Exception, content: bytes) -> RecordProblem:
    """Tell a page that is no JSON (`not_json`) from JSON that is no envelope (`bad_envelope`)."""
    if isinstance(error, msgspec.ValidationError):
        message = f"no OCPI envelope around a list of records: {error}"
        return RecordProblem(rule="bad_envelope", field="", message=message)
    begin = content[:40].decode("utf-8", errors="replace")
    detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return RecordProblem(rule="not_json", field="", message=f"not JSON ({detail}); it begins with {begin!r}")
