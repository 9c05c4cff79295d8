"""How assets are keyed: `[layer, name]`, as the tables of the lake are."""

import dagster as dg

from models.schemas.registry import Layer


def asset_key(layer: Layer, name: str) -> dg.AssetKey:
    """Give the key of a table's asset, in plain strings: Dagster writes keys into its records and refuses an enum."""
    return dg.AssetKey([str(layer), name])


def asset_keys(layer: Layer, *names: str) -> list[dg.AssetKey]:
    """Give the keys of several tables of one layer."""
    return [asset_key(layer, name) for name in names]
