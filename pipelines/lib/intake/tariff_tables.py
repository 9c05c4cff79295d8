"""Which telling of a tariff's version is shown, of all that ever came, and when it was known first."""

from __future__ import annotations

from typing import Final

import polars as pl

from models.schemas.registry import Layer, table
from models.types.vocabularies import TariffSource

_TOLD: Final = ("connection_id", "module", "ocpi_version", "page_sha256", "page_position")
"""what says by which record a tariff version was first told"""
_SOURCE_RANK: Final = {str(TariffSource.PUBLISHED): 0, str(TariffSource.PLAN): 1, str(TariffSource.CDR): 2}


def shown_versions(received: pl.DataFrame, of_plans: pl.DataFrame) -> pl.DataFrame:
    """Give `typed/tariff_versions`, one row per content; the first to bring a content dates it.

    Its place is that of the first record, even where the row shows what another said: where a CDR brought what was
    published later, the row is the published one, and `module` says that the place is a CDR's.

    Args:
        received: landed versions, in the order received.
        of_plans: those of our own price lists, which were never received.
    """
    rank = pl.col("source").replace_strict(_SOURCE_RANK, return_dtype=pl.Int8)
    first = received.sort("known_from", rank, maintain_order=True).unique("tariff_version_id", keep="first")
    told = ("known_from", "last_updated_at", "tariff_id", "owner_id", "tariff_type")
    ordered = pl.concat([received, of_plans]).sort(rank, *told, nulls_last=True)
    dated = ordered.with_columns(known_from=pl.col("known_from").min().over("tariff_version_id"))
    shown = dated.unique("tariff_version_id", keep="first").drop(_TOLD)
    placed = shown.join(first.select("tariff_version_id", *_TOLD), on="tariff_version_id", how="left")
    return placed.sort("tariff_version_id")


def shown_components(received: pl.DataFrame, of_plans: pl.DataFrame) -> pl.DataFrame:
    """Give `typed/tariff_components`: of a version that came twice the first, for they are the same."""
    key = table(Layer.TYPED, "tariff_components").key
    return pl.concat([received, of_plans]).unique(key, keep="first").sort(key)
