"""Canonical CDRs, sessions, tokens, ... as columns: lists per column, because a frame built row by row costs ten times.

The columns that need more than the record itself (`time_zone`, `billing_month`, where it came from) are added by the
intake, which knows the other records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import polars as pl

from models.ocpi.canonical import Cdr, Price
from models.ocpi.columns_of_fields import PRICE_FIELDS
from models.ocpi.frames import cdr_key, chronological
from models.schemas.registry import Layer, table

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SEPARATOR: Final = "\x1f"
"""joins the items of a list column; JSON text cannot carry this control character unescaped, and notes have none"""

_SAME_NAME: Final = (
    *("cdr_id", "session_id", "authorization_reference", "auth_method", "token_uid", "token_type", "contract_id"),
    *("location_id", "location_name", "location_city", "evse_uid", "evse_id", "connector_id", "connector_power_type"),
    *("started_at", "ended_at", "currency", "total_energy_kwh", "total_hours", "total_parking_hours"),
    *("is_credit", "credit_reference_id", "is_home_charging", "last_updated_at"),
    *("has_signed_values", "meter_start_kwh", "meter_end_kwh"),
    *("has_unordered_periods", "has_unknown_dimensions"),
)
"""columns of `typed/cdrs` that are fields of the canonical CDR under the same name"""

_PERIOD_COLUMNS: Final = (
    *("started_at", "energy_kwh", "charging_hours", "parking_hours", "reservation_hours"),
    *("min_current_a", "max_current_a", "min_power_kw", "max_power_kw", "tariff_id"),
)


def cdr_columns(
    cdrs: Sequence[Cdr],
    version_ids: Sequence[Sequence[str]],
    notes: Sequence[Sequence[str]],
    alpha2: Mapping[str, str],
) -> pl.DataFrame:
    """Give CDRs as the columns of `typed/cdrs` that follow from the record alone, one row per CDR, in their order.

    Args:
        cdrs: the records.
        version_ids: per CDR, the versions of the tariffs that it carries.
        notes: per CDR, what its reader had to do.
        alpha2: ISO 3166-1 alpha-2 by alpha-3; a country that is not in it is unknown.
    """
    schema = table(Layer.TYPED, "cdrs").schema
    columns: dict[str, pl.Series] = {
        "cdr_key": pl.Series("cdr_key", [cdr_key(cdr) for cdr in cdrs], pl.String),
        "cpo_id": pl.Series("cpo_id", [cdr.owner_id for cdr in cdrs], pl.String),
        "charge_country": pl.Series(
            "charge_country", [alpha2.get((cdr.country_alpha3 or "").upper()) for cdr in cdrs], pl.String
        ),
        "tariff_version_ids": list_column("tariff_version_ids", version_ids),
        "notes": list_column("notes", notes),
    }
    for name in _SAME_NAME:
        columns[name] = column(name, list(map(attrgetter(name), cdrs)), schema[name])
    for prefix, field in PRICE_FIELDS.items():
        columns |= _price_columns(prefix, list(map(attrgetter(field), cdrs)), schema)
    return pl.DataFrame([columns[name] for name in schema if name in columns])


def period_columns(cdrs: Sequence[Cdr]) -> pl.DataFrame:
    """Give the charging periods of CDRs as columns of `typed/charging_periods`: chronological, numbered from 0."""
    schema = table(Layer.TYPED, "charging_periods").schema
    rows = [
        (key, index, period)
        for cdr in cdrs
        for key in (cdr_key(cdr),)
        for index, period in enumerate(chronological(cdr.periods))
    ]
    periods = [row[2] for row in rows]
    return pl.DataFrame(
        [
            pl.Series("cdr_key", [row[0] for row in rows], pl.String),
            pl.Series("period_index", [row[1] for row in rows], schema["period_index"]),
            *(column(name, list(map(attrgetter(name), periods)), schema[name]) for name in _PERIOD_COLUMNS),
        ]
    )


def columns_of(table_name: str, values: Sequence[object]) -> pl.DataFrame:
    """Give dataclass values as those columns of a typed table that are their fields (sessions, tokens, ...)."""
    return pl.DataFrame(
        [
            column(name, list(map(attrgetter(name), values)), dtype)
            for name, dtype in table(Layer.TYPED, table_name).schema.items()
            if name not in _ADDED
        ]
    )


_ADDED: Final = frozenset(
    {"billing_month", "connection_id", "ocpi_version", "received_at", "page_sha256", "page_position"}
)
"""columns that say where a record came from and when, and not what it says"""


def column(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    """Build one column exactly, by the way that costs least: Polars takes Python decimals and instants slowly."""
    if isinstance(dtype, pl.Decimal):
        return _decimal_column(name, values, dtype)
    if isinstance(dtype, pl.Datetime):
        return _instant_column(name, values, dtype)
    return list_column(name, values) if isinstance(dtype, pl.List) else pl.Series(name, values, dtype)


def _decimal_column(name: str, values: Sequence[Decimal | None], dtype: pl.Decimal) -> pl.Series:
    """Go through text; where that loses a value (`1E-7` is none to Polars), go the slow way."""
    texts = pl.Series(name, [None if value is None else str(value) for value in values], pl.String)
    if texts.str.contains("E", literal=True).any():
        return pl.Series(name, values, dtype)
    return texts.str.to_decimal(scale=dtype.scale).cast(dtype)


def _instant_column(name: str, values: Sequence[datetime | None], dtype: pl.Datetime) -> pl.Series:
    micros = [None if value is None else (value - _EPOCH) // _MICROSECOND for value in values]
    return pl.Series(name, micros, pl.Int64).cast(dtype)


def list_column(name: str, lists: Iterable[Sequence[str]]) -> pl.Series:
    """Build a list column through one joined string per row, which is many times faster than from Python lists."""
    joined = pl.Series(name, [_SEPARATOR.join(items) for items in lists], pl.String)
    split = (
        pl.when(pl.col(name) == "").then(pl.lit([], pl.List(pl.String))).otherwise(pl.col(name).str.split(_SEPARATOR))
    )
    return joined.to_frame().select(split.alias(name)).to_series()


def _price_columns(
    prefix: str, prices: Sequence[Price | None], schema: Mapping[str, pl.DataType]
) -> dict[str, pl.Series]:
    excl, incl = f"{prefix}_excl_vat", f"{prefix}_incl_vat"
    return {
        excl: column(excl, [price.excl_vat if price else None for price in prices], schema[excl]),
        incl: column(incl, [price.incl_vat if price else None for price in prices], schema[incl]),
    }
