"""Statements of each kind, as they were told, into the history tables of the layer `typed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from models.reference.bitemporal import beliefs
from models.schemas.registry import Layer, table

_TARIFF: Final = ("tariff_version_id", "tariff_type")
_TOKEN: Final = ("contract_id", "issuer", "group_id", "is_valid", "whitelist")
_CONNECTOR: Final = ("country", "time_zone", "power_type", "max_power_kw", "tariff_ids")
_CONTRACT: Final = ("account_id", "plan_id", "driver_id", "vehicle_id", "cost_centre")


def tariff_history(statements: pl.DataFrame) -> pl.DataFrame:
    """Give `typed/tariff_history`: a tariff says itself when it is valid, and what was told last is believed.

    Told last, not updated last: a peer that goes back to an older text says so now.
    """
    ranked = statements.sort("told_at", maintain_order=True).with_row_index("precedence")
    return _history("tariff_history", ranked, ["tariff_key"], _TARIFF)


def token_history(statements: pl.DataFrame) -> pl.DataFrame:
    """Give `typed/token_history`: a token's state holds from its `last_updated`, and ids compare without case."""
    key = [pl.col(name).str.to_uppercase().alias(f"_{name}") for name in ("token_uid", "token_type")]
    return _history("token_history", _states(statements).with_columns(key), ["_token_uid", "_token_type"], _TOKEN)


def connector_history(statements: pl.DataFrame) -> pl.DataFrame:
    """Give `typed/connector_history`: what a location said holds from its `last_updated`."""
    return _history("connector_history", _states(statements), ["connector_key"], _CONNECTOR)


def contract_history(statements: pl.DataFrame) -> pl.DataFrame:
    """Give `typed/contract_history`: a contract says itself, by local days, when it is valid.

    Args:
        statements: the contracts of every load of the master data that differed from the one before, with `told_at`.
    """
    as_instants = [pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") for name in _VALID]
    ranked = statements.sort("told_at", maintain_order=True).with_row_index("precedence").with_columns(as_instants)
    history = beliefs(_ranked(ranked), ["contract_id"], _CONTRACT)
    return _fitted("contract_history", history.with_columns(pl.col(name).dt.date() for name in _VALID))


_VALID: Final = ("valid_from", "valid_to")


def _states(statements: pl.DataFrame) -> pl.DataFrame:
    """Give statements about states their validity: from their update on, the latest update before all others."""
    return statements.with_columns(
        valid_from=pl.col("last_updated_at"),
        valid_to=pl.lit(None, pl.Datetime("us", "UTC")),
        precedence=pl.col("last_updated_at").dt.epoch("us"),
    )


def _history(name: str, statements: pl.DataFrame, key: Sequence[str], content: Sequence[str]) -> pl.DataFrame:
    return _fitted(name, beliefs(_ranked(statements), key, content))


def _ranked(statements: pl.DataFrame) -> pl.DataFrame:
    return statements.with_columns(pl.col("precedence").cast(pl.Int64))


def _fitted(name: str, history: pl.DataFrame) -> pl.DataFrame:
    hand_over = table(Layer.TYPED, name)
    return history.select(list(hand_over.schema)).cast(hand_over.schema).sort(hand_over.key)  # pyright: ignore[reportArgumentType] - a mapping of names to types is what cast takes
