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
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np
import polars as pl

from models.ocpi.acceptance import CLOCK_SKEW, EARLIEST_END, YEARS
from models.schemas.registry import Layer, table
from models.types.money import VOLUME, VOLUME_SCALE, is_known_currency

PLAIN_VERSION: Final = "2.2.1"

_INSTANT: Final = pl.Datetime("us", "UTC")
_DATE_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
_NUMBER: Final = rf"^-?(0|[1-9][0-9]{{0,8}})(\.[0-9]{{1,{VOLUME_SCALE}}})?$"
"""What Decimal(18, 9) holds as it is; an exponent or a tenth decimal is not plain."""

_ABSENT: Final = msgspec.Raw(b"")
_NULL: Final = "null"
_SEPARATOR: Final = "\x1e"
"""joins texts that become a column; no JSON number has it"""

_PRICED: Final = {
    "ENERGY": "energy_kwh",
    "TIME": "charging_hours",
    "PARKING_TIME": "parking_hours",
    "RESERVATION_TIME": "reservation_hours",
    "MIN_CURRENT": "min_current_a",
    "MAX_CURRENT": "max_current_a",
    "MIN_POWER": "min_power_kw",
    "MAX_POWER": "max_power_kw",
}
"""columns of charging periods by the dimension they hold"""
_SILENT: Final = frozenset({"FLAT", "CURRENT", "POWER", "STATE_OF_CHARGE", "ENERGY_EXPORT", "ENERGY_IMPORT"})
"""dimensions that OCPI knows and no price depends on"""

_PRICES: Final = {
    "total_cost": "total_cost",
    "energy_cost": "total_energy_cost",
    "time_cost": "total_time_cost",
    "parking_cost": "total_parking_cost",
    "fixed_cost": "total_fixed_cost",
    "reservation_cost": "total_reservation_cost",
}
"""pairs of columns `<name>_excl_vat`, `<name>_incl_vat` and the field that they come from"""
_REQUIRED_NUMBERS: Final = ("total_energy_kwh", "total_hours", "total_cost_excl_vat")
_REQUIRED_TEXTS: Final = ("country_code", "party_id", "cdr_id", "currency")


class _Struct(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A part of a record of which every field is known."""


class _Dimension(_Struct):
    type: str
    volume: msgspec.Raw = _ABSENT


class _Period(_Struct):
    start_date_time: str
    dimensions: list[_Dimension]
    tariff_id: str | None = None


class _Price(_Struct):
    excl_vat: msgspec.Raw
    incl_vat: msgspec.Raw = _ABSENT


class _Token(_Struct):
    country_code: str | None = None
    party_id: str | None = None
    uid: str | None = None
    type: str | None = None
    contract_id: str | None = None


class _Coordinates(_Struct):
    latitude: str | None = None
    longitude: str | None = None


class _Location(_Struct):
    id: str | None = None
    name: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = None
    coordinates: _Coordinates | None = None
    evse_uid: str | None = None
    evse_id: str | None = None
    connector_id: str | None = None
    connector_standard: str | None = None
    connector_format: str | None = None
    connector_power_type: str | None = None


class _Cdr(_Struct):
    """A CDR object of OCPI 2.2.1 (mod_cdrs 10.3.1); numbers and tariffs stay in the digits and bytes as sent."""

    country_code: str
    party_id: str
    id: str
    start_date_time: str
    end_date_time: str
    cdr_token: _Token
    cdr_location: _Location
    currency: str
    charging_periods: list[_Period]
    total_cost: _Price
    total_energy: msgspec.Raw
    total_time: msgspec.Raw
    last_updated: str
    session_id: str | None = None
    auth_method: str | None = None
    authorization_reference: str | None = None
    meter_id: str | None = None
    tariffs: msgspec.Raw = _ABSENT
    signed_data: None = None
    total_fixed_cost: _Price | None = None
    total_energy_cost: _Price | None = None
    total_time_cost: _Price | None = None
    total_parking_time: msgspec.Raw = _ABSENT
    total_parking_cost: _Price | None = None
    total_reservation_cost: _Price | None = None
    remark: str | None = None
    invoice_reference_id: str | None = None
    credit: bool | None = None
    credit_reference_id: str | None = None
    home_charging_compensation: bool | None = None


_DECODE: Final = msgspec.json.Decoder(_Cdr).decode
_NOT_PLAIN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

CarriedTariffs = tuple[tuple[str, ...], tuple[str, ...]]
"""the version ids of the tariffs inside a CDR, and what their reader had to do"""


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
    positions, found = _decoded(records)
    frame = _texts(found).with_columns(pl.Series("position", positions, pl.Int32))
    frame = frame.with_columns(_numbers(found))
    periods, is_plain = _periods(found)
    lists, tariffs_read, place, keys = _carried(found, carried_tariffs)
    checked = _typed(frame, alpha2).with_columns(lists)
    ok = checked.select(_is_acceptable(received_at)).to_series() & is_plain & tariffs_read
    ok &= _has_no_negatives(checked, periods)
    kept = checked.filter(ok)
    rows = np.flatnonzero(ok.to_numpy())
    lists_kept: list[int] = place.gather(rows).unique().to_list()
    return PlainCdrs(
        cdrs=kept.select("position", "record_key", *_cdr_columns()),
        periods=_of_rows(periods, rows, checked).select("position", *_period_columns()),
        carried=frozenset(keys[each - 1] for each in lists_kept if each),
    )


def _cdr_columns() -> list[str]:
    later = {"time_zone", "billing_month", "connection_id", "ocpi_version", "received_at", "page_sha256"}
    later |= {"page_position", "content_sha256"}
    return [name for name in table(Layer.TYPED, "cdrs").schema if name not in later]


def _period_columns() -> list[str]:
    return [name for name in table(Layer.TYPED, "charging_periods").schema if name != "billing_month"]


def _decoded(records: Sequence[bytes]) -> tuple[list[int], list[_Cdr]]:
    positions: list[int] = []
    found: list[_Cdr] = []
    for position, record in enumerate(records):
        try:
            cdr = _DECODE(record)
        except _NOT_PLAIN:
            continue
        positions.append(position)
        found.append(cdr)
    return positions, found


def _texts(found: Sequence[_Cdr]) -> pl.DataFrame:
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


def _numbers(found: Sequence[_Cdr]) -> list[pl.Series]:
    """Read all numbers of the records themselves; a column `_odd` tells where one is neither plain nor absent."""
    columns: dict[str, list[msgspec.Raw]] = {
        "total_energy_kwh": [cdr.total_energy for cdr in found],
        "total_hours": [cdr.total_time for cdr in found],
        "total_parking_hours": [cdr.total_parking_time for cdr in found],
    }
    for name, field in _PRICES.items():
        prices: list[_Price | None] = list(map(attrgetter(field), found))
        columns[f"{name}_excl_vat"] = [_ABSENT if price is None else price.excl_vat for price in prices]
        columns[f"{name}_incl_vat"] = [_ABSENT if price is None else price.incl_vat for price in prices]
    read = _read_numbers(_digits([raw for values in columns.values() for raw in values]))
    n, series, odd = len(found), list[pl.Series](), pl.repeat(value=False, n=len(found), eager=True)
    for place, name in enumerate(columns):
        part = read.slice(place * n, n)
        series.append(part["value"].alias(name))
        # An amount that is said to be null is as good as absent, but for the one that every price must have.
        odd |= ~(part["is_plain"] | part["is_absent"]) | (part["is_null"] & name.endswith("excl_vat"))
    return [*series, odd.alias("_odd")]


def _digits(values: Sequence[msgspec.Raw]) -> pl.Series:
    """Make a column of the bytes of JSON values, through one joined text: a text object for each would cost more."""
    if not values:
        return pl.Series([], dtype=pl.String)
    texts = pl.Series([_SEPARATOR.encode().join(values).decode()]).str.split(_SEPARATOR).explode()
    # Somebody hides the separator in a value that should be a number: then none of them is plain.
    return texts if len(texts) == len(values) else pl.Series([_SEPARATOR] * len(values))


def _read_numbers(digits: pl.Series) -> pl.DataFrame:
    """Turn digits into decimals: `value`, and whether they are plain, absent, or null in so many words."""
    is_plain = digits.str.contains(_NUMBER)
    value = digits.set(~is_plain, None).str.to_decimal(scale=VOLUME_SCALE).cast(VOLUME)
    is_null = digits == _NULL
    return pl.DataFrame(
        {"value": value, "is_plain": is_plain, "is_absent": (digits == "") | is_null, "is_null": is_null}
    )


def _typed(frame: pl.DataFrame, alpha2: Mapping[str, str]) -> pl.DataFrame:
    """Turn texts into values; what cannot be turned is null beside a text, and refused by `_is_acceptable`."""
    instants = ("started_at", "ended_at", "last_updated_at")
    owner = pl.concat_str("country_code", "party_id", separator="*").str.to_uppercase()
    codes = {code: known for code in frame["_country"].unique() if code and (known := alpha2.get(code.upper()))}
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String and name not in instants]
    return frame.with_columns(
        *(pl.col(name).replace("", None) for name in texts),
        *(_instant(name).alias(name) for name in instants),
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


def _instant(name: str) -> pl.Expr:
    """Read the one spelling of a DateTime that needs no remark: `2026-10-01T12:00:00Z`."""
    text = pl.when(pl.col(name).str.contains(_DATE_TIME)).then(pl.col(name).str.head(-1))
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False).dt.replace_time_zone("UTC")


def _any_blank(names: Sequence[str]) -> pl.Expr:
    """Tell where a text is nothing but white space, or has what is not ASCII where keys are made of it."""
    blank = pl.any_horizontal(pl.col(name).str.contains(r"^\s+$") for name in names)
    keys = pl.concat_str("country_code", "party_id", "cdr_id")
    return blank.fill_null(value=False) | (keys.str.len_bytes() != keys.str.len_chars())


def _is_acceptable(received_at: datetime) -> pl.Expr:
    """Tell what `hold_to_acceptance` lets pass, of what could be read whole."""
    return pl.all_horizontal(
        *(pl.col(name).is_not_null() for name in (*_REQUIRED_TEXTS, *_REQUIRED_NUMBERS)),
        *(pl.col(name).is_not_null() for name in ("ended_at", "last_updated_at")),
        _in_calendar("started_at"),
        pl.col("ended_at").is_between(EARLIEST_END, received_at.astimezone(UTC) + CLOCK_SKEW),
        ~pl.col("_odd"),
        ~pl.col("_blank"),
        _is_currency(),
    ).fill_null(value=False)


def _in_calendar(name: str) -> pl.Expr:
    return pl.col(name).dt.year().is_between(YEARS.start, YEARS.stop - 1)


def _is_currency() -> pl.Expr:
    def known(codes: pl.Series) -> pl.Series:
        good = [code for code in codes.unique() if code and code == code.upper() and is_known_currency(code)]
        return codes.is_in(good)

    return pl.col("currency").map_batches(known, return_dtype=pl.Boolean)


def _periods(found: Sequence[_Cdr]) -> tuple[pl.DataFrame, pl.Series]:
    """Lay out the charging periods, `row` naming the CDR of each, and tell which CDRs have only plain ones."""
    counts = np.array([len(cdr.charging_periods) for cdr in found], dtype=np.int64)
    periods = [period for cdr in found for period in cdr.charging_periods]
    row = np.repeat(np.arange(len(found)), counts)
    first = np.cumsum(counts) - counts
    frame = pl.DataFrame(
        {
            "row": row,
            "period_index": pl.Series(np.arange(len(row)) - first[row], dtype=pl.Int32),
            "started_at": pl.Series([period.start_date_time for period in periods], dtype=pl.String),
            "tariff_id": pl.Series([period.tariff_id for period in periods], dtype=pl.String),
        }
    ).with_columns(_instant("started_at"), pl.col("tariff_id").replace("", None))
    volumes, is_odd = _volumes(periods)
    frame = frame.with_columns(volumes)
    falls = (pl.col("started_at") < pl.col("started_at").shift()) & (pl.col("period_index") > 0)
    blank = pl.col("tariff_id").str.strip_chars().eq("").fill_null(value=False)
    wrong = frame.select(
        pl.Series(is_odd)
        | falls.fill_null(value=True) & (pl.col("period_index") > 0)
        | blank
        | ~_in_calendar("started_at").fill_null(value=False)
    ).to_series()
    is_plain = counts > 0
    is_plain[row[wrong.to_numpy()]] = False
    return frame, pl.Series(is_plain)


def _volumes(periods: Sequence[_Period]) -> tuple[list[pl.Series], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Give a column per priced dimension, and tell which periods say one twice, or one that is not plain."""
    counts = np.array([len(period.dimensions) for period in periods], dtype=np.int64)
    dimensions = [dimension for period in periods for dimension in period.dimensions]
    owner = np.repeat(np.arange(len(periods)), counts)
    kind = pl.Series([dimension.type for dimension in dimensions], dtype=pl.String)
    read = _read_numbers(_digits([dimension.volume for dimension in dimensions]))
    is_odd = np.zeros(len(periods), dtype=np.bool_)
    unread = ~read["is_plain"].to_numpy()
    known = kind.is_in([*_PRICED, *_SILENT]).to_numpy()
    is_odd[owner[~known]] = True
    columns: list[pl.Series] = []
    for name, column in _PRICED.items():
        entries = np.flatnonzero((kind == name).to_numpy())
        is_odd[owner[entries[unread[entries]]]] = True
        is_odd[owner[entries[1:]][np.diff(owner[entries]) == 0]] = True
        place = np.full(len(periods), -1, dtype=np.int64)
        place[owner[entries]] = entries
        columns.append(_gathered(read["value"], place).alias(column))
    return columns, is_odd


def _gathered(values: pl.Series, place: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    """Take values by place, null where that is negative."""
    if not len(values):
        return pl.repeat(None, len(place), dtype=VOLUME, eager=True)
    chosen = pl.Series(place)
    return values.gather(chosen.set(chosen < 0, None))


def _has_no_negatives(checked: pl.DataFrame, periods: pl.DataFrame) -> pl.Series:
    """Tell which CDRs take nothing back, or are credits and may."""
    given = ("energy_kwh", "charging_hours", "parking_hours")
    negative = periods.select(pl.any_horizontal(pl.col(name) < 0 for name in given).fill_null(value=False)).to_series()
    flags = np.zeros(len(checked), dtype=np.bool_)
    flags[periods["row"].to_numpy()[negative.to_numpy()]] = True
    totals = pl.any_horizontal(pl.col(name) < 0 for name in ("total_energy_kwh", "total_hours")).fill_null(value=False)
    return checked.select(pl.col("is_credit") | ~(totals | pl.Series(flags))).to_series()


def _carried(
    found: Sequence[_Cdr], read: Callable[[str, bytes], CarriedTariffs | None]
) -> tuple[list[pl.Series], pl.Series, pl.Series, list[tuple[str, bytes]]]:
    """Read the tariffs inside CDRs, each list of them once.

    Returns version ids and notes, whether they could be read, which list each CDR carries (from 1; 0: none), and owner
    and bytes of each list.
    """
    lists: dict[tuple[str, str, bytes], int] = {}
    numbers = [
        0
        if cdr.tariffs is _ABSENT
        else lists.setdefault((cdr.country_code, cdr.party_id, bytes(cdr.tariffs)), len(lists) + 1)
        for cdr in found
    ]
    keys = [(f"{country_code}*{party_id}".upper(), tariffs) for country_code, party_id, tariffs in lists]
    nothing: CarriedTariffs = ((), ())
    answers = [nothing, *(read(*key) for key in keys)]
    place = pl.Series(numbers, dtype=pl.Int64)
    words = [
        pl.Series(name, [list((answer or nothing)[part]) for answer in answers], pl.List(pl.String)).gather(place)
        for part, name in enumerate(("tariff_version_ids", "notes"))
    ]
    readable = pl.Series([answer is not None for answer in answers], dtype=pl.Boolean).gather(place)
    return words, readable, place, keys


def _of_rows(
    periods: pl.DataFrame, rows: np.ndarray[tuple[int], np.dtype[np.int64]], checked: pl.DataFrame
) -> pl.DataFrame:
    """Keep the periods of some CDRs, with the key and position of each."""
    keep = np.zeros(len(checked), dtype=np.bool_)
    keep[rows] = True
    chosen = periods.filter(pl.Series(keep[periods["row"].to_numpy()]))
    return chosen.with_columns(
        checked["cdr_key"].gather(chosen["row"]).alias("cdr_key"),
        checked["position"].gather(chosen["row"]).alias("position"),
    )
