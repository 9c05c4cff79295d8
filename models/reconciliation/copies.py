"""Records that tell the same session twice, and credits that take one back.

Of several records of a session the one that the CPO wrote first is the original, and only the others are copies: a rule
that flagged both would hold a good claim.
"""

import polars as pl

from models.reconciliation.thresholds import Thresholds

_WRITTEN = ("last_updated_at", "received_at", "cdr_key")
"""The order in which a CPO wrote its records; the key decides what the instants leave open."""


def taken_back(cdrs: pl.DataFrame) -> pl.Series:
    """Give the keys of the CDRs that credit CDRs of the same CPO take back (ids compare without case, OCPI 10.3.1)."""
    original = pl.format("{}*{}", "cpo_id", "credit_reference_id").str.to_uppercase().alias("cdr_key")
    return cdrs.filter("is_credit").select(original).drop_nulls().unique().get_column("cdr_key").sort()


def with_credit_status(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Add `is_credited`: a credit CDR among these takes this one back."""
    is_credited = pl.col("cdr_key").is_in(taken_back(cdrs).implode()) & ~pl.col("is_credit")
    return cdrs.with_columns(is_credited.alias("is_credited"))


def standing(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Keep the claims that stand: no credit CDRs, and nothing `is_credited`."""
    return cdrs.filter(~pl.col("is_credit") & ~pl.col("is_credited"))


def copies_by_session(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Give one row per CDR (`cdr_key`, `original_key`) that repeats a session id of its CPO."""
    session = pl.format("{}*{}", "cpo_id", "session_id").str.to_uppercase()
    claims = standing(cdrs).with_columns(session.alias("session")).filter(pl.col("session").is_not_null())
    first = pl.col("cdr_key").first().over("session")
    numbered = claims.sort(_WRITTEN).with_columns(first.alias("original_key"))
    return numbered.filter(pl.col("cdr_key") != pl.col("original_key")).select("cdr_key", "original_key")


def copies_by_start(cdrs: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Give one row per CDR (`cdr_key`, `original_key`) that tells a session again under a new id.

    The same token at the same EVSE, starts within the threshold, and overlapping in time: a charge that failed after
    twenty seconds and was started again does not overlap and is no copy.
    """
    originals = [pl.col(name).first().over("cluster").alias(f"original_{name}") for name in _ORIGINAL]
    clusters = _starting_together(standing(cdrs), thresholds).sort(_WRITTEN)
    compared = clusters.with_columns(originals).rename({"original_cdr_key": "original_key"})
    near = (pl.col("started_at") - pl.col("original_started_at")).abs() <= thresholds.duplicate_start
    overlapping = (pl.col("started_at") < pl.col("original_ended_at")) & (
        pl.col("original_started_at") < pl.col("ended_at")
    )
    is_copy = (pl.col("cdr_key") != pl.col("original_key")) & near & overlapping
    return compared.filter(is_copy).select("cdr_key", "original_key", "original_started_at")


def _starting_together(claims: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Keep the few claims that start close to another one of the same token and EVSE, with the number of their cluster.

    One sort and comparisons of neighbouring rows: grouping by four text columns would cost ten times as much.
    """
    place = ("cpo_id", "token_uid", "location_id", "evse_uid")
    ordered = claims.drop_nulls(place).sort(*place, "started_at", "cdr_key")
    same_place = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in place)
    follows = (same_place & (pl.col("started_at").diff() <= thresholds.duplicate_start)).fill_null(False)
    linked = ordered.with_columns(follows.alias("follows")).with_columns(
        (~pl.col("follows")).cum_sum().alias("cluster")
    )
    return linked.filter(pl.col("follows") | pl.col("follows").shift(-1, fill_value=False))


_ORIGINAL = ("cdr_key", "started_at", "ended_at")


def copy_keys(cdrs: pl.DataFrame, thresholds: Thresholds) -> pl.Series:
    """Give the keys of all copies, by session id or by start."""
    claims = with_credit_status(cdrs)
    found = [copies_by_session(claims), copies_by_start(claims, thresholds)]
    return pl.concat([frame.select("cdr_key") for frame in found]).unique().get_column("cdr_key").sort()
