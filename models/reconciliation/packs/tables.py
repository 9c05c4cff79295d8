"""The tables of a month that packs are made from, cut down to the CDRs in dispute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import polars as pl

from models.reconciliation.cases import CaseEvent, CaseState
from models.reconciliation.packs.pack import Received, Sender
from models.reconciliation.thresholds import NO_OVERRIDES, Limits

Row = Mapping[str, Any]
"""one row of a table, by column"""

_ROW_ORDER: Final = {
    "periods": "period_index",
    "components": "row_index",
    "findings": "rule_id",
    "not_checked": "rule_id",
    "tariffs_at_start": "position",
}


@dataclass(frozen=True)
class PackTables:
    """Frames by the names of their contracts; those about CDRs hold at least the CDRs in dispute."""

    cdrs: pl.DataFrame
    """`typed/cdrs` of the month"""
    periods: pl.DataFrame
    connectors: pl.DataFrame
    tokens: pl.DataFrame
    matches: pl.DataFrame
    authorizations: pl.DataFrame
    """of the months around"""
    sessions: pl.DataFrame
    """of the months around"""
    verdicts: pl.DataFrame
    findings: pl.DataFrame
    not_checked: pl.DataFrame
    rated: pl.DataFrame
    """`priced/wholesale_cdrs`"""
    components: pl.DataFrame
    """`priced/wholesale_components`"""
    versions: pl.DataFrame
    """`typed/tariff_versions`"""
    prices: pl.DataFrame
    """`typed/tariff_components` with `applies` and `steps`, which say restrictions and steps in words"""
    tariffs_at_start: pl.DataFrame
    """of `models.rating.selection.tariffs_at_start`"""
    others: pl.DataFrame
    """CDRs of any month that findings name"""
    agreements: pl.DataFrame
    limits: Limits = NO_OVERRIDES
    received: Mapping[str, Received] = field(default_factory=dict[str, Received])
    """by CDR key"""
    states: Mapping[str, CaseState] = field(default_factory=dict[str, CaseState])
    events: Mapping[str, Sequence[CaseEvent]] = field(default_factory=dict[str, Sequence[CaseEvent]])
    sender: Sender | None = None

    @cached_property
    def of_cdr(self) -> Mapping[str, Mapping[str, Sequence[Row]]]:
        """Rows about CDRs: by table, then by key of the CDR, in the order of their numbers."""
        names = ("cdrs", "matches", "verdicts", "rated", *_ROW_ORDER)
        return {name: by_column(_ordered(getattr(self, name), name), "cdr_key") for name in names}

    @cached_property
    def by_id(self) -> Mapping[str, Mapping[str, Sequence[Row]]]:
        """Rows about everything else: by table, then by its id."""
        keys = {
            "authorizations": "authorization_id",
            "sessions": "session_key",
            "versions": "tariff_version_id",
            "prices": "tariff_version_id",
            "others": "cdr_key",
            "agreements": "cpo_id",
            "connectors": "connector_key",
        }
        # Peers write the uid of a card in either case.
        cards = self.tokens.with_columns(pl.col("token_uid").str.to_uppercase())
        found = {name: by_column(getattr(self, name), key) for name, key in keys.items()}
        return found | {"tokens": by_column(cards, "token_uid")}

    def rows(self, name: str, key: str | None) -> Sequence[Row]:
        """Give the rows of a table about a CDR, or with an id; none for None."""
        index = self.of_cdr.get(name) or self.by_id.get(name, {})
        return index.get(key or "", ())

    def row(self, name: str, key: str | None) -> Row:
        """Give the first such row; an empty one where there is none."""
        found = self.rows(name, key)
        return found[0] if found else {}


def by_column(frame: pl.DataFrame, column: str) -> dict[str, list[Row]]:
    """Index rows by a column of texts, in the order of the frame; rows without it are left out."""
    found: dict[str, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        if row[column] is not None:
            found.setdefault(row[column], []).append(row)
    return found


def _ordered(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.sort("cdr_key", _ROW_ORDER[name]) if name in _ROW_ORDER else frame
