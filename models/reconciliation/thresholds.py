"""The thresholds of the rules in one table: defaults of this project, any of them overridden per CPO agreement.

None of them is an industry standard; roaming contracts set them. An agreement names those in which it differs
(`rule_thresholds` in `agreements.csv`, as `late_days=14;ac_hours=48`); `tolerance_amount` and `tolerance_pct` have
columns of their own there, and the values here serve CPOs without an agreement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Annotated, Final, get_type_hints

import polars as pl

from models.types.money import written_number

_TOO_MUCH: Final = 10**8
"""what no threshold reaches, and every column of them holds"""
_EXACT: Final = pl.Decimal(18, 9)


@dataclass(frozen=True, slots=True)
class Bound:
    """What the catalogue says about a threshold."""

    unit: str
    rules: str
    """ids of the rules that use it; none where the life of a case does"""
    meaning: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is tolerated before a rule speaks. All bounds are exclusive: a value at the bound is clean."""

    authorized_before_seconds: Annotated[
        int, Bound("s", "R18", "how long before the start an authorization may lie")
    ] = 900
    authorized_after_seconds: Annotated[int, Bound("s", "R18", "how long after the start, because clocks differ")] = 300
    duplicate_start_seconds: Annotated[int, Bound("s", "R03", "how far apart two records of one session may start")] = (
        60
    )
    future_seconds: Annotated[int, Bound("s", "R05", "how far a session may reach beyond its receipt")] = 300
    ac_hours: Annotated[int, Bound("h", "R06", "longest stay at an AC connector")] = 24
    dc_hours: Annotated[int, Bound("h", "R06", "longest stay at a DC connector")] = 6
    least_seconds: Annotated[int, Bound("s", "R07", "shorter sessions are not billed (eViolin)")] = 120
    least_kwh: Annotated[Decimal, Bound("kWh", "R07", "smaller sessions are not billed (eViolin)")] = Decimal("0.2")
    power_review_pct: Annotated[
        int, Bound("%", "R10", "of what the connector can deliver: from here somebody looks")
    ] = 100
    power_block_pct: Annotated[
        int, Bound("%", "R10", "of what the connector can deliver: from here the CDR is held")
    ] = 105
    period_energy_kwh: Annotated[Decimal, Bound("kWh", "R11", "total against the sum of the periods")] = Decimal("0.01")
    period_gap_seconds: Annotated[int, Bound("s", "R12", "time that the periods leave untold or tell twice")] = 60
    meter_regress_kwh: Annotated[Decimal, Bound("kWh", "R13", "how far a meter may fall behind the CDR before")] = (
        Decimal("0.01")
    )
    overlap_seconds: Annotated[int, Bound("s", "R14 R15", "how long two sessions may overlap")] = 60
    overlap_distance_km: Annotated[int, Bound("km", "R15", "within it an overlap may be one visit")] = 1
    travel_km: Annotated[int, Bound("km", "R16", "shorter ways are not looked at")] = 20
    travel_kmh: Annotated[int, Bound("km/h", "R16", "faster than anyone drives")] = 130
    flight_kmh: Annotated[int, Bound("km/h", "R16", "faster than anyone flies")] = 900
    daily_sessions: Annotated[int, Bound("sessions", "R17", "of one token on one day (UTC)")] = 8
    daily_kwh: Annotated[int, Bound("kWh", "R17", "of one token on one day (UTC)")] = 300
    tolerance_amount: Annotated[Decimal, Bound("currency", "R21", "price difference; the larger one counts")] = Decimal(
        "0.01"
    )
    tolerance_pct: Annotated[Decimal, Bound("%", "R21", "price difference of the recomputed price")] = Decimal("0.5")
    vat_tolerance: Annotated[Decimal, Bound("currency", "R29", "VAT claimed against VAT of the country")] = Decimal(
        "0.02"
    )
    late_days: Annotated[int, Bound("days", "R30", "from the end until the CPO wrote the CDR: later is late")] = 10
    refused_days: Annotated[int, Bound("days", "R30", "from the end until the CPO wrote the CDR: later is refused")] = (
        90
    )
    missing_days: Annotated[
        int, Bound("days", "R31", "until a session or an authorization without a CDR is chased")
    ] = 7
    replacement_days: Annotated[
        int, Bound("days", "R33", "from a credit to the CDR that replaces what it took back")
    ] = 14
    ac_kw: Annotated[int, Bound("kW", "R35", "most that an AC connector can have")] = 43
    dc_kw: Annotated[int, Bound("kW", "R35", "most that a DC connector can have")] = 500
    requires_signed_data: Annotated[int, Bound("0 or 1", "R36", "whether CDRs must carry signed meter values")] = 0
    most_per_kwh: Annotated[
        Decimal, Bound("EUR/kWh", "R37", "effective price; in the agreement's currency where set")
    ] = Decimal("1.00")
    case_limit_days: Annotated[
        int, Bound("days", "", "from sending a dispute until it lapses in our favour for want of an answer")
    ] = 90


DEFAULTS: Final = Thresholds()
NAMES: Final = tuple(each.name for each in fields(DEFAULTS))


def bounds() -> dict[str, Bound]:
    """Give what is said about each threshold, by name."""
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(Thresholds, include_extras=True).items()}


class ThresholdError(ValueError):
    """Raised where a threshold is named that does not exist, or its value is none."""


def read_thresholds(text: str) -> Thresholds:
    """Read what an agreement says, as `name=value` pairs joined by `;`; an empty text is the defaults.

    Raises:
        ThresholdError: on an unknown name or a value that is no number of at least 0; the message names it.
    """
    return replace(DEFAULTS, **{name: _value(name, value) for name, value in named_thresholds(text).items()})


def named_thresholds(text: str) -> dict[str, str]:
    """Give what an agreement names, as it stands there: a threshold may be agreed on at the value of its default."""
    pairs = (pair.partition("=") for pair in text.split(";") if pair.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _value(name: str, text: str) -> int | Decimal:
    if name not in NAMES:
        msg = f"no threshold is called {name!r}: it is one of {', '.join(NAMES)}"
        raise ThresholdError(msg)
    default: int | Decimal = getattr(DEFAULTS, name)
    is_whole = isinstance(default, int)
    try:
        value = written_number(text)
        is_sound = 0 <= value < _TOO_MUCH and (not is_whole or value == value.to_integral_value())
    except ValueError:
        value, is_sound = default, False
    if not is_sound:
        msg = f"{name} must be {'a whole number' if is_whole else 'a number'} of at least 0, found {text!r}"
        raise ThresholdError(msg)
    return int(value) if is_whole else value


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of every agreement; a CPO that is not listed has the defaults."""

    by_cpo: Mapping[str, Thresholds] = field(default_factory=dict[str, Thresholds])

    def expr(self, name: str) -> pl.Expr:
        """Give a threshold per row, by the row's `cpo_id`; a literal where all agreements say the same."""
        chosen = _literal(getattr(DEFAULTS, name))
        for cpo_id, thresholds in sorted(self.by_cpo.items()):
            own = getattr(thresholds, name)
            if own != getattr(DEFAULTS, name):
                chosen = pl.when(pl.col("cpo_id") == cpo_id).then(_literal(own)).otherwise(chosen)
        return chosen

    def seconds(self, name: str) -> pl.Expr:
        """Give a threshold in seconds as a duration per row."""
        return pl.duration(seconds=self.expr(name))

    def days(self, name: str) -> pl.Expr:
        """Give a threshold in days as a duration per row."""
        return pl.duration(days=self.expr(name))

    def is_set(self, name: str) -> pl.Expr:
        """Tell per row whether the agreement names another value than the default."""
        own = [cpo for cpo, each in sorted(self.by_cpo.items()) if getattr(each, name) != getattr(DEFAULTS, name)]
        return pl.col("cpo_id").is_in(own)

    def on_defaults(self, cpo_ids: Iterable[str]) -> list[str]:
        """Give those of some CPOs to which every default applies: no agreement, or one that names no other value."""
        return sorted(cpo_id for cpo_id in set(cpo_ids) if self.by_cpo.get(cpo_id, DEFAULTS) == DEFAULTS)


def _literal(value: int | Decimal) -> pl.Expr:
    """Give a number as a literal; decimals at one scale, so that agreements can differ within a column."""
    return pl.lit(value, pl.Int64) if isinstance(value, int) else pl.lit(value).cast(_EXACT)


NO_OVERRIDES: Final = Limits()


def limits_of(agreements: pl.DataFrame) -> Limits:
    """Give the thresholds of `master/agreements`.

    Raises:
        ThresholdError: when an agreement says what is none; the master data is checked for that first.
    """
    if "rule_thresholds" not in agreements.columns:
        return NO_OVERRIDES
    said = agreements.select("cpo_id", "rule_thresholds").drop_nulls()
    return Limits({cpo_id: read_thresholds(text) for cpo_id, text in said.iter_rows()})
