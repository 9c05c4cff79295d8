"""The quick way through many CDRs at once: those that are exactly as OCPI 2.2.1 wants them, which nearly all are.

`parse_cdr` can explain every oddity of every version, one record at a time, and pays for it. This reader knows no
oddities: whole lists of records become columns, and a record that is not plain in any respect (an unknown field, a
number written as text, a tenth decimal, an offset in a date, periods out of order, anything that acceptance would
refuse) is left out, for the careful reader. What it takes it gives exactly as `parse_cdr` and `hold_to_acceptance`
would; a property test holds the two together. Numbers go from their own digits to decimals, never through a float.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from models.ocpi.acceptance import CLOCK_SKEW, EARLIEST_END
from models.ocpi.plain.carried import CarriedTariffs, carried_lists
from models.ocpi.plain.numbers import numbers_of
from models.ocpi.plain.periods import of_rows, periods_of
from models.ocpi.plain.shapes import decoded
from models.ocpi.plain.texts import in_calendar, texts_of, typed
from models.schemas.registry import Layer, table
from models.types.money import is_known_currency

_REQUIRED_NUMBERS: Final = ("total_energy_kwh", "total_hours", "total_cost_excl_vat")
_REQUIRED_TEXTS: Final = ("country_code", "party_id", "cdr_id", "currency")


@dataclass(frozen=True, slots=True)
class PlainCdrs:
    """The records of a list that are plain, as columns; `position` is the place of each in the list."""

    cdrs: pl.DataFrame
    """`position`, `record_key`, and the columns of `typed/cdrs` that follow from the record alone"""
    periods: pl.DataFrame
    """`position`, and the columns of `typed/charging_periods` but the month"""
    carried: frozenset[tuple[str, bytes]]
    """owner and bytes of the lists of tariffs that they carry"""


def plain_cdrs(
    records: Sequence[bytes],
    received_at: datetime,
    alpha2: Mapping[str, str],
    carried_tariffs: Callable[[str, bytes], CarriedTariffs | None],
) -> PlainCdrs:
    """Read the plain ones among CDR objects of OCPI 2.2.1.

    Args:
        records: their own bytes, valid UTF-8.
        received_at: when they came; a session that ends well after it is not plain.
        alpha2: ISO 3166-1 alpha-2 by alpha-3.
        carried_tariffs: reads the tariffs that a CDR of some owner carries; None where they cannot be read.
    """
    positions, found = decoded(records)
    frame = texts_of(found).with_columns(pl.Series("position", positions, pl.Int32))
    frame = frame.with_columns(numbers_of(found))
    periods, is_plain = periods_of(found)
    lists, tariffs_read, place, keys = carried_lists(found, carried_tariffs)
    checked = typed(frame, alpha2).with_columns(lists)
    ok = checked.select(_is_acceptable(received_at)).to_series() & is_plain & tariffs_read
    ok &= _has_no_negatives(checked, periods)
    kept = checked.filter(ok)
    rows = np.flatnonzero(ok.to_numpy())
    lists_kept: list[int] = place.gather(rows).unique().to_list()
    return PlainCdrs(
        cdrs=kept.select("position", "record_key", *_cdr_columns()),
        periods=of_rows(periods, rows, checked).select("position", *_period_columns()),
        carried=frozenset(keys[each - 1] for each in lists_kept if each),
    )


def _cdr_columns() -> list[str]:
    later = {"time_zone", "billing_month", "connection_id", "ocpi_version", "received_at", "page_sha256"}
    later |= {"page_position", "content_sha256"}
    return [name for name in table(Layer.TYPED, "cdrs").schema if name not in later]


def _period_columns() -> list[str]:
    return [name for name in table(Layer.TYPED, "charging_periods").schema if name != "billing_month"]


def _is_acceptable(received_at: datetime) -> pl.Expr:
    """Tell what `hold_to_acceptance` lets pass, of what could be read whole."""
    return pl.all_horizontal(
        *(pl.col(name).is_not_null() for name in (*_REQUIRED_TEXTS, *_REQUIRED_NUMBERS)),
        *(pl.col(name).is_not_null() for name in ("ended_at", "last_updated_at")),
        in_calendar("started_at"),
        pl.col("ended_at").is_between(EARLIEST_END, received_at.astimezone(UTC) + CLOCK_SKEW),
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
