"""Time zones of locations: published with the location, needed by every CDR there, and named by none (OCPI #517)."""

from __future__ import annotations

import polars as pl


def zones_of(connectors: pl.DataFrame) -> pl.DataFrame:
    """Give the zone of each location: of its newest connector that names one."""
    return (
        connectors.filter(pl.col("time_zone").is_not_null())
        .sort("last_updated_at", "connector_key")
        .with_columns(_cpo=pl.col("cpo_id").str.to_uppercase(), _location=pl.col("location_id").str.to_uppercase())
        .unique(["_cpo", "_location"], keep="last", maintain_order=True)
        .select("_cpo", "_location", "time_zone")
    )


def with_zone(cdrs: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """Add the location's time zone; null where the peer never published it.

    Few locations have many CDRs: each is looked up once, whatever its spelling.
    """
    location = ["cpo_id", "location_id"]
    spelled = (
        cdrs.select(location)
        .unique()
        .with_columns(_cpo=pl.col("cpo_id").str.to_uppercase(), _location=pl.col("location_id").str.to_uppercase())
    )
    known = spelled.join(zones, on=["_cpo", "_location"], how="left", validate="m:1").select(*location, "time_zone")
    # Of the CDRs only the two columns are joined: all others would be copied, and a month of them is much memory.
    zones_of_cdrs = cdrs.select(location).join(
        known, on=location, how="left", nulls_equal=True, maintain_order="left", validate="m:1"
    )
    return cdrs.with_columns(zones_of_cdrs["time_zone"])
