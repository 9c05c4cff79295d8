"""Which tariff version prices a CDR for the wholesale audit.

What a CPO may claim is the price that it had *published* when the session started. A CDR carries its tariffs with it,
but those are the claim itself, so they are only the fallback, unless the agreement says that they come first
(`TariffPrecedence`). Tariffs are bitemporal: a version is valid between its
own dates, and it was there from its `last_updated_at` on. A version that the CPO wrote after the session cannot have
priced it, so it serves only where nothing else is known at all.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from models.frames import beside, rows_in, sorted_by
from models.rating.policy import TariffPrecedence
from models.types.vocabularies import TariffSource

TARIFF_NOT_PUBLISHED: Final = "tariff_not_published"
"""The note on a CDR that could only be priced with a tariff of its own, or one published after its start."""

_SESSION_COLUMNS: Final = (
    *("cdr_key", "started_at", "ended_at", "time_zone", "currency", "billing_month"),
    *("is_credit", "has_unordered_periods", "has_unknown_dimensions"),
)


@dataclass(frozen=True, slots=True)
class WholesaleSelection:
    """The kernel's `sessions`, and the notes that the choice of their tariffs leaves on the priced CDR."""

    sessions: pl.DataFrame
    """one row per CDR: `tariff_version_ids` are the candidates in order, empty where no tariff is known"""
    notes: pl.DataFrame
    """one row per CDR with a note (`cdr_key`, `note`)"""


def select_wholesale(
    cdrs: pl.DataFrame,
    periods: pl.DataFrame,
    versions: pl.DataFrame,
    connectors: pl.DataFrame,
    precedence: TariffPrecedence = TariffPrecedence.PUBLISHED_FIRST,
) -> WholesaleSelection:
    """Choose the tariff versions that price each CDR: published at its start, else its own, or the other way round.

    Args:
        cdrs: `typed/cdrs`.
        periods: `typed/charging_periods` of the same CDRs.
        versions: `typed/tariff_versions`.
        connectors: `typed/connectors`.
        precedence: which of the two comes first.
    """
    named = tariffs_at_start(cdrs, periods, versions, connectors)
    if precedence is TariffPrecedence.CDR_FIRST:
        named = named.with_columns(pl.coalesce("own_version_id", "chosen_version_id").alias("chosen_version_id"))
    chosen = (
        named.sort("cdr_key", "position")
        .group_by("cdr_key", maintain_order=True)
        .agg(pl.col("chosen_version_id").drop_nulls().unique(maintain_order=True).alias("tariff_version_ids"))
    )
    sessions = beside(sorted_by(cdrs.select(_SESSION_COLUMNS), "cdr_key"), chosen).with_columns(
        pl.col("tariff_version_ids").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    )
    unpublished = named.filter(pl.col("chosen_version_id").is_not_null() & pl.col("published_version_id").is_null())
    notes = unpublished.select("cdr_key").unique().sort("cdr_key")
    return WholesaleSelection(sessions, notes.with_columns(pl.lit(TARIFF_NOT_PUBLISHED).alias("note")))


def with_selection_notes(rated: pl.DataFrame, selection: WholesaleSelection) -> pl.DataFrame:
    """Give `priced/wholesale_cdrs`: what the kernel made of the sessions, and the notes of their selection."""
    notes = selection.notes.group_by("cdr_key", maintain_order=True).agg(pl.col("note").sort())
    noted = beside(rated, notes)
    added = pl.col("note").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    return noted.with_columns(pl.col("notes").list.concat(added)).drop("note")


def tariffs_at_start(
    cdrs: pl.DataFrame, periods: pl.DataFrame, versions: pl.DataFrame, connectors: pl.DataFrame
) -> pl.DataFrame:
    """Give one row per CDR and tariff that it names (`cdr_key`, `tariff_key`), with what was published at its start.

    Columns beside the key: `position` (the order in which it names them), `own_version_id` (inside the CDR),
    `published_version_id` (valid and known at the start), `chosen_version_id` (what prices it).

    On the way CDRs and versions go by the number of their row in the order of their keys, tariffs by category: numbers
    join and sort many times faster than texts, and keep their order.
    """
    numbered = cdrs.select(_OF_THE_CDR).sort("cdr_key").with_row_index("row")
    known = versions.select(_OF_THE_VERSION).sort("tariff_version_id").with_row_index("version")
    named = _named_tariffs(numbered, periods, known, connectors)
    candidates = named.select("naming", "tariff_key", numbered.get_column("started_at").gather(named["row"])).join(
        known.filter(pl.col("source") == str(TariffSource.PUBLISHED)), on="tariff_key", how="inner"
    )
    in_force = candidates.filter(_is_in_force())
    was_there = pl.col("last_updated_at").is_null() | (pl.col("last_updated_at") <= pl.col("started_at"))
    there = _pick(in_force.filter(was_there), "published", newest=True)
    later = _pick(in_force.filter(~was_there), "later", newest=False)
    chosen = (
        named.join(there, on="naming", how="left", maintain_order="left", validate="1:1")
        .join(later, on="naming", how="left", maintain_order="left", validate="1:1")
        .with_columns(pl.coalesce("published", "own", "later").alias("chosen"))
    )
    version_id = known.get_column("tariff_version_id")
    return chosen.select(
        numbered.get_column("cdr_key").gather(chosen["row"]),
        pl.col("tariff_key").cast(pl.String),
        "position",
        *(version_id.gather(chosen[name]).alias(f"{name}_version_id") for name in ("own", "published", "chosen")),
    )


_OF_THE_CDR: Final = (
    *("cdr_key", "cpo_id", "started_at", "tariff_version_ids"),
    *("location_id", "evse_uid", "connector_id"),
)
_OF_THE_VERSION: Final = (
    *("tariff_version_id", "source", "valid_from", "valid_to", "last_updated_at"),
    pl.col("tariff_key").cast(pl.Categorical),
)


def _named_tariffs(
    numbered: pl.DataFrame, periods: pl.DataFrame, known: pl.DataFrame, connectors: pl.DataFrame
) -> pl.DataFrame:
    """List the tariffs of each `row`, in its order: those it carries and its periods name, else its connector's.

    Each `naming` is a row of its own; `own` is the version that the CDR carries.
    """
    itself = pl.concat([_carried(numbered, known), _named_by_periods(numbered, periods)], how="vertical")
    without = numbered.filter(~pl.col("row").is_in(itself.get_column("row").implode()))
    every = pl.concat([itself, _named_by_connector(without, connectors)], how="vertical")
    row_and_tariff = pl.col("row").cast(pl.UInt64) * _CATEGORIES + pl.col("tariff_key").to_physical()
    return every.sort("row", "position").filter(row_and_tariff.is_first_distinct()).with_row_index("naming")


_CATEGORIES: Final = 2**32
"""as many as there can be: row and category make one number"""


def _carried(numbered: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    length = pl.col("tariff_version_ids").list.len()
    listed = numbered.select("row", "tariff_version_ids", pl.int_ranges(0, length).alias("position"))
    exploded = listed.filter(length > 0).explode("tariff_version_ids", "position")
    return exploded.join(
        known.select("tariff_version_id", "tariff_key", "version"),
        left_on="tariff_version_ids",
        right_on="tariff_version_id",
        how="inner",
        validate="m:1",
    ).select("row", "tariff_key", pl.col("position").cast(pl.Int64), own="version")


def _named_by_periods(numbered: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """List what periods name; of neighbours that name the same only the first is looked up."""
    naming = periods.select("cdr_key", "tariff_id", "period_index").drop_nulls("tariff_id")
    is_same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("cdr_key", "tariff_id"))
    changing = naming.filter(~is_same.fill_null(value=False))
    rows = rows_in(numbered.get_column("cdr_key"), changing.get_column("cdr_key"))
    return _with_keys(
        changing.select(
            numbered.get_column("row").gather(rows),
            numbered.get_column("cpo_id").gather(rows),
            "tariff_id",
            (pl.col("period_index").cast(pl.Int64) + _AFTER_CARRIED).alias("position"),
        ).drop_nulls("row")
    )


def _named_by_connector(numbered: pl.DataFrame, connectors: pl.DataFrame) -> pl.DataFrame:
    listed = connectors.select("connector_key", pl.col("tariff_ids").alias("tariff_id"))
    with_order = listed.explode("tariff_id", empty_as_null=False).with_columns(
        pl.int_range(pl.len()).over("connector_key").cast(pl.Int64).alias("position")
    )
    return _with_keys(
        numbered.select("row", "cpo_id", connector_key()).join(with_order, on="connector_key", how="inner")
    )


def _with_keys(naming: pl.DataFrame) -> pl.DataFrame:
    """Name tariffs by their key, which is made once for each of the few that there are."""
    parts = pl.col("cpo_id", "tariff_id").cast(pl.Categorical)
    by_category = naming.select("row", "position", parts)
    pairs = by_category.select("cpo_id", "tariff_id").unique()
    key = pl.format("{}*{}", *(pl.col(name).cast(pl.String) for name in ("cpo_id", "tariff_id"))).str.to_uppercase()
    keys = pairs.with_columns(key.cast(pl.Categorical).alias("tariff_key"))
    return by_category.join(keys, on=("cpo_id", "tariff_id"), how="inner", validate="m:1").select(
        "row", "tariff_key", "position", pl.lit(None, pl.UInt32).alias("own")
    )


def connector_key() -> pl.Expr:
    """Give the key of a CDR's connector in `typed/connectors`; null where the CDR does not name one."""
    parts = ("cpo_id", "location_id", "evse_uid", "connector_id")
    return pl.concat_str(parts, separator="*").str.to_uppercase().alias("connector_key")


def _is_in_force() -> pl.Expr:
    """Tell whether the tariff's own dates contain the session's start (half-open; an absent bound is no bound)."""
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("started_at"))
    return begun & (pl.col("valid_to").is_null() | (pl.col("started_at") < pl.col("valid_to")))


def _pick(candidates: pl.DataFrame, name: str, *, newest: bool) -> pl.DataFrame:
    """Keep one version for each `naming`: the newest or the oldest by when the CPO wrote it.

    Only those that have several are put in order: most tariffs have one version in force.
    """
    is_contested = candidates.get_column("naming").is_duplicated()
    chosen = (
        candidates.filter(is_contested)
        .sort("naming", "last_updated_at", "valid_from", "version", nulls_last=False)
        .unique(subset="naming", keep="last" if newest else "first", maintain_order=True)
    )
    picked = ("naming", pl.col("version").alias(name))
    return pl.concat([candidates.filter(~is_contested).select(picked), chosen.select(picked)], how="vertical")


_AFTER_CARRIED: Final = 1_000_000
"""Tariffs named by periods come after those that the CDR carries; no CDR carries a million."""
