"""Records that tell the same session twice, and credits that take one back.

Of several records of a session the one that the CPO wrote first is the original, and only the others are copies: a rule
that flagged both would hold a good claim.
"""

import polars as pl

from models.frames import only
from models.reconciliation.thresholds import NO_OVERRIDES, Limits

_WRITTEN = ("last_updated_at", "received_at", "cdr_key")
"""The order in which a CPO wrote its records; the key decides what the instants leave open."""

CREDIT_COLUMNS = ("cdr_key", "cpo_id", "is_credit", "credit_reference_id", "total_cost_excl_vat")
"""What tells which CDRs were taken back."""
COPY_COLUMNS = (
    *CREDIT_COLUMNS,
    *("session_id", "token_uid", "location_id", "evse_uid", "started_at", "ended_at", "total_energy_kwh"),
    *("last_updated_at", "received_at"),
)
"""What tells copies from originals. Frames are cut down to it first: sorting sixty columns takes ten times as long."""

_BODY = ("started_at", "ended_at", "total_energy_kwh", "total_cost_excl_vat")
"""What makes a second CDR of a session the same claim again, and not another one."""


def original_key() -> pl.Expr:
    """Give the key of the CDR that a credit takes back (ids compare without case, OCPI 10.3.1)."""
    return pl.format("{}*{}", "cpo_id", "credit_reference_id").str.to_uppercase().alias("original_key")


def taken_back(cdrs: pl.DataFrame) -> pl.Series:
    """Give the keys of the CDRs that credit CDRs of the same CPO take back in full.

    A credit of less than its original is a partial one, and leaves the claim standing. Where the original is not among
    `cdrs`, or an amount is unknown, the credit counts as full, which is all that OCPI knows.
    """
    if not cdrs["is_credit"].any():
        return pl.Series("cdr_key", [], pl.String)
    given = cdrs.filter("is_credit").select(original_key(), pl.col("total_cost_excl_vat").abs().alias("credited"))
    credited = given.drop_nulls("original_key").group_by("original_key").agg(_sum_if_known("credited"))
    claimed = cdrs.filter(~pl.col("is_credit")).select(
        pl.col("cdr_key").alias("original_key"), pl.col("total_cost_excl_vat").alias("total")
    )
    compared = credited.join(claimed, on="original_key", how="left", validate="1:1")
    is_partial = (pl.col("credited") < pl.col("total") - pl.lit("0.005").cast(pl.Decimal(18, 9))).fill_null(False)
    return compared.filter(~is_partial).get_column("original_key").alias("cdr_key").sort()


def _sum_if_known(name: str) -> pl.Expr:
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum())


def with_credit_status(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Add `is_credited`: credit CDRs among these take this one back in full."""
    is_credited = pl.col("cdr_key").is_in(taken_back(cdrs).implode()) & ~pl.col("is_credit")
    return cdrs.with_columns(is_credited.alias("is_credited"))


def standing(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Keep the claims that stand: no credit CDRs, and nothing `is_credited`."""
    return only(cdrs, ~pl.col("is_credit") & ~pl.col("is_credited"))


def copies_by_session(cdrs: pl.DataFrame) -> pl.DataFrame:
    """Give one row per CDR (`cdr_key`, `original_key`, `is_same_claim`) that repeats a session id of its CPO."""
    claims = _twice(standing(cdrs.select(*COPY_COLUMNS, "is_credited")).drop_nulls("session_id"))
    session = pl.format("{}*{}", "cpo_id", pl.col("session_id").str.to_uppercase())
    first = [pl.col(name).first().over("session").alias(f"original_{name}") for name in ("cdr_key", *_BODY)]
    numbered = claims.with_columns(session.alias("session")).sort(_WRITTEN).with_columns(first)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"original_{name}")) for name in _BODY)
    return numbered.filter(pl.col("cdr_key") != pl.col("original_cdr_key")).select(
        "cdr_key", pl.col("original_cdr_key").alias("original_key"), same.alias("is_same_claim")
    )


def _twice(claims: pl.DataFrame) -> pl.DataFrame:
    """Keep the few claims whose session id comes more than once: upper case and windows are then cheap."""
    hashed = claims.select(pl.col("session_id").str.to_uppercase().hash().alias("hash")).to_series()
    return claims.filter(hashed.is_duplicated())


def copies_by_start(cdrs: pl.DataFrame, limits: Limits = NO_OVERRIDES) -> pl.DataFrame:
    """Give one row per CDR (`cdr_key`, `original_key`) that tells a session again under a new id.

    The same token at the same EVSE, starts within the threshold, and overlapping in time: a charge that failed after
    twenty seconds and was started again does not overlap and is no copy.
    """
    near = limits.seconds("duplicate_start_seconds")
    originals = [pl.col(name).first().over("cluster").alias(f"original_{name}") for name in _ORIGINAL]
    clusters = _starting_together(standing(cdrs.select(*COPY_COLUMNS, "is_credited")), near).sort(_WRITTEN)
    compared = clusters.with_columns(originals).rename({"original_cdr_key": "original_key"})
    is_near = (pl.col("started_at") - pl.col("original_started_at")).abs() <= near
    overlapping = (pl.col("started_at") < pl.col("original_ended_at")) & (
        pl.col("original_started_at") < pl.col("ended_at")
    )
    is_copy = (pl.col("cdr_key") != pl.col("original_key")) & is_near & overlapping
    return compared.filter(is_copy).select("cdr_key", "original_key", "original_started_at")


def _starting_together(claims: pl.DataFrame, near: pl.Expr) -> pl.DataFrame:
    """Keep the few claims that start close to another one of the same token and EVSE, with the number of their cluster.

    One sort by numbers and comparisons of neighbouring rows: grouping by four text columns would cost ten times as
    much. Two places whose hashes are equal are told apart by their texts afterwards.
    """
    place = ("cpo_id", "token_uid", "location_id", "evse_uid")
    hashed = claims.drop_nulls(place).with_columns(pl.struct(place).hash().alias("place"))
    often = hashed.filter(pl.col("place").is_duplicated())
    ordered = often.sort("place", "started_at", "cdr_key")
    same_place = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("place", *place))
    follows = (same_place & (pl.col("started_at").diff() <= near)).fill_null(False)
    linked = ordered.with_columns(follows.alias("follows")).with_columns(
        (~pl.col("follows")).cum_sum().alias("cluster")
    )
    return linked.filter(pl.col("follows") | pl.col("follows").shift(-1, fill_value=False))


_ORIGINAL = ("cdr_key", "started_at", "ended_at")


def copy_keys(cdrs: pl.DataFrame, limits: Limits = NO_OVERRIDES) -> pl.Series:
    """Give the keys of all copies, by session id or by start."""
    claims = with_credit_status(cdrs.select(COPY_COLUMNS))
    found = [copies_by_session(claims), copies_by_start(claims, limits)]
    return pl.concat([frame.select("cdr_key") for frame in found]).unique().get_column("cdr_key").sort()
