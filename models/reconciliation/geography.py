"""Distances between charge points. Coordinates are the one place where floats are fine."""

import polars as pl

_EARTH_RADIUS_KM = 6371.0088
"""the mean radius (IUGG)"""


def distance_km(latitude: str, longitude: str, other_latitude: str, other_longitude: str) -> pl.Expr:
    """Give the great-circle distance of two points in degrees (haversine); null where a coordinate is unknown."""
    here, there = _radians(latitude), _radians(other_latitude)
    across = _radians(other_longitude) - _radians(longitude)
    half = ((there - here) / 2).sin().pow(2) + here.cos() * there.cos() * (across / 2).sin().pow(2)
    return 2 * _EARTH_RADIUS_KM * half.sqrt().clip(0, 1).arcsin()


def _radians(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64).radians()
