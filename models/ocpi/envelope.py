"""The envelope around every OCPI answer (OCPI 2.2.1-d2, 4.1.7): data, status code, status message, timestamp.

A page is cut into its records without reading them, so that a record in quarantine keeps the digits that were sent and
one unreadable record never costs its neighbours. One that nests too deep is cut out like any other and refused alone.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from models.ocpi.nesting import DEEPEST, decoded_whole, shallow
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


class Names(msgspec.Struct, frozen=True, gc=False):
    """The naming fields of the objects of every module; any of them may be missing or nonsense."""

    country_code: Any = None
    party_id: Any = None
    id: Any = None
    uid: Any = None
    type: Any = None
    authorization_id: Any = None


class _NamedList(msgspec.Struct, frozen=True):
    data: list[Names]
    status_code: int


class _List(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    status_code: int


class _Object(msgspec.Struct, frozen=True):
    data: msgspec.Raw


_STATUS: Final = msgspec.json.Decoder(PeerStatus)
_PAGE: Final = msgspec.json.Decoder(_List)
_NAMED_PAGE: Final = msgspec.json.Decoder(_NamedList)
_NAMES: Final = msgspec.json.Decoder(Names)
_NAMELESS: Final = Names()
_ANSWER: Final = msgspec.json.Decoder(_Object)
PageFormat = Literal["envelope", "ndjson", "json_array"]
"""how a page holds its records: as an OCPI answer, one JSON object a line, or as one JSON list"""

_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_WHITE: Final = b" \t\r"
_BOM: Final = b"\xef\xbb\xbf"
"""some servers begin their JSON with a byte order mark"""
_UNREADABLE: Final = (UnicodeDecodeError, RecursionError, msgspec.MsgspecError)
_IN_LIST: Final = DEEPEST + 1
"""levels of a page that is a list of records"""
_IN_ENVELOPE: Final = DEEPEST + 2
"""levels of an answer: the envelope and its list are two of them"""


def read_status(content: bytes) -> PeerStatus:
    """Read the status of an answer; raise `RecordProblem` where it is no JSON or has none."""
    try:
        return decoded_whole(_STATUS.decode, content.removeprefix(_BOM), _IN_ENVELOPE)[0]
    except _UNREADABLE as error:
        raise _problem(error, content) from None


def read_names(record: bytes) -> Names:
    """Read the naming fields of a record; what is not an object has none."""
    try:
        return _NAMES.decode(shallow(record))
    except _UNREADABLE:
        return _NAMELESS


def read_names_on(content: bytes) -> list[Names]:
    """Read the naming fields of every record of a list answer; raise `RecordProblem` where `read_records` does.

    They are read in one go, which takes no longer than to cut the page. A record that cannot be read so makes it two:
    then each is read alone, and only that one has no names.
    """
    try:
        page = _NAMED_PAGE.decode(content.removeprefix(_BOM))
    except _UNREADABLE:
        return list(map(read_names, read_records(content)))
    _hold_to_success(page.status_code)
    return page.data


def read_records(content: bytes) -> list[bytes]:
    """Cut a list answer into its records' own bytes; raise `RecordProblem` where that cannot be done."""
    try:
        page, as_sent = decoded_whole(_PAGE.decode, content.removeprefix(_BOM), _IN_ENVELOPE)
    except _UNREADABLE as error:
        raise _problem(error, content) from None
    _hold_to_success(page.status_code)
    return list(map(as_sent, page.data))


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
        listed, as_sent = decoded_whole(_LIST.decode, content.removeprefix(_BOM), _IN_LIST)
    except _UNREADABLE as error:
        raise _problem(error, content) from None
    return list(map(as_sent, listed))


def read_data(content: bytes) -> bytes:
    """Give the bytes of `data` of an answer about one object; raise `RecordProblem` where there is none."""
    try:
        answer, as_sent = decoded_whole(_ANSWER.decode, content.removeprefix(_BOM), _IN_ENVELOPE)
    except _UNREADABLE as error:
        raise _problem(error, content) from None
    return as_sent(answer.data)


def _hold_to_success(status_code: int) -> None:
    if status_code not in SUCCESS:
        message = f"status_code {status_code} instead of 1000"
        raise RecordProblem(rule="bad_envelope", field="", message=message)


def _problem(error: Exception, content: bytes) -> RecordProblem:
    """Tell a page that is no JSON (`not_json`) from JSON that is no envelope (`bad_envelope`)."""
    if isinstance(error, msgspec.ValidationError):
        message = f"no OCPI envelope around a list of records: {error}"
        return RecordProblem(rule="bad_envelope", field="", message=message)
    begin = content[:40].decode("utf-8", errors="replace")
    detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return RecordProblem(rule="not_json", field="", message=f"not JSON ({detail}); it begins with {begin!r}")
