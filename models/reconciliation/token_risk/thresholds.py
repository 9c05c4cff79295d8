"""The thresholds of token risk in one table: defaults of this project, any of them overridden in the settings.

None of them is an industry standard. The setting is `token_risk`, such as `{travel_kmh = 200, watch_score = 30}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Annotated, Final, get_type_hints

from models.reconciliation.thresholds import Bound


@dataclass(frozen=True, slots=True)
class RiskThresholds:
    """What is tolerated before a signal speaks. All bounds are exclusive but those of scores, which no signal uses."""

    velocity_authorizations: Annotated[int, Bound("authorizations", "T01", "of one token within the window")] = 6
    velocity_seconds: Annotated[int, Bound("s", "T01", "the window")] = 600
    overlap_seconds: Annotated[int, Bound("s", "T02 T09", "how long two sessions may overlap")] = 60
    apart_km: Annotated[int, Bound("km", "T02 T09", "within it two places are one")] = 1
    travel_km: Annotated[int, Bound("km", "T03", "shorter ways are not looked at")] = 20
    travel_kmh: Annotated[int, Bound("km/h", "T02 T03 T09", "great-circle speed that nobody drives")] = 130
    block_grace_seconds: Annotated[int, Bound("s", "T04", "until every charger knows of a block")] = 900
    spike_history_days: Annotated[int, Bound("days", "T06 T07", "with use before the window: fewer say nothing")] = 5
    spike_percentile: Annotated[int, Bound("%", "T06 T07", "of the days before, by nearest rank")] = 90
    spike_pct: Annotated[int, Bound("%", "T06 T07", "of that percentile")] = 300
    spike_kwh: Annotated[int, Bound("kWh", "T06", "on a day: less is no spike")] = 100
    spike_amount: Annotated[int, Bound("currency", "T07", "on a day, in the CDR's currency: less is no spike")] = 60
    crowd_accounts: Annotated[int, Bound("accounts", "T08", "at one EVSE within the window")] = 5
    crowd_seconds: Annotated[int, Bound("s", "T08", "the window")] = 900
    watch_score: Annotated[int, Bound("points", "", "from here the token is to be watched")] = 20
    block_score: Annotated[int, Bound("points", "", "from here it is to be blocked, or replaced")] = 60


RISK_DEFAULTS: Final = RiskThresholds()
RISK_NAMES: Final = tuple(each.name for each in fields(RISK_DEFAULTS))


def risk_bounds() -> dict[str, Bound]:
    """Give what is said about each threshold, by name."""
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(RiskThresholds, include_extras=True).items()}


class RiskThresholdError(ValueError):
    """Raised where a threshold is named that does not exist, or its value is none."""


def read_risk_thresholds(chosen: Mapping[str, Decimal | int]) -> RiskThresholds:
    """Give the thresholds with those replaced that a setting names.

    Raises:
        RiskThresholdError: on an unknown name or a value that is no whole number of at least 0; the message names it.
    """
    return replace(RISK_DEFAULTS, **{name: _value(name, value) for name, value in chosen.items()})


def _value(name: str, value: Decimal | int) -> int:
    if name not in RISK_NAMES:
        msg = f"no threshold is called {name!r}: it is one of {', '.join(RISK_NAMES)}"
        raise RiskThresholdError(msg)
    most = 100 if name == "spike_percentile" else 10**8
    least = 1 if name == "spike_percentile" else 0
    if value != int(value) or not least <= value <= most:
        msg = f"{name} must be a whole number from {least} to {most}, found {value}"
        raise RiskThresholdError(msg)
    return int(value)
