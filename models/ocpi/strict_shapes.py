"""A quick answer for whole pages: has any record a field that OCPI does not know?

Nearly no record has, and walking through each in Python would take longer than reading it. So the vocabulary becomes
msgspec structs that refuse unknown fields and skip values unread; only what they refuse is looked into.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec

from models.ocpi.vocabulary import FIELDS, Vocabulary

_BOM: Final = b"\xef\xbb\xbf"
_REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def page_is_plain(module: str, version: str, content: bytes) -> bool:
    """Tell whether a page surely has known fields only; False says that its records must be looked into."""
    return _decodes(_page_decoder(module, version), content.removeprefix(_BOM))


def record_is_plain(module: str, version: str, record: bytes) -> bool:
    """Tell whether a record surely has known fields only; see `page_is_plain`."""
    return _decodes(_record_decoder(module, version), record)


def _decodes(decoder: msgspec.json.Decoder[Any], content: bytes) -> bool:
    try:
        _ = decoder.decode(content)
    except _REFUSED:
        return False
    return True


@cache
def _record_decoder(module: str, version: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_shape(module, version))


@cache
def _page_decoder(module: str, version: str) -> msgspec.json.Decoder[Any]:
    page = msgspec.defstruct("Page", [("data", list[_shape(module, version)])])
    return msgspec.json.Decoder(page)


@cache
def _shape(module: str, version: str) -> Any:  # noqa: ANN401 - a type made at run time
    """Give the struct of a module's records; a module that OCPI has not in that version is any JSON."""
    known = FIELDS.get(version, {}).get(module)
    return msgspec.Raw if known is None else _struct(module, known)


def _struct(name: str, known: Vocabulary) -> Any:  # noqa: ANN401 - a type made at run time
    fields: list[tuple[str, Any, Any]] = []
    for field, below in known.items():
        if below is None:
            fields.append((field, msgspec.Raw, msgspec.Raw(b"")))
        else:
            inner = _struct(f"{name}_{field}", below)
            fields.append((field, list[inner] | inner | None, None))
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True)
