"""Which fields of a record OCPI does not know: kept in the raw record, counted, and told from a slip of the pen.

OCPI 2.3.0 forbids refusing an unknown field, and a misspelt one looks just like it: a tariff that says `restriction`
has no restrictions at all. So an unknown field that is one edit away from a known one carries the field that was
probably meant, and where that field would have decided a price the tariff reader refuses the record
(`models/ocpi/tariffs.py`, rule `misspelt_field`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, cast

from models.ocpi.vocabulary import EXTENSIONS, FIELDS, Vocabulary

_SHORTEST: Final = 4
"""letters below which one edit says nothing: `vat` and `var` are two words"""

_SHOWN: Final = 60
"""letters of a name that are kept: what a peer makes up may be a megabyte long"""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that the version of its record does not have."""

    path: str
    """where it stands, such as `tariffs[].elements[].restriction`; `[]` is any item of a list"""
    meant: str | None = None
    """the known field that it is one edit away from"""
    known_in: str | None = None
    """another version of OCPI that has it there"""
    is_extension: bool = False
    """added by agreement with a hub"""

    def __str__(self) -> str:
        """Say it in a few words."""
        if self.meant:
            return f"{self.path} (did they mean {self.meant}?)"
        return f"{self.path} (known in {self.known_in})" if self.known_in else self.path


def unknown_fields(module: str, version: str, record: Mapping[str, object]) -> tuple[str, ...]:
    """Give the unknown fields of a record in words, each once, sorted; empty for nearly every record."""
    return tuple(str(field) for field in find_unknown(module, version, record))


def find_unknown(module: str, version: str, record: Mapping[str, object]) -> tuple[UnknownField, ...]:
    """Give the fields of a decoded record that its version does not know, each path once, sorted by path.

    A null says nothing and is not counted. A module or version that OCPI has not has no vocabulary: everything passes.
    """
    known = FIELDS.get(version, {}).get(module)
    if known is None:
        return ()
    found = {field.path: field for field in _below(module, record, known, "")}
    return tuple(found[path] for path in sorted(found))


@cache
def near_miss(name: str, known: frozenset[str]) -> str | None:
    """Give the known name that is one edit away: a letter more, less, other or swapped, or other case and underscores.

    Args:
        name: as it was sent; a name shorter than four letters is near to nothing but its own spelling.
        known: what could be meant; among several the first in the alphabet.
    """
    plain = _plain(name)
    for other in sorted(known):
        if _plain(other) == plain or (len(name) >= _SHORTEST and _is_one_edit(plain, _plain(other))):
            return other
    return None


def _below(module: str, record: Mapping[str, object], known: Vocabulary, path: str) -> Iterator[UnknownField]:
    for name, value in record.items():
        here = f"{path}.{name[:_SHOWN]}" if path else name[:_SHOWN]
        if value is None:
            continue
        if name not in known:
            yield _unknown(module, here, name, record, known)
        elif (inner := known[name]) is not None:
            yield from _inside(module, value, inner, here)


def _inside(module: str, value: object, known: Vocabulary, path: str) -> Iterator[UnknownField]:
    """Look into an object or every object of a list; anything else is the reader's to refuse."""
    if isinstance(value, Mapping):
        yield from _below(module, cast("Mapping[str, object]", value), known, path)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            if isinstance(item, Mapping):
                yield from _below(module, cast("Mapping[str, object]", item), known, f"{path}[]")


def _unknown(module: str, path: str, name: str, record: Mapping[str, object], known: Vocabulary) -> UnknownField:
    if name in EXTENSIONS.get(path.removesuffix(f".{name}"), ()):
        return UnknownField(path, is_extension=True)
    elsewhere = _known_in(module, path)
    if elsewhere:
        return UnknownField(path, known_in=elsewhere)
    absent = frozenset(other for other in known if record.get(other) is None)
    return UnknownField(path, meant=near_miss(name, absent))


@cache
def _known_in(module: str, path: str) -> str | None:
    """Give the newest version whose vocabulary has a path."""
    for version in sorted(FIELDS, reverse=True):
        known: Vocabulary | None = FIELDS[version].get(module)
        *above, last = path.replace("[]", "").split(".")
        for step in above:
            known = known.get(step) if known else None
        if known and last in known:
            return version
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _is_one_edit(one: str, other: str) -> bool:
    """Tell whether one insertion, deletion, substitution or swap of neighbours leads from one text to the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return True
    rest, others = one[at:], other[at:]
    swapped = rest[:2] == others[:2][::-1] and rest[2:] == others[2:]
    return swapped or rest[1:] == others[1:] or rest[1:] == others or rest == others[1:]
