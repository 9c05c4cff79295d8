"""Pairs of uses of one token: side by side in time, or one after the other, with the distance between them.

All frames are sorted by token and start, as `Activity.uses` is, so that the other use is found by looking back a row.
"""

from datetime import timedelta
from typing import Final

import polars as pl

from models.reconciliation.geography import distance_km
from models.reconciliation.overlaps import later_starting

_BESIDE: Final = ("use", "started_at", "ended_at", "latitude", "longitude")
"""what is told of the other use, under `other_` names"""


def overlapping(sessions: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Give the judged sessions that start while another of their token runs, with `other_` columns, `distance_km`."""
    numbered = sessions.rename({"use": "cdr_number"})
    pairs = later_starting(numbered, "token", tolerance).rename({"cdr_number": "use", "other_number": "other_use"})
    other = sessions.select(pl.col(name).alias(f"other_{name}") for name in _BESIDE)
    later = sessions.filter("is_judged").join(pairs, on="use", how="inner", validate="1:1")
    return _with_distance(later.join(other, on="other_use", how="inner", validate="m:1"))


def asked_meanwhile(uses: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Give the judged authorizations that were asked for while the last session of their token ran."""
    last = [
        pl.when("is_session").then(name).forward_fill().alias(f"other_{name}")
        for name in ("use", "token", "started_at", "ended_at")
    ]
    asked = uses.with_columns(last).filter(
        pl.col("is_judged"),
        ~pl.col("is_session"),
        pl.col("other_token") == pl.col("token"),
        pl.col("started_at") - pl.col("other_started_at") > tolerance,
        pl.col("other_ended_at") - pl.col("started_at") > tolerance,
    )
    places = uses.select(pl.col(name).alias(f"other_{name}") for name in ("use", "latitude", "longitude"))
    return _with_distance(asked.drop("other_token").join(places, on="other_use", how="inner", validate="m:1"))


def journeys(uses: pl.DataFrame) -> pl.DataFrame:
    """Give the judged uses that begin after the use before them, of the same token, had ended; with `seconds`.

    Of uses without coordinates nothing can be said: they are passed over, and the use before them counts.
    """
    placed = uses.filter("is_held").drop_nulls(["latitude", "longitude"])
    before = [pl.col(name).shift(1).alias(f"other_{name}") for name in (*_BESIDE, "token")]
    pairs = placed.with_columns(before).filter(
        pl.col("is_judged"),
        pl.col("other_token") == pl.col("token"),
        pl.col("other_ended_at") <= pl.col("started_at"),
        (pl.col("latitude") != pl.col("other_latitude")) | (pl.col("longitude") != pl.col("other_longitude")),
    )
    seconds = (pl.col("started_at") - pl.col("other_ended_at")).dt.total_seconds()
    return _with_distance(pairs.with_columns(seconds.alias("seconds")))


def _with_distance(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(
        distance_km("latitude", "longitude", "other_latitude", "other_longitude").alias("distance_km")
    )
