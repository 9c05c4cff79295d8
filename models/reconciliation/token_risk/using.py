"""Signals about when and where a token is used: too often, twice at once, or farther apart than anyone travels."""

from datetime import timedelta
from typing import Final

import polars as pl

from models.reconciliation.token_risk.activity import Activity
from models.reconciliation.token_risk.pairs import asked_meanwhile, journeys
from models.reconciliation.token_risk.signal import lacking, occurrences, signal
from models.reconciliation.wording import instant, sentence

_SECONDS: Final = "s"


def _without_place(activity: Activity) -> pl.DataFrame:
    held = activity.uses.filter("is_held")
    return lacking(held, pl.col("latitude").is_null(), "uses at a place without coordinates: travel is not looked at")


@signal("T01", "velocity of authorizations", 20, "velocity_authorizations", "velocity_seconds")
def velocity(activity: Activity) -> pl.DataFrame:
    """The token asks more often within ten minutes (6) than somebody does at a charger that will not start."""
    limits = activity.limits
    asked, window = activity.uses.filter(~pl.col("is_session")), pl.duration(seconds=limits.velocity_seconds)
    before = pl.col("started_at").shift(limits.velocity_authorizations)
    same = pl.col("token") == pl.col("token").shift(limits.velocity_authorizations)
    fast = asked.filter(same & (pl.col("started_at") - before <= window) & pl.col("is_judged"))
    counted = _within(asked.join(fast.select("token").unique(), on="token", how="semi"), limits.velocity_seconds)
    hit = activity.with_keys(fast.join(counted, on="use", how="inner", validate="1:1"))
    return occurrences(
        hit,
        badness=pl.col("count"),
        message=sentence(
            "{} authorizations within {} s up to {}",
            "count",
            pl.lit(limits.velocity_seconds),
            instant(pl.col("started_at")),
        ),
        measured=pl.col("count"),
        permitted=pl.lit(limits.velocity_authorizations),
        unit=pl.lit("authorizations"),
        seconds_between=(pl.col("started_at") - pl.col("window_start")).dt.total_seconds(),
    )


def _within(asked: pl.DataFrame, seconds: int) -> pl.DataFrame:
    """Count per authorization those of its token in the window that ends with it (`count`, `window_start`)."""
    rolled = asked.rolling("started_at", period=f"{seconds}s", closed="both", group_by="token")
    counted = rolled.agg(pl.col("use").last(), pl.len().alias("count"), pl.col("started_at").first().alias("since"))
    # Of authorizations in one instant each gets the same window, whose last one stands for them.
    return counted.unique(subset="use").select("use", "count", pl.col("since").alias("window_start"))


@signal("T02", "overlapping sessions", 20, "overlap_seconds", "apart_km", "travel_kmh")
def overlap(activity: Activity) -> pl.DataFrame:
    """The token starts a session while another of its sessions runs, near enough to have been carried there.

    Also where a place is unknown. Two cards of one contract or group are two tokens, and may charge at once.
    """
    broken = activity.with_keys(activity.overlaps.filter(~_is_out_of_reach(activity)))
    lasted = (pl.min_horizontal("ended_at", "other_ended_at") - pl.col("started_at")).dt.total_seconds()
    return occurrences(
        broken,
        badness=lasted,
        message=sentence(
            "starts at {} while {} runs until {}, {} km away",
            instant(pl.col("started_at")),
            "other_use_key",
            instant(pl.col("other_ended_at")),
            pl.col("distance_km").round(1),
        ),
        other_key=pl.col("other_use_key"),
        measured=lasted,
        permitted=pl.lit(activity.limits.overlap_seconds),
        unit=pl.lit(_SECONDS),
        distance_km=pl.col("distance_km").round(3),
        seconds_between=(pl.col("started_at") - pl.col("other_started_at")).dt.total_seconds(),
        amount=pl.col("amount"),
        currency=pl.col("currency"),
    )


@signal("T03", "impossible travel", 40, "travel_km", "travel_kmh", abstain=_without_place)
def travel(activity: Activity) -> pl.DataFrame:
    """The card is used more than 20 km from its last use, sooner after that ended than anyone drives (130 km/h).

    The great circle is the shortest way there is, so a ferry or a long drive stays below. Apps are used from anywhere.
    """
    way, limits = pl.col("distance_km") * 3600, activity.limits
    too_fast = (pl.col("distance_km") > limits.travel_km) & (way > pl.col("seconds") * limits.travel_kmh)
    broken = activity.with_keys(journeys(activity.uses).filter(too_fast))
    speed = (way / pl.max_horizontal(pl.col("seconds"), pl.lit(1))).round(0).cast(pl.Int64)
    return occurrences(
        broken,
        badness=speed,
        message=sentence(
            "{} km in {} s after {}: {} km/h", pl.col("distance_km").round(1), "seconds", "other_use_key", speed
        ),
        other_key=pl.col("other_use_key"),
        measured=speed,
        permitted=pl.lit(limits.travel_kmh),
        unit=pl.lit("km/h"),
        distance_km=pl.col("distance_km").round(3),
        seconds_between=pl.col("seconds"),
        amount=pl.col("amount"),
        currency=pl.col("currency"),
    )


@signal("T09", "cloned card", 60, "apart_km", "travel_kmh", "overlap_seconds", abstain=_without_place)
def cloned(activity: Activity) -> pl.DataFrame:
    """The card is used elsewhere while its session runs, sooner after that began than it could be carried there.

    Only two cards can do that. Authorizations count, refused ones too: a copy is tried before it charges.
    """
    asked = asked_meanwhile(activity.uses, timedelta(seconds=activity.limits.overlap_seconds))
    both = pl.concat([activity.overlaps, asked.select(activity.overlaps.columns)], how="vertical")
    broken = activity.with_keys(both.filter(_is_out_of_reach(activity)))
    seconds = (pl.col("started_at") - pl.col("other_started_at")).dt.total_seconds()
    return occurrences(
        broken,
        badness=pl.col("distance_km").round(3),
        message=sentence(
            "used at {}, {} km from {}, which began {} s before and still ran",
            instant(pl.col("started_at")),
            pl.col("distance_km").round(1),
            "other_use_key",
            seconds,
        ),
        other_key=pl.col("other_use_key"),
        measured=pl.col("distance_km").round(3),
        permitted=pl.lit(activity.limits.apart_km),
        unit=pl.lit("km"),
        distance_km=pl.col("distance_km").round(3),
        seconds_between=seconds,
        amount=pl.col("amount"),
        currency=pl.col("currency"),
    )


def _is_out_of_reach(activity: Activity) -> pl.Expr:
    """Tell whether a card could not have been carried from the start of the other session to this use."""
    limits, way = activity.limits, pl.col("distance_km")
    seconds = (pl.col("started_at") - pl.col("other_started_at")).dt.total_seconds()
    is_far = (way > limits.apart_km) & (way * 3600 > seconds * limits.travel_kmh)
    return (pl.col("is_held") & is_far).fill_null(False)
