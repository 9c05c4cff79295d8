"""Reference sessions through the kernel: every distinct one once, all of them in one call.

Ten thousand connectors share a few hundred situations: the same tariff versions, the same zone, the same start. Those
are what is cut into periods and priced; connectors and plans only point at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from models.ocpi.canonical import ChargingPeriod, Restrictions
from models.rating.kernel import rate
from models.rating.outcome import Reason
from models.rating.policy import DEFAULT_POLICY, HourSnapping, Policy, read_choices
from models.rating.splitting import charging_periods
from models.schemas.registry import Layer, table
from models.types.vocabularies import RatingOutcome
from pipelines.lib.quotes.profiles import Profile

SITUATION: Final = ("version_ids", "currency", "time_zone", "started_at", "policy")
"""What decides about a price, beside the session itself."""

_MONTH: Final = date(1970, 1, 1)
_PERIODS: Final = table(Layer.TYPED, "charging_periods")
_RESTRICTIONS: Final = tuple(name for name in Restrictions.__slots__ if name != "days_of_week")
_PRICE_SCHEMA: Final = ("situation", "profile", "total_excl_vat", "total_incl_vat", "not_priced")


def quoted(policy: Policy) -> Policy:
    """Give a policy as quotes follow it: a reference session lasts whole seconds, also in nine decimals of an hour."""
    return replace(policy, hour_snapping=HourSnapping.WHOLE_SECONDS)


def price_situations(
    situations: pl.DataFrame, profiles: Sequence[Profile], versions: pl.DataFrame, components: pl.DataFrame
) -> pl.DataFrame:
    """Price every profile in every situation.

    Args:
        situations: distinct rows of `SITUATION` with their number, `situation`; `policy` lists choices on contested
            points as `Policy` prints itself.
        profiles: the reference sessions.
        versions: `typed/tariff_versions`.
        components: `typed/tariff_components`.

    Returns:
        One row per `situation` and `profile` (its place in `profiles`): `total_excl_vat`, `total_incl_vat`, and
        `not_priced`, the reason where there is no price.
    """
    restrictions = _restrictions(components)
    sessions: list[dict[str, object]] = []
    periods: list[dict[str, object]] = []
    for row in situations.sort("situation").iter_rows(named=True):
        found = [each for version in row["version_ids"] for each in restrictions.get(version, ())]
        zone = ZoneInfo(row["time_zone"]) if row["time_zone"] else None
        for number, profile in enumerate(profiles):
            session = profile.starting(row["started_at"])
            key = f"{row['situation']}:{number}"
            sessions.append({**row, "cdr_key": key, "profile": number, "ended_at": session.ended_at})
            periods += _period_rows(key, charging_periods(session, found, zone))
    return _rated(situations, sessions, periods, versions, components)


def _rated(
    situations: pl.DataFrame,
    sessions: list[dict[str, object]],
    periods: list[dict[str, object]],
    versions: pl.DataFrame,
    components: pl.DataFrame,
) -> pl.DataFrame:
    asked = {
        "cdr_key": pl.String(),
        "profile": pl.Int64(),
        "ended_at": pl.Datetime("us", "UTC"),
        **situations.schema,
    }
    frame = pl.DataFrame(sessions, schema=asked).with_columns(pl.lit(_MONTH).alias("billing_month"))
    cut = pl.DataFrame(periods, schema=_PERIODS.schema)
    kernel_input = frame.rename({"version_ids": "tariff_version_ids"}).drop("situation", "profile")
    parts = [
        rate(part.drop("policy"), cut, versions, components, DEFAULT_POLICY.choosing(read_choices(str(choices)))).cdrs
        for (choices,), part in kernel_input.group_by("policy", maintain_order=True)
    ] or [rate(kernel_input.drop("policy"), cut, versions, components).cdrs]
    prices = pl.concat(parts).select("cdr_key", "outcome", "reason", "total_excl_vat", "total_incl_vat")
    joined = frame.join(prices, on="cdr_key", how="left", maintain_order="left", validate="1:1")
    declined = pl.when(pl.col("outcome") != str(RatingOutcome.PRICED)).then("reason").alias("not_priced")
    return joined.with_columns(declined).select(_PRICE_SCHEMA)


def without_tariff() -> pl.Expr:
    """Give the reason of an offer that has no tariff at all."""
    return pl.lit(str(Reason.NO_TARIFF))


def _restrictions(components: pl.DataFrame) -> dict[str, list[Restrictions]]:
    """Read the restrictions of every tariff version, once per element."""
    elements = components.unique(["tariff_version_id", "element_index"]).sort("tariff_version_id", "element_index")
    found: dict[str, list[Restrictions]] = {}
    for row in elements.iter_rows(named=True):
        days = frozenset(day for day in range(7) if row["days_of_week_mask"] >> day & 1)
        bounds = {name: row[name] for name in _RESTRICTIONS}
        found.setdefault(row["tariff_version_id"], []).append(Restrictions(days_of_week=days, **bounds))
    return found


def _period_rows(key: str, periods: Sequence[ChargingPeriod]) -> list[dict[str, object]]:
    return [
        {
            "cdr_key": key,
            "period_index": index,
            **{name: getattr(period, name, None) for name in _PERIODS.schema if name in ChargingPeriod.__slots__},
            "billing_month": _MONTH,
        }
        for index, period in enumerate(periods)
    ]


def local_day(instant: datetime, zone: str) -> date:
    """Give the calendar day of an instant at a place."""
    return instant.astimezone(ZoneInfo(zone)).date()
