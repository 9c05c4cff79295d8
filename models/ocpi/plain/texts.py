"""Texts of plain CDRs, as columns: ids, codes, and the one spelling of an instant that needs no remark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from models.ocpi.acceptance import YEARS
from models.ocpi.plain.shapes import PlainCdr
from models.types.money import VOLUME

_DATE_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"


def texts_of(found: Sequence[PlainCdr]) -> pl.DataFrame:
    """Lay out what is written as text, and the flags."""
    tokens, places = [cdr.cdr_token for cdr in found], [cdr.cdr_location for cdr in found]
    texts: dict[str, list[str | None]] = {
        "country_code": [cdr.country_code for cdr in found],
        "party_id": [cdr.party_id for cdr in found],
        "cdr_id": [cdr.id for cdr in found],
        "session_id": [cdr.session_id for cdr in found],
        "authorization_reference": [cdr.authorization_reference for cdr in found],
        "auth_method": [cdr.auth_method for cdr in found],
        "token_uid": [token.uid for token in tokens],
        "token_type": [token.type for token in tokens],
        "contract_id": [token.contract_id for token in tokens],
        "location_id": [place.id for place in places],
        "location_name": [place.name for place in places],
        "location_city": [place.city for place in places],
        "_country": [place.country for place in places],
        "evse_uid": [place.evse_uid for place in places],
        "evse_id": [place.evse_id for place in places],
        "connector_id": [place.connector_id for place in places],
        "connector_power_type": [place.connector_power_type for place in places],
        "started_at": [cdr.start_date_time for cdr in found],
        "ended_at": [cdr.end_date_time for cdr in found],
        "currency": [cdr.currency for cdr in found],
        "credit_reference_id": [cdr.credit_reference_id for cdr in found],
        "last_updated_at": [cdr.last_updated for cdr in found],
    }
    flags = {
        "is_credit": [cdr.credit is True for cdr in found],
        "is_home_charging": [cdr.home_charging_compensation is True for cdr in found],
    }
    return pl.DataFrame(
        [pl.Series(name, values, pl.String) for name, values in texts.items()]
        + [pl.Series(name, values, pl.Boolean) for name, values in flags.items()]
    )


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
        pl.concat_str(owner, pl.col("cdr_id").str.to_uppercase(), separator="*").alias("record_key"),
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
    blank = pl.any_horizontal(pl.col(name).str.contains(r"^\s+$") for name in names)
    keys = pl.concat_str("country_code", "party_id", "cdr_id")
    return blank.fill_null(value=False) | (keys.str.len_bytes() != keys.str.len_chars())


def in_calendar(name: str) -> pl.Expr:
    """Tell whether an instant lies in a year that acceptance takes; null where it could not be read."""
    return pl.col(name).dt.year().is_between(YEARS.start, YEARS.stop - 1)
