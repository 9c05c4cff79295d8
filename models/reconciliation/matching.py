"""Which authorization each CDR belongs to: by reference, else by token, window and location, else none with a reason.

One authorization serves one CDR. Where several fit, the pairs are ordered by how well they fit, and the best pair is
taken first, then the best of what is left. Taking in each round every pair that is the best of both its partners gives
exactly that assignment without walking over rows, whatever the order of the rows was.
"""

from datetime import timedelta
from typing import Final

import polars as pl

from models.reconciliation.copies import copy_keys, taken_back, with_credit_status
from models.reconciliation.thresholds import DEFAULTS, Thresholds
from models.schemas.registry import Layer, table
from models.types.vocabularies import MatchKind

_ALLOWED: Final = "ALLOWED"
_WHITELIST: Final = "WHITELIST"

_NEAREST: Final = 8
"""Authorizations of a token looked at on either side of a session's start. It keeps the work linear for a token that
asks a thousand times in a quarter of an hour."""

_SECONDS_BITS: Final = 36
"""Room for epoch seconds (until the year 4147) below the token's number in one integer key."""


def match(
    cdrs: pl.DataFrame,
    neighbours: pl.DataFrame,
    authorizations: pl.DataFrame,
    taken: pl.Series,
    thresholds: Thresholds = DEFAULTS,
) -> pl.DataFrame:
    """Give `matched/matches`, one row per CDR, sorted by key.

    Args:
        cdrs: `typed/cdrs` to match.
        neighbours: CDRs of earlier months, which may be originals of copies; they are not matched again.
        authorizations: `typed/authorizations` around the CDRs.
        taken: ids of authorizations that earlier months used, see `taken_authorizations`.
        thresholds: names the time window.
    """
    copies = copy_keys(pl.concat([cdrs, neighbours], how="vertical"), thresholds)
    claims = _claims(with_credit_status(cdrs), copies)
    offers = _offers(authorizations, taken)
    by_reference = _assign(_pairs_by_reference(claims, offers))
    rest = claims.join(by_reference, on="cdr_key", how="anti")
    unused = offers.join(by_reference, on="authorization_id", how="anti")
    by_window = _assign(_pairs_by_window(rest, unused, thresholds))
    matched = pl.concat(
        [
            by_reference.with_columns(pl.lit(str(MatchKind.BY_REFERENCE)).alias("match_kind")),
            by_window.with_columns(pl.lit(str(MatchKind.BY_TOKEN_WINDOW_LOCATION)).alias("match_kind")),
        ],
        how="vertical",
    )
    return _as_matches(cdrs, matched, authorizations, thresholds)


def taken_authorizations(earlier: pl.DataFrame, cdrs: pl.DataFrame) -> pl.Series:
    """Give the ids of authorizations that `earlier` matches used, except by CDRs that `cdrs` takes back by a credit."""
    credited = taken_back(cdrs)
    return (
        earlier.filter(~pl.col("cdr_key").is_in(credited.implode())).get_column("authorization_id").drop_nulls().sort()
    )


def _claims(cdrs: pl.DataFrame, copies: pl.Series) -> pl.DataFrame:
    """Keep the CDRs that may use an authorization, with their place in the queue.

    Copies come after originals and whitelisted sessions after those that had to ask, so that a good claim never
    loses its authorization to a false or a needless one. Credits use none, and what was credited leaves its
    authorization to its replacement.
    """
    is_copy = pl.col("cdr_key").is_in(copies.implode())
    whitelisted = pl.col("auth_method").eq_missing(_WHITELIST)
    return cdrs.filter(~pl.col("is_credit") & ~pl.col("is_credited")).select(
        "cdr_key",
        "started_at",
        "last_updated_at",
        _upper("cpo_id"),
        _upper("location_id"),
        _upper("token_uid"),
        _upper("authorization_reference"),
        (is_copy.cast(pl.Int8) * 2 + whitelisted.cast(pl.Int8)).alias("queue"),
    )


def _offers(authorizations: pl.DataFrame, taken: pl.Series) -> pl.DataFrame:
    """Keep the authorizations that were granted and are not used yet."""
    is_free = (pl.col("result") == _ALLOWED) & ~pl.col("authorization_id").is_in(taken.implode())
    return authorizations.filter(is_free).select(
        "authorization_id",
        "authorized_at",
        _upper("token_uid"),
        _upper("authorization_reference"),
        _upper("location_id").alias("authorized_location_id"),
        _upper("cpo_id").alias("authorized_cpo_id"),
    )


def _pairs_by_reference(claims: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Pair what shares token and reference; of several authorizations under one reference the last counts (OCPI)."""
    on = ("token_uid", "authorization_reference")
    last = offers.drop_nulls(on).sort("authorized_at", "authorization_id").unique(on, keep="last", maintain_order=True)
    return claims.drop_nulls(on).join(last, on=on, how="inner")


def _pairs_by_window(claims: pl.DataFrame, offers: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Pair what shares the token, lies within the window, and does not name two different places."""
    numbers = offers.select("token_uid").unique().sort("token_uid").with_row_index("token_number")
    queue = _numbered(claims, numbers, "started_at").sort("cdr_key")
    line = _numbered(offers, numbers, "authorized_at").sort("_key", "authorized_at", "authorization_id")
    place = line.get_column("_key").search_sorted(queue.get_column("_key"))
    near = (
        queue.with_columns(place.cast(pl.Int64).alias("_place"))
        .with_columns(pl.int_ranges(pl.col("_place") - _NEAREST, pl.col("_place") + _NEAREST).alias("_place"))
        .explode("_place")
    )
    candidates = near.join(line.with_row_index("_place").with_columns(pl.col("_place").cast(pl.Int64)), on="_place")
    return candidates.filter((pl.col("token_uid") == pl.col("token_uid_right")) & _within(thresholds) & _same_place())


def _numbered(frame: pl.DataFrame, numbers: pl.DataFrame, instant: str) -> pl.DataFrame:
    """Add one integer that orders rows by token, then by second."""
    seconds = pl.col(instant).dt.epoch("s")
    key = pl.col("token_number").cast(pl.Int64) * (1 << _SECONDS_BITS) + seconds
    return frame.join(numbers, on="token_uid", how="inner", validate="m:1").with_columns(key.alias("_key"))


def _within(thresholds: Thresholds) -> pl.Expr:
    earliest = pl.col("started_at") - thresholds.authorized_before_start
    return pl.col("authorized_at").is_between(earliest, pl.col("started_at") + thresholds.authorized_after_start)


def _same_place() -> pl.Expr:
    """An authorization without a location fits any place of the operator that asked; without an operator, any."""
    location, operator = pl.col("authorized_location_id"), pl.col("authorized_cpo_id")
    return (operator.is_null() | (operator == pl.col("cpo_id"))) & (
        location.is_null() | (location == pl.col("location_id"))
    )


def _assign(pairs: pl.DataFrame) -> pl.DataFrame:
    """Choose pairs so that no CDR and no authorization stands in two, best pairs first."""
    elsewhere = ~pl.col("authorized_location_id").eq_missing(pl.col("location_id"))
    distance = (pl.col("started_at") - pl.col("authorized_at")).abs()
    order = ("queue", elsewhere, distance, "last_updated_at", "cdr_key", "authorized_at", "authorization_id")
    open_pairs = pairs.sort(order).with_row_index("rank").select("rank", "cdr_key", "authorization_id")
    chosen = [open_pairs.select("cdr_key", "authorization_id").clear()]
    while not open_pairs.is_empty():
        best_of_both = (pl.col("rank") == pl.col("rank").min().over("cdr_key")) & (
            pl.col("rank") == pl.col("rank").min().over("authorization_id")
        )
        best = open_pairs.filter(best_of_both).select("cdr_key", "authorization_id")
        chosen.append(best)
        open_pairs = open_pairs.join(best, on="cdr_key", how="anti").join(best, on="authorization_id", how="anti")
    return pl.concat(chosen, how="vertical")


def _as_matches(
    cdrs: pl.DataFrame, matched: pl.DataFrame, authorizations: pl.DataFrame, thresholds: Thresholds
) -> pl.DataFrame:
    instants = authorizations.select("authorization_id", "authorized_at")
    reason = pl.when(pl.col("authorization_id").is_null()).then(_reason(thresholds))
    return (
        cdrs.join(matched, on="cdr_key", how="left", validate="1:1")
        .join(instants, on="authorization_id", how="left", validate="m:1")
        .with_columns(
            pl.col("match_kind").fill_null(str(MatchKind.NONE)),
            (pl.col("started_at") - pl.col("authorized_at")).dt.total_seconds().alias("seconds_from_authorization"),
            reason.alias("reason"),
        )
        .select(list(table(Layer.MATCHED, "matches").schema))
        .sort("cdr_key")
    )


def _reason(thresholds: Thresholds) -> pl.Expr:
    """Say why a CDR has no authorization."""
    before, after = _minutes(thresholds.authorized_before_start), _minutes(thresholds.authorized_after_start)
    window = f"no granted authorization of this token from {before} min before to {after} min after the start"
    return (
        pl.when("is_credit")
        .then(pl.lit("a credit CDR uses no authorization"))
        .when(pl.col("token_uid").is_null())
        .then(pl.lit("the CDR names no token"))
        .when(pl.col("authorization_reference").is_null())
        .then(pl.lit(f"no reference given, and {window} at this location is free"))
        .otherwise(
            pl.format(
                "reference {} is unknown, refused or used by another CDR, and {} at this location is free",
                "authorization_reference",
                pl.lit(window),
            )
        )
    )


def _minutes(window: timedelta) -> int:
    return int(window.total_seconds()) // 60


def _upper(name: str) -> pl.Expr:
    return pl.col(name).str.to_uppercase().alias(name)
