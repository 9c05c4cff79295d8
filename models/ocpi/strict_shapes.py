"""A quick answer for whole pages: has any record a field that OCPI does not know, or an id that is too long?

Nearly no record has, and walking through each in Python would take longer than reading it. So the vocabulary becomes
msgspec structs that refuse unknown fields and long ids and skip all other values unread; only what they refuse is
looked into.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

import msgspec

from models.ocpi.id_lengths import Lengths, id_lengths
from models.ocpi.vocabulary import FIELDS, Vocabulary

_BOM: Final = b"\xef\xbb\xbf"
_REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def page_is_plain(module: str, version: str, content: bytes) -> bool:
    """Tell whether a page surely has known fields alone, and no id too long; False: its records must be looked into."""
    return _decodes(_page_decoder(module, version), content.removeprefix(_BOM))


def record_is_plain(module: str, version: str, record: bytes) -> bool:
    """Tell whether a record surely has known fields alone, and no id too long; see `page_is_plain`."""
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
    return msgspec.Raw if known is None else _struct(module, known, id_lengths(module, version), "")


def _struct(name: str, known: Vocabulary, lengths: Lengths, path: str) -> Any:  # noqa: ANN401 - a type made at run time
    fields: list[tuple[str, Any, Any]] = []
    for field, below in known.items():
        here = f"{path}{field}"
        if below is not None:
            inner = _struct(f"{name}_{field}", below, lengths, f"{here}.")
            fields.append((field, list[inner] | inner | None, None))
        elif here in lengths:
            identifier = Annotated[str, msgspec.Meta(max_length=lengths[here])]
            fields.append((field, list[identifier] | identifier | None, None))
        else:
            fields.append((field, msgspec.Raw, msgspec.Raw(b"")))
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True)
