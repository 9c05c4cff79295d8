"""How every record of a month ended: each authorization, session, CDR and tariff, seen from its own side."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from models.frames import beside, sorted_by
from models.reconciliation.thresholds import NO_OVERRIDES, Limits
from models.reconciliation.tokens import with_token
from models.schemas.registry import Layer, table
from models.types.vocabularies import MatchKind, MatchOutcome, RecordKind, TariffSource

_OFFLINE: Final = ("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE")
_NOT_BILLED: Final = ("INVALID", "RESERVATION")
_AUTHORIZATION: Final = ("authorization_id", "cpo_id", "result", "authorized_at", "billing_month")
_SESSION: Final = ("session_key", "cpo_id", "status", "started_at", "ended_at", "billing_month")
_RUNNING: Final = ("ACTIVE", "PENDING")


@dataclass(frozen=True)
class MonthOfRecords:
    """The records of a month, and what is known around it."""

    cdrs: pl.DataFrame
    """`typed/cdrs` of the month"""
    authorizations: pl.DataFrame
    sessions: pl.DataFrame
    versions: pl.DataFrame
    """all of `typed/tariff_versions`"""
    tokens: pl.DataFrame
    matches: pl.DataFrame
    """`matched/matches` of the month and of the months around, as far as their CDRs use records of this one"""
    priced: pl.DataFrame
    """`models.rating.selection.tariffs_at_start` of the month's CDRs: `cdr_key`, `chosen_version_id`"""
    known_until: datetime | None
    """the instant up to which records count as received"""
    limits: Limits = NO_OVERRIDES


def record_outcomes(month: MonthOfRecords) -> pl.DataFrame:
    """Give `matched/record_outcomes`, sorted by kind and key: conservation seen from all four sides."""
    schema = table(Layer.MATCHED, "record_outcomes").schema
    parts = [_authorizations(month), _cdrs(month), _sessions(month), _tariffs(month)]
    shaped = [part.select(pl.col(name).cast(kind) for name, kind in schema.items()) for part in parts]
    return pl.concat([sorted_by(part, "record_key") for part in shaped], how="vertical")


def _authorizations(month: MonthOfRecords) -> pl.DataFrame:
    """Say of each authorization which CDR used it, or why none did."""
    users = month.matches.drop_nulls("authorization_id").select("authorization_id", "cdr_key", "match_kind")
    used = month.authorizations.select(_AUTHORIZATION).join(
        users, on="authorization_id", how="left", maintain_order="left", validate="1:1"
    )
    is_refused = pl.col("result") != "ALLOWED"
    refused = pl.format("it was refused ({})", "result")
    return _ended(used, month, pl.col("authorized_at"), is_refused, refused).select(
        pl.lit(str(RecordKind.AUTHORIZATION)).alias("record_kind"),
        pl.col("authorization_id").alias("record_key"),
        "outcome",
        "cdr_key",
        "authorization_id",
        pl.lit(None, pl.String).alias("session_key"),
        "reason",
        "billing_month",
    )


def _sessions(month: MonthOfRecords) -> pl.DataFrame:
    """Say of each session which CDR claims it, or why none does."""
    users = month.matches.drop_nulls("session_key").select("session_key", "cdr_key", match_kind="session_match_kind")
    used = month.sessions.select(_SESSION).join(
        users, on="session_key", how="left", maintain_order="left", validate="1:1"
    )
    is_unbilled = pl.col("status").is_in(_NOT_BILLED)
    unbilled = pl.format("a session that is {} is not billed", pl.col("status").str.to_lowercase())
    ended = pl.when(~pl.col("status").is_in(_RUNNING)).then(pl.coalesce("ended_at", "started_at"))
    return _ended(used, month, ended, is_unbilled, unbilled).select(
        pl.lit(str(RecordKind.SESSION)).alias("record_kind"),
        pl.col("session_key").alias("record_key"),
        "outcome",
        "cdr_key",
        pl.lit(None, pl.String).alias("authorization_id"),
        "session_key",
        "reason",
        "billing_month",
    )


def _ended(
    records: pl.DataFrame, month: MonthOfRecords, at: pl.Expr, is_unexpected: pl.Expr, why: pl.Expr
) -> pl.DataFrame:
    """Add `outcome`, `reason` and `due_at` to records that wait for a CDR from `at` on; null is not over yet."""
    due = at + month.limits.days("missing_days")
    until = pl.lit(month.known_until, pl.Datetime("us", "UTC"))
    is_due = (due <= until).fill_null(False)
    days = month.limits.expr("missing_days")
    return records.with_columns(
        due.alias("due_at"),
        pl.when(pl.col("match_kind").is_not_null())
        .then(pl.col("match_kind"))
        .when(is_unexpected)
        .then(pl.lit(str(MatchOutcome.NOT_EXPECTED)))
        .when(is_due)
        .then(pl.lit(str(MatchOutcome.MISSING_PARTNER)))
        .otherwise(pl.lit(str(MatchOutcome.PENDING)))
        .alias("outcome"),
        pl.when(pl.col("match_kind").is_null())
        .then(
            pl.when(is_unexpected)
            .then(why)
            .when(is_due)
            .then(pl.format("no CDR came within {} days", days))
            .otherwise(pl.format("a CDR may come for {} days", days))
        )
        .alias("reason"),
    )


def _cdrs(month: MonthOfRecords) -> pl.DataFrame:
    """Say of each CDR which authorization it used, or why it has none."""
    found = month.matches.select("cdr_key", "match_kind", "authorization_id", "session_key", "reason")
    needed = ("cdr_key", "token_uid", "token_type", "started_at", "auth_method", "is_credit", "billing_month")
    matched = with_token(beside(month.cdrs.select(needed), found), month.tokens)
    is_matched = pl.col("match_kind") != str(MatchKind.NONE)
    is_whitelisted = pl.col("auth_method").eq_missing("WHITELIST") & pl.col("whitelist").is_in(_OFFLINE)
    needs_none = pl.col("is_credit") | is_whitelisted.fill_null(False)
    outcome = pl.when(is_matched).then(pl.col("match_kind")).when(needs_none).then(pl.lit(_NOT_EXPECTED))
    offline = pl.format("its token may charge without asking (whitelist {})", "whitelist")
    return matched.select(
        pl.lit(str(RecordKind.CDR)).alias("record_kind"),
        pl.col("cdr_key").alias("record_key"),
        outcome.otherwise(pl.lit(str(MatchOutcome.MISSING_PARTNER))).alias("outcome"),
        "cdr_key",
        "authorization_id",
        "session_key",
        pl.when(~is_matched & is_whitelisted).then(offline).otherwise(pl.col("reason")).alias("reason"),
        "billing_month",
    )


_NOT_EXPECTED: Final = str(MatchOutcome.NOT_EXPECTED)


def _tariffs(month: MonthOfRecords) -> pl.DataFrame:
    """Say of each version of a CPO's tariff whether CDRs of the month were priced by it, or carry it unpublished."""
    if month.cdrs.is_empty():
        return table(Layer.MATCHED, "record_outcomes").empty()
    chosen = month.priced.select("cdr_key", tariff_version_id="chosen_version_id")
    carried = month.priced.select("cdr_key", tariff_version_id="own_version_id")
    named = pl.concat([chosen, carried], how="vertical").drop_nulls().group_by("tariff_version_id")
    users = named.agg(pl.col("cdr_key").min())
    versions = month.versions.filter(pl.col("source") != str(TariffSource.PLAN))
    told = versions.join(users, on="tariff_version_id", how="left", validate="1:1")
    is_published = pl.col("source") == str(TariffSource.PUBLISHED)
    is_used = pl.col("cdr_key").is_not_null()
    outcome = pl.when(~is_used).then(pl.lit(_NOT_EXPECTED)).when(is_published)
    reason = pl.when(~is_used).then(pl.lit("no CDR of the month names it")).when(~is_published)
    return told.select(
        pl.lit(str(RecordKind.TARIFF)).alias("record_kind"),
        pl.col("tariff_version_id").alias("record_key"),
        outcome.then(pl.lit(str(MatchOutcome.BY_REFERENCE)))
        .otherwise(pl.lit(str(MatchOutcome.MISSING_PARTNER)))
        .alias("outcome"),
        "cdr_key",
        pl.lit(None, pl.String).alias("authorization_id"),
        pl.lit(None, pl.String).alias("session_key"),
        reason.then(pl.lit("CDRs carry it, and it was never published")).alias("reason"),
        pl.lit(month.cdrs["billing_month"][0]).alias("billing_month"),
    )
