"""Which authorization and which session each CDR belongs to: by reference, else by token, window and place.

One authorization serves one CDR, and one session has one. How several candidates are told apart says
`models.reconciliation.pairing`.
"""

from typing import Final

import polars as pl

from models.frames import sorted_by
from models.reconciliation.copies import COPY_COLUMNS, copy_keys, taken_back, with_credit_status
from models.reconciliation.pairing import pair
from models.reconciliation.thresholds import NO_OVERRIDES, Limits
from models.schemas.registry import Layer, table
from models.types.vocabularies import MatchKind

_PLACE: Final = ("cpo_id", "location_id", "evse_uid")
_ALLOWED: Final = "ALLOWED"
_WHITELIST: Final = "WHITELIST"
_NEEDED: Final = (*COPY_COLUMNS, "authorization_reference", "auth_method", "billing_month")
_NO_SESSIONS: Final = table(Layer.TYPED, "sessions").empty()


def match(
    cdrs: pl.DataFrame,
    neighbours: pl.DataFrame,
    authorizations: pl.DataFrame,
    taken: pl.Series,
    sessions: pl.DataFrame = _NO_SESSIONS,
    limits: Limits = NO_OVERRIDES,
) -> pl.DataFrame:
    """Give `matched/matches`, one row per CDR, sorted by key.

    Args:
        cdrs: `typed/cdrs` to match.
        neighbours: CDRs of the months around, which may be originals of copies; they are not matched again.
        authorizations: `typed/authorizations` around the CDRs.
        taken: ids of authorizations that other months used, see `taken_authorizations`.
        sessions: `typed/sessions` around the CDRs.
        limits: name the time window.
    """
    own, granted = sorted_by(cdrs.select(_NEEDED), "cdr_key"), sorted_by(authorizations, "authorization_id")
    known = with_credit_status(pl.concat([own, neighbours.select(_NEEDED)], how="vertical"))
    claims = _claims(known.head(own.height), known, limits)
    held = sorted_by(sessions, "session_key")
    by_authorization = pair(claims, _authorizations(granted, taken))
    at_the_same_time = claims.with_columns(
        pl.col("session_reference").alias("reference"), pl.col("after_seconds").alias("before_seconds")
    )
    with_session = pair(at_the_same_time, _sessions(held))
    named = _named(granted.select("authorization_id", "authorized_at"), by_authorization, "match_kind")
    claimed = _named(held.select("session_key"), with_session, "session_match_kind")
    return _as_matches(own, named, claimed, limits)


def taken_authorizations(earlier: pl.DataFrame, cdrs: pl.DataFrame) -> pl.Series:
    """Give the ids of authorizations that `earlier` matches used, except by CDRs that `cdrs` takes back by a credit."""
    credited = taken_back(cdrs)
    return (
        earlier.filter(~pl.col("cdr_key").is_in(credited.implode())).get_column("authorization_id").drop_nulls().sort()
    )


def _claims(cdrs: pl.DataFrame, known: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """Keep the CDRs that may use an authorization, with their place in the queue.

    Copies come after originals and whitelisted sessions after those that had to ask, so that a good claim never
    loses its authorization to a false or a needless one. What was credited comes last, and so leaves its authorization
    and its session to its replacement where there is one. Credits use none.
    """
    is_copy = pl.col("cdr_key").is_in(copy_keys(known, limits).implode())
    whitelisted = pl.col("auth_method").eq_missing(_WHITELIST)
    session = pl.concat_str(_upper("cpo_id"), _upper("session_id"), separator="*")
    return (
        cdrs.with_row_index("claim")
        .filter(~pl.col("is_credit"))
        .select(
            "claim",
            pl.col("started_at").alias("at"),
            pl.col("last_updated_at").alias("written_at"),
            *_PLACE,
            _upper("token_uid"),
            _given_to_the_token(),
            session.alias("session_reference"),
            pl.sum_horizontal(pl.col("is_credited") * 4, is_copy * 2, whitelisted * 1).alias("queue"),
            limits.expr("authorized_before_seconds").alias("before_seconds"),
            limits.expr("authorized_after_seconds").alias("after_seconds"),
        )
    )


def _authorizations(authorizations: pl.DataFrame, taken: pl.Series) -> pl.DataFrame:
    """Keep the authorizations that were granted and are not used yet, as offers."""
    is_free = (pl.col("result") == _ALLOWED) & ~pl.col("authorization_id").is_in(taken.implode())
    return (
        authorizations.with_row_index("offer")
        .filter(is_free)
        .select(
            "offer",
            pl.col("authorized_at").alias("at"),
            *_PLACE,
            _upper("token_uid"),
            _given_to_the_token(),
        )
    )


def _given_to_the_token() -> pl.Expr:
    """Give the reference of an authorization, which counts for the token that it was given to alone."""
    return pl.concat_str(_upper("token_uid"), _upper("authorization_reference"), separator=" ").alias("reference")


def _sessions(sessions: pl.DataFrame) -> pl.DataFrame:
    """Give sessions as offers to CDRs; what is invalid will not be billed, and is none."""
    return (
        sessions.with_row_index("offer")
        .filter(pl.col("status") != "INVALID")
        .select(
            "offer",
            pl.col("started_at").alias("at"),
            *_PLACE,
            _upper("token_uid"),
            pl.col("session_key").alias("reference"),
        )
    )


def _named(offers: pl.DataFrame, pairs: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Put the offer's own columns in the place of its number."""
    return offers[pairs["offer"]].with_columns(pairs["claim"], pairs["kind"].alias(kind))


def _as_matches(cdrs: pl.DataFrame, granted: pl.DataFrame, held: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    reason = pl.when(pl.col("authorization_id").is_null()).then(_reason(limits))
    session_reason = pl.when(pl.col("session_key").is_null()).then(_session_reason())
    return (
        cdrs.with_row_index("claim")
        .join(granted, on="claim", how="left", maintain_order="left", validate="1:1")
        .join(held, on="claim", how="left", maintain_order="left", validate="1:1")
        .with_columns(
            pl.col("match_kind", "session_match_kind").fill_null(str(MatchKind.NONE)),
            (pl.col("started_at") - pl.col("authorized_at")).dt.total_seconds().alias("seconds_from_authorization"),
            reason.alias("reason"),
            session_reason.alias("session_reason"),
        )
        .select(list(table(Layer.MATCHED, "matches").schema))
    )


def _reason(limits: Limits) -> pl.Expr:
    """Say why a CDR has no authorization."""
    before, after = (limits.expr(f"authorized_{side}_seconds") // 60 for side in ("before", "after"))
    window = pl.format(
        "no granted authorization of this token from {} min before to {} min after the start", before, after
    )
    return (
        pl.when("is_credit")
        .then(pl.lit("a credit CDR uses no authorization"))
        .when(pl.col("token_uid").is_null())
        .then(pl.lit("the CDR names no token"))
        .when(pl.col("authorization_reference").is_null())
        .then(pl.format("no reference given, and {} at this location is free", window))
        .otherwise(
            pl.format(
                "reference {} is unknown, refused or used by another CDR, and {} at this location is free",
                "authorization_reference",
                window,
            )
        )
    )


def _session_reason() -> pl.Expr:
    """Say why a CDR has no session."""
    return (
        pl.when("is_credit")
        .then(pl.lit("a credit CDR takes a session back"))
        .when(pl.col("session_id").is_null())
        .then(pl.lit("the CDR names no session, and none of its token starts with it at this location"))
        .otherwise(pl.format("session {} was never received, or is that of another CDR", "session_id"))
    )


def _upper(name: str) -> pl.Expr:
    return pl.col(name).str.to_uppercase().alias(name)
