"""Numbers of plain CDRs: from their own digits to decimals, a whole column at once and never through a float."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import polars as pl

from models.ocpi.columns_of_fields import PRICE_FIELDS
from models.ocpi.plain.shapes import ABSENT, PlainPrice
from models.types.money import VOLUME, VOLUME_SCALE

_NUMBER: Final = rf"^-?(0|[1-9][0-9]{{0,8}})(\.[0-9]{{1,{VOLUME_SCALE}}})?$"
"""What Decimal(18, 9) holds as it is; an exponent or a tenth decimal is not plain."""

_NULL: Final = "null"
_SEPARATOR: Final = "\x1e"
"""joins texts that become a column; no JSON number has it"""
TOTALS: Final = {
    "total_energy_kwh": "total_energy",
    "total_hours": "total_time",
    "total_parking_hours": "total_parking_time",
}
NUMBER_KEYS: Final = "_number_keys"
"""how many keys of a record have a number, or should"""


def numbers_of(fields: Mapping[str, Sequence[Any]]) -> list[pl.Series]:
    """Read all numbers of the records themselves; a column `_odd` tells where one is neither plain nor absent.

    Another one has their `NUMBER_KEYS`.
    """
    columns: dict[str, Sequence[msgspec.Raw]] = {name: fields[field] for name, field in TOTALS.items()}
    for name, field in PRICE_FIELDS.items():
        prices: Sequence[PlainPrice | None] = fields[field]
        columns[f"{name}_excl_vat"] = [ABSENT if price is None else price.excl_vat for price in prices]
        columns[f"{name}_incl_vat"] = [ABSENT if price is None else price.incl_vat for price in prices]
    n = len(fields["id"])
    digits = digits_of(list(chain.from_iterable(columns.values())))
    read = read_numbers(digits)
    series, odd = list[pl.Series](), pl.repeat(value=False, n=n, eager=True)
    for place, name in enumerate(columns):
        part = read.slice(place * n, n)
        series.append(part["value"].alias(name))
        # An amount that is said to be null is as good as absent, but for the one that every price must have.
        odd |= ~(part["is_plain"] | part["is_absent"]) | (part["is_null"] & name.endswith("excl_vat"))
    given = (digits != "").to_numpy().reshape(len(columns), n).sum(axis=0)
    return [*series, odd.alias("_odd"), pl.Series(NUMBER_KEYS, given)]


def digits_of(values: Sequence[msgspec.Raw]) -> pl.Series:
    """Make a column of the bytes of JSON values, through one joined text: a text object for each would cost more."""
    if not values:
        return pl.Series([], dtype=pl.String)
    texts = pl.Series([_SEPARATOR.encode().join(values).decode()]).str.split(_SEPARATOR).explode()
    # Somebody hides the separator in a value that should be a number: then none of them is plain.
    return texts if len(texts) == len(values) else pl.Series([_SEPARATOR] * len(values))


def read_numbers(digits: pl.Series) -> pl.DataFrame:
    """Turn digits into decimals: `value`, and whether they are plain, absent, or null in so many words."""
    is_plain = digits.str.contains(_NUMBER)
    value = digits.set(~is_plain, None).str.to_decimal(scale=VOLUME_SCALE).cast(VOLUME)
    is_null = digits == _NULL
    return pl.DataFrame(
        {"value": value, "is_plain": is_plain, "is_absent": (digits == "") | is_null, "is_null": is_null}
    )
