"""Texts of plain CDRs, as columns: ids, codes, and the one spelling of an instant that needs no remark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from models.ocpi.acceptance import YEARS
from models.ocpi.plain.repeated import repeated_parts
from models.ocpi.plain.shapes import PlainLocation, PlainToken
from models.types.money import VOLUME

_YEAR: Final = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
"""There is no year 0: Polars would take it, and everybody who reads it into Python would fail."""
_DATE_TIME: Final = rf"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
BLANK: Final = r"^[\s\x1c-\x1f]+$"
"""Nothing but white space, as Python knows it: four separators of ASCII are none to the expressions of Polars."""

_OWN: Final = {
    "country_code": "country_code",
    "party_id": "party_id",
    "cdr_id": "id",
    "session_id": "session_id",
    "authorization_reference": "authorization_reference",
    "auth_method": "auth_method",
    "started_at": "start_date_time",
    "ended_at": "end_date_time",
    "currency": "currency",
    "credit_reference_id": "credit_reference_id",
    "last_updated_at": "last_updated",
}
_OF_TOKEN: Final = {"token_uid": "uid", "token_type": "type", "contract_id": "contract_id"}
_OF_PLACE: Final = {
    "location_id": "id",
    "location_name": "name",
    "location_city": "city",
    "_country": "country",
    "evse_uid": "evse_uid",
    "evse_id": "evse_id",
    "connector_id": "connector_id",
    "connector_power_type": "connector_power_type",
}
_FLAGS: Final = {"is_credit": "credit", "is_home_charging": "home_charging_compensation"}


def texts_of(fields: Mapping[str, Sequence[Any]]) -> tuple[pl.DataFrame, pl.Series]:
    """Lay out what is written as text, and the flags; and tell whose token and place are plain."""
    tokens, plain_tokens = repeated_parts(fields["cdr_token"], PlainToken, _OF_TOKEN)
    places, plain_places = repeated_parts(fields["cdr_location"], PlainLocation, _OF_PLACE)
    frame = pl.DataFrame(
        [
            *(pl.Series(name, fields[field], pl.String) for name, field in _OWN.items()),
            *tokens,
            *places,
            *(pl.Series(name, fields[field], pl.Boolean).fill_null(value=False) for name, field in _FLAGS.items()),
        ]
    )
    return frame, plain_tokens & plain_places


def typed(frame: pl.DataFrame, alpha2: Mapping[str, str]) -> pl.DataFrame:
    """Turn texts into values; what cannot be turned is null beside a text, and refused by `_is_acceptable`."""
    instants = ("started_at", "ended_at", "last_updated_at")
    owner = pl.concat_str("country_code", "party_id", separator="*").str.to_uppercase()
    codes = {code: known for code in frame["_country"].unique() if code and (known := alpha2.get(code.upper()))}
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String and name not in instants]
    return frame.with_columns(
        *(pl.col(name).replace("", None) for name in texts),
        *(instant(name).alias(name) for name in instants),
        _any_blank(texts).alias("_blank"),
        owner.alias("cpo_id"),
        pl.concat_str(owner, pl.col("cdr_id").str.to_uppercase(), separator="*").alias("cdr_key"),
        pl.col("_country").replace_strict(codes, default=None, return_dtype=pl.String).alias("charge_country"),
        pl.lit(value=False).alias("has_signed_values"),
        pl.lit(None, VOLUME).alias("meter_start_kwh"),
        pl.lit(None, VOLUME).alias("meter_end_kwh"),
        pl.lit(value=False).alias("has_unordered_periods"),
        pl.lit(value=False).alias("has_unknown_dimensions"),
    )


def instant(name: str) -> pl.Expr:
    """Read the one spelling of a DateTime that needs no remark: `2026-10-01T12:00:00Z`."""
    text = pl.when(pl.col(name).str.contains(_DATE_TIME)).then(pl.col(name).str.head(-1))
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False).dt.replace_time_zone("UTC")


def _any_blank(names: Sequence[str]) -> pl.Expr:
    """Tell where a text is nothing but white space, or has what is not ASCII where keys are made of it."""
    blank = pl.any_horizontal(pl.col(name).str.contains(BLANK) for name in names)
    keys = pl.concat_str("country_code", "party_id", "cdr_id")
    return blank.fill_null(value=False) | (keys.str.len_bytes() != keys.str.len_chars())


def in_calendar(name: str) -> pl.Expr:
    """Tell whether an instant lies in a year that acceptance takes; null where it could not be read."""
    return pl.col(name).dt.year().is_between(YEARS.start, YEARS.stop - 1)
