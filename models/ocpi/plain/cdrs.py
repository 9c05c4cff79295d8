"""The quick way through many CDRs at once: those that are exactly as OCPI 2.2.1 wants them, which nearly all are.

`parse_cdr` can explain every oddity of every version, one record at a time, and pays for it. This reader knows no
oddities: whole lists of records become columns, and a record that is not plain in any respect (an unknown field, a
number written as text, a tenth decimal, an offset in a date, periods out of order, anything that acceptance would
refuse) is left out, for the careful reader. What it takes it gives exactly as `parse_cdr` and `hold_to_acceptance`
would; a property test holds the two together. Numbers go from their own digits to decimals, never through a float.

Give it thousands of records at a time: its hundred steps over columns cost as much for ten records as for a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

import numpy as np
import polars as pl

from models.ocpi.acceptance import CLOCK_SKEW, EARLIEST_END
from models.ocpi.plain.carried import CarriedLists, CarriedTariffs, carried_lists
from models.ocpi.plain.keys import have_distinct_keys
from models.ocpi.plain.numbers import NUMBER_KEYS, numbers_of
from models.ocpi.plain.periods import of_rows, periods_of
from models.ocpi.plain.shapes import PlainCdr, columns_of, decoded
from models.ocpi.plain.texts import in_calendar, texts_of, typed
from models.schemas.registry import Layer, table
from models.types.money import is_known_currency

_REQUIRED_NUMBERS: Final = ("total_energy_kwh", "total_hours", "total_cost_excl_vat")
_REQUIRED_TEXTS: Final = ("country_code", "party_id", "cdr_id", "currency")

Page = tuple[datetime, Sequence[bytes]]
"""when a list of records came, and the records in their own bytes, valid UTF-8"""


@dataclass(frozen=True, slots=True)
class PlainCdrs:
    """The plain ones among the records of some pages, as columns.

    `page` is the place of its page among those given, `position` that of the record on it.
    """

    cdrs: pl.DataFrame
    """`page`, `position`, and the columns of `typed/cdrs` that follow from the record alone"""
    periods: pl.DataFrame
    """`page`, `position`, and the columns of `typed/charging_periods` but the month"""
    carried: Mapping[tuple[str, bytes], tuple[int, int]]
    """owner and bytes of the lists of tariffs that they carry, and `page` and `position` of the CDR that was the first
    to bring each"""


def plain_cdrs(
    pages: Sequence[Page],
    alpha2: Mapping[str, str],
    carried_tariffs: Callable[[str, bytes], CarriedTariffs | None],
    parties: Collection[str] = (),
) -> PlainCdrs:
    """Read the plain ones among CDR objects of OCPI 2.2.1.

    Args:
        pages: the records; a session that ends well after they came is not plain.
        alpha2: ISO 3166-1 alpha-2 by alpha-3.
        carried_tariffs: reads the tariffs that a CDR of some owner carries; None where they cannot be read.
        parties: a CDR of anybody else is not plain; none: anybody's may be.
    """
    records = list(chain.from_iterable(records for _, records in pages))
    places, found = decoded(records)
    fields = columns_of(found, PlainCdr)
    texts, are_parts_plain = texts_of(fields)
    periods, are_periods_plain = periods_of(fields["charging_periods"])
    carried = carried_lists(fields, carried_tariffs)
    frame = texts.with_columns(*_places(pages, places), *numbers_of(fields), *carried.columns)
    checked = typed(frame, alpha2)
    ok = checked.select(_is_acceptable()).to_series() & are_parts_plain & are_periods_plain & carried.is_readable
    ok &= _has_no_negatives(checked, periods)
    ok &= have_distinct_keys([records[place] for place in places], fields, checked[NUMBER_KEYS], periods)
    if parties:
        ok &= checked["cpo_id"].is_in(list(parties))
    kept = checked.filter(ok)
    return PlainCdrs(
        cdrs=kept.select("page", "position", *_cdr_columns()),
        periods=of_rows(periods, ok, checked).select("page", "position", *_period_columns()),
        carried=_first_told(carried, checked, ok),
    )


def _places(pages: Sequence[Page], places: Sequence[int]) -> list[pl.Series]:
    """Say of records, numbered through all pages, on which page each stands, where on it, and when that came."""
    counts = np.fromiter((len(records) for _, records in pages), np.int64, len(pages))
    number = np.array(places, dtype=np.int64)
    page = np.repeat(np.arange(len(pages)), counts)[number]
    came = pl.Series([received_at for received_at, _ in pages], dtype=pl.Datetime("us", "UTC"))
    return [
        pl.Series("page", page, pl.Int32),
        pl.Series("position", number - (np.cumsum(counts) - counts)[page], pl.Int32),
        came.gather(page).alias("_came_at"),
    ]


def _cdr_columns() -> list[str]:
    later = {"time_zone", "billing_month", "connection_id", "ocpi_version", "received_at", "page_sha256"}
    later |= {"page_position", "content_sha256"}
    return [name for name in table(Layer.TYPED, "cdrs").schema if name not in later]


def _period_columns() -> list[str]:
    return [name for name in table(Layer.TYPED, "charging_periods").schema if name != "billing_month"]


def _is_acceptable() -> pl.Expr:
    """Tell what `hold_to_acceptance` lets pass, of what could be read whole."""
    return pl.all_horizontal(
        *(pl.col(name).is_not_null() for name in (*_REQUIRED_TEXTS, *_REQUIRED_NUMBERS)),
        *(pl.col(name).is_not_null() for name in ("ended_at", "last_updated_at")),
        in_calendar("started_at"),
        pl.col("ended_at") >= EARLIEST_END,
        pl.col("ended_at") <= pl.col("_came_at") + CLOCK_SKEW,
        ~pl.col("_odd"),
        ~pl.col("_blank"),
        _is_currency(),
    ).fill_null(value=False)


def _is_currency() -> pl.Expr:
    def known(codes: pl.Series) -> pl.Series:
        good = [code for code in codes.unique() if code and code == code.upper() and is_known_currency(code)]
        return codes.is_in(good)

    return pl.col("currency").map_batches(known, return_dtype=pl.Boolean)


def _has_no_negatives(checked: pl.DataFrame, periods: pl.DataFrame) -> pl.Series:
    """Tell which CDRs take nothing back, or are credits and may."""
    given = ("energy_kwh", "charging_hours", "parking_hours")
    negative = periods.select(pl.any_horizontal(pl.col(name) < 0 for name in given).fill_null(value=False)).to_series()
    flags = np.zeros(len(checked), dtype=np.bool_)
    flags[periods["row"].to_numpy()[negative.to_numpy()]] = True
    totals = pl.any_horizontal(pl.col(name) < 0 for name in ("total_energy_kwh", "total_hours")).fill_null(value=False)
    return checked.select(pl.col("is_credit") | ~(totals | pl.Series(flags))).to_series()


def _first_told(
    carried: CarriedLists, checked: pl.DataFrame, ok: pl.Series
) -> dict[tuple[str, bytes], tuple[int, int]]:
    """Give the lists of tariffs that the plain CDRs carry, each with the place of the first CDR that brought it."""
    told = checked.select("page", "position", "_came_at", number=carried.number).filter(ok)
    ordered = told.sort("_came_at", "page", "position").unique("number", keep="first", maintain_order=True)
    first: dict[tuple[str, bytes], tuple[int, int]] = {}
    rows: list[tuple[int, int, int]] = ordered.select("page", "position", "number").rows()
    for page, position, number in rows:
        # An owner may be spelled in two ways: the lists are then two, and the same.
        if carried.lists[number][1]:
            _ = first.setdefault(carried.lists[number], (page, position))
    return first
