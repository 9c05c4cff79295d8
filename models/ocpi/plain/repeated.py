"""What thousands of CDRs repeat byte for byte (tokens, places, tariffs): each is read once, and looked up by number."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import compress
from typing import TypeVar

import msgspec
import polars as pl

from models.ocpi.distinct_keys import has_distinct_keys, most_keys
from models.ocpi.plain.shapes import NOT_PLAIN, Part, columns_of

Value = TypeVar("Value", bound=Hashable)
Shape = TypeVar("Shape", bound=Part)


def numbered(values: Iterable[Value]) -> tuple[list[int], list[Value]]:
    """Number distinct values from 0 in the order in which they first come; give the number of each, and the values."""
    numbers: dict[Value, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values], list(numbers)


def repeated_parts(
    raws: Sequence[msgspec.Raw], shape: type[Shape], names: Mapping[str, str]
) -> tuple[list[pl.Series], pl.Series]:
    """Read the texts of a part that every record has.

    Args:
        raws: the part of each record, in its own bytes.
        shape: what a plain one looks like.
        names: the columns to give, each with the field that it comes from.

    Returns:
        The columns, null where a part is not plain; and which are.
    """
    places, contents = numbered(map(bytes, raws))
    decode, readable, found = msgspec.json.Decoder(shape).decode, list[bool](), list[Shape]()
    for content in contents:
        try:
            found.append(decode(content))
        except NOT_PLAIN:
            found.append(shape())
            readable.append(False)
        else:
            readable.append(True)
    if most_keys(b"".join(compress(contents, readable))) != sum(map(_keys_read, found)):
        pairs = zip(contents, readable, strict=True)
        readable = [is_readable and has_distinct_keys(content) for content, is_readable in pairs]
    place, values = pl.Series(places, dtype=pl.UInt32), columns_of(found, shape)
    columns = [pl.Series(name, values[field], pl.String).gather(place) for name, field in names.items()]
    return columns, pl.Series(readable, dtype=pl.Boolean).gather(place)


def _keys_read(part: Part) -> int:
    """Count the keys of which a value was read; one that is said to be null may be missed."""
    given = [value for value in msgspec.structs.astuple(part) if value is not None]
    return len(given) + sum(_keys_read(value) for value in given if isinstance(value, Part))
