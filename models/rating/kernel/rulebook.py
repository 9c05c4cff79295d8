"""The tariffs in use, laid out as arrays to gather from: the cost of rating does not depend on tariffs not used.

Components are sorted by scope, dimension, version and place in the tariff, so that the k-th candidate of a version for
a dimension is one addition away. An absent restriction is a bound that everything meets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.rating.bounds import LARGEST_AMOUNT, LARGEST_STEP, LARGEST_VAT_RATE_PCT
from models.rating.kernel.exact import (
    HIGHEST,
    LOWEST,
    UNITS_OF_PRODUCT,
    Factor,
    Flags,
    Ints,
    factor_of,
    integers,
    whole_units,
)
from models.rating.kernel.levels import Levels, levels_of
from models.rating.kernel.ranks import Rank, ranks_of
from models.rating.policy import EqualBounds, Policy
from models.types.vocabularies import Dimension, TaxIncluded

DIMENSIONS: Final = (Dimension.FLAT, Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME)
MODES: Final = (TaxIncluded.NO, TaxIncluded.YES, TaxIncluded.NOT_APPLICABLE)
NO_RATE: Final = -1
PERCENT_UNIT: Final = 10_000
WHOLE: Final = 100 * PERCENT_UNIT
"""100 percent in units of 1e-4 percent."""
MICROSECONDS: Final = 1_000_000
DAY_IN_MICROSECONDS: Final = 86_400 * MICROSECONDS
_LIMITS: Final = ("min_price_excl_vat", "min_price_incl_vat", "max_price_excl_vat", "max_price_incl_vat")
_LOCAL: Final = ("start_time", "end_time", "start_date", "end_date")
_VOLUMES: Final = ("min_kwh", "max_kwh")
_READINGS: Final = ("min_current_a", "max_current_a", "min_power_kw", "max_power_kw")
_DURATIONS: Final = ("min_duration_seconds", "max_duration_seconds")


@dataclass(frozen=True, slots=True)
class Versions:
    """One entry per tariff version in use; amounts in 1e-9, instants in microseconds."""

    ids: pl.Series
    tariff_ids: pl.Series
    """upper case: CiString compares without case"""
    tariff_code: Ints
    """the same for versions of the same tariff id"""
    currencies: pl.Series
    mode: Ints
    valid_from: Ints
    valid_to: Ints
    limits: dict[str, Ints]
    """bounds of the total; LOWEST or HIGHEST where there is none"""
    has_limits: Flags
    is_local: Flags
    is_in_range: Flags


@dataclass(frozen=True, slots=True)
class Components:
    """One entry per component in use; prices in 1e-9, VAT in 1e-4 percent (`NO_RATE` if absent), bounds as volumes."""

    version: Ints
    element_index: Ints
    component_index: Ints
    unit_price: Ints
    vat_rate: Ints
    step_size: Ints
    only_expired: Flags
    is_restricted: Flags
    """other than to reservations"""
    is_net: Flags
    """VAT comes on top of the price"""
    is_gross: Flags
    """VAT is in the price"""
    price_factor: Factor
    vat_factor: Factor
    """the price with VAT for 100 percent without"""
    start_time: Ints
    end_time: Ints
    start_date: Ints
    end_date: Ints
    days_mask: Ints
    bounds: dict[str, Ints]
    """min_kwh ... max_power_kw in 1e-9, min/max_duration_seconds in microseconds"""
    restricted_by: frozenset[str]
    """the kinds of restriction that occur at all; the others are never evaluated"""
    is_restricted_by: dict[str, Flags]
    """each kind of restriction that occurs"""
    price_class: Ints
    """the same for components of the same price, VAT and step"""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Versions, their components, and where the candidates of a version for a scope and a dimension stand."""

    versions: Versions
    components: Components
    first: dict[tuple[bool, Dimension], Ints]
    count: dict[tuple[bool, Dimension], Ints]
    ranks: dict[tuple[bool, Dimension], list[Rank]]
    clock_levels: Levels
    """times of day at which some restriction changes its answer, in microseconds"""
    energy_levels: Levels
    """kWh in 1e-9"""
    duration_levels: Levels
    """microseconds"""


def rule_book(wanted: pl.Series, versions: pl.DataFrame, components: pl.DataFrame, policy: Policy) -> RuleBook:
    """Lay out the wanted versions (ids that are not in `versions` are left out)."""
    used = versions.filter(pl.col("tariff_version_id").is_in(wanted.implode())).sort("tariff_version_id")
    used = used.with_row_index("version")
    order = pl.col("dimension").replace_strict(
        {str(word): place for place, word in enumerate(DIMENSIONS)}, return_dtype=pl.Int64
    )
    rows = (
        components.join(used.select("tariff_version_id", "version"), on="tariff_version_id", how="inner")
        .with_columns(pl.col("reservation").is_not_null().alias("scope"), order.alias("place"))
        .sort("scope", "place", "version", "element_index", "component_index")
    )
    first, count = _places(rows, len(used))
    laid = _components(rows, _modes(used), policy)
    return RuleBook(
        versions=_versions(used, rows),
        components=laid,
        first=first,
        count=count,
        ranks={slot: ranks_of(first[slot], count[slot], laid) for slot in first},
        clock_levels=_clock_levels(rows, laid, len(used)),
        energy_levels=_levels(rows, laid, len(used), _VOLUMES),
        duration_levels=_levels(rows, laid, len(used), _DURATIONS),
    )


def _places(rows: pl.DataFrame, n_versions: int) -> tuple[dict[tuple[bool, Dimension], Ints], ...]:
    scope, place, version = rows["scope"].to_numpy(), integers(rows["place"]), integers(rows["version"])
    first: dict[tuple[bool, Dimension], Ints] = {}
    count: dict[tuple[bool, Dimension], Ints] = {}
    for is_reservation in (False, True):
        for index, dimension in enumerate(DIMENSIONS):
            chosen = np.flatnonzero((scope == is_reservation) & (place == index))
            counts = np.bincount(version[chosen], minlength=n_versions)
            offset = chosen[0] if len(chosen) else 0
            first[is_reservation, dimension] = offset + np.cumsum(counts) - counts
            count[is_reservation, dimension] = counts
    return first, count


def _versions(used: pl.DataFrame, rows: pl.DataFrame) -> Versions:
    limits = {name: whole_units(used[name], LOWEST if name.startswith("min") else HIGHEST) for name in _LIMITS}
    return Versions(
        ids=used["tariff_version_id"],
        tariff_ids=used["tariff_id"].str.to_uppercase(),
        tariff_code=integers(used["tariff_id"].str.to_uppercase().rank("dense")),
        currencies=used["currency"],
        mode=_modes(used),
        valid_from=integers(used["valid_from"], LOWEST),
        valid_to=integers(used["valid_to"], HIGHEST),
        limits=limits,
        has_limits=used.select(pl.any_horizontal(pl.col(_LIMITS).is_not_null())).to_series().to_numpy(),
        is_local=_versions_with(_is_local(), used, rows),
        is_in_range=~(_versions_with(_is_out_of_range(), used, rows) | _limits_out_of_range(used)),
    )


def _modes(used: pl.DataFrame) -> Ints:
    places = {str(word): place for place, word in enumerate(MODES)}
    return integers(used["tax_included"].replace_strict(places, return_dtype=pl.Int64))


def _versions_with(condition: pl.Expr, used: pl.DataFrame, rows: pl.DataFrame) -> Flags:
    """Tell which versions have a component that meets a condition."""
    flags = np.zeros(len(used), dtype=np.bool_)
    flags[integers(rows.filter(condition)["version"])] = True
    return flags


def _is_local() -> pl.Expr:
    return _is_given(*_LOCAL) | (pl.col("days_of_week_mask") != 0)


def _is_given(*names: str) -> pl.Expr:
    return pl.any_horizontal(*(pl.col(name).is_not_null() for name in names))


def _is_out_of_range() -> pl.Expr:
    rate = pl.col("vat_rate_pct").fill_null(0)
    return ~pl.col("step_size").is_between(0, LARGEST_STEP) | ~rate.is_between(0, LARGEST_VAT_RATE_PCT)


def _limits_out_of_range(used: pl.DataFrame) -> Flags:
    beyond = pl.any_horizontal((pl.col(name).abs() > LARGEST_AMOUNT).fill_null(False) for name in _LIMITS)
    return used.select(beyond).to_series().to_numpy()


def _components(rows: pl.DataFrame, modes: Ints, policy: Policy) -> Components:
    bounds = {
        name: whole_units(rows[name], LOWEST if name.startswith("min") else HIGHEST) for name in (*_VOLUMES, *_READINGS)
    }
    for name, absent in (("min_duration_seconds", LOWEST), ("max_duration_seconds", HIGHEST)):
        # Clipped before it is scaled: no session lasts 300 years, and the product must not wrap.
        seconds = rows[name].clip(0, HIGHEST // (2 * MICROSECONDS)) * MICROSECONDS
        bounds[name] = integers(seconds, absent)
    start_time, end_time = _windows(rows, policy)
    unit_price, vat_rate = whole_units(rows["unit_price"]), whole_units(rows["vat_rate_pct"], NO_RATE)
    step_size = integers(rows["step_size"])
    restricted = _is_local() | _is_given(*_VOLUMES, *_READINGS, *_DURATIONS)
    version, kinds = integers(rows["version"]), _kinds(rows)
    return Components(
        version=version,
        element_index=integers(rows["element_index"]),
        component_index=integers(rows["component_index"]),
        unit_price=unit_price,
        vat_rate=vat_rate,
        step_size=step_size,
        only_expired=(rows["reservation"] == "RESERVATION_EXPIRES").fill_null(False).to_numpy(),
        is_restricted=rows.select(restricted).to_series().to_numpy(),
        is_net=(vat_rate != NO_RATE) & (modes[version] == MODES.index(TaxIncluded.NO)),
        is_gross=(vat_rate != NO_RATE) & (modes[version] == MODES.index(TaxIncluded.YES)),
        price_factor=factor_of(unit_price, UNITS_OF_PRODUCT),
        vat_factor=factor_of(WHOLE + vat_rate, WHOLE),
        start_time=start_time,
        end_time=end_time,
        start_date=integers(rows["start_date"], LOWEST),
        end_date=integers(rows["end_date"], HIGHEST),
        days_mask=np.where(integers(rows["days_of_week_mask"]) == 0, 0b1111111, integers(rows["days_of_week_mask"])),
        bounds=bounds,
        restricted_by=frozenset(kinds),
        is_restricted_by=kinds,
        price_class=_classes(unit_price, vat_rate, step_size),
    )


def _windows(rows: pl.DataFrame, policy: Policy) -> tuple[Ints, Ints]:
    """Give daily windows as start and end in microseconds; an end of 00:00 is the end of the day (P4)."""
    start = integers(rows["start_time"]) // 1000
    end = integers(rows["end_time"], DAY_IN_MICROSECONDS * 1000) // 1000
    equal = start == end
    end = np.where(end == 0, DAY_IN_MICROSECONDS, end)
    if policy.equal_bounds is EqualBounds.NEVER:
        return np.where(equal, 0, start), np.where(equal, 0, end)
    if policy.equal_bounds is EqualBounds.WHOLE_DAY:
        return np.where(equal, 0, start), np.where(equal, DAY_IN_MICROSECONDS, end)
    return start, end


def _classes(*columns: Ints) -> Ints:
    """Number the distinct combinations of some columns."""
    if not len(columns[0]):
        return np.zeros(0, dtype=np.int64)
    return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def _kinds(rows: pl.DataFrame) -> dict[str, Flags]:
    """Say for each kind of restriction that occurs which components have it."""
    kinds = {name: _given(rows, name) for name in (*_LOCAL, *_VOLUMES, *_READINGS, *_DURATIONS)}
    kinds["days_of_week_mask"] = (rows["days_of_week_mask"] != 0).to_numpy()
    return {name: flags for name, flags in kinds.items() if flags.any()}


def _clock_levels(rows: pl.DataFrame, laid: Components, n_versions: int) -> Levels:
    """Give the bounds of daily windows, and midnight where a day or a date counts."""
    has_window = rows.select(_is_given("start_time", "end_time")).to_series().to_numpy()
    has_day = (
        rows.select(_is_given("start_date", "end_date") | (pl.col("days_of_week_mask") != 0)).to_series().to_numpy()
    )
    parts = [
        (laid.version[has_window], laid.start_time[has_window]),
        (laid.version[has_window], laid.end_time[has_window] % DAY_IN_MICROSECONDS),
        (laid.version[has_day], np.zeros(int(has_day.sum()), dtype=np.int64)),
    ]
    return levels_of(parts, n_versions)


def _levels(rows: pl.DataFrame, laid: Components, n_versions: int, names: tuple[str, ...]) -> Levels:
    parts = [(laid.version[given], laid.bounds[name][given]) for name in names for given in (_given(rows, name),)]
    return levels_of(parts, n_versions)


def _given(rows: pl.DataFrame, name: str) -> Flags:
    return rows[name].is_not_null().to_numpy()
