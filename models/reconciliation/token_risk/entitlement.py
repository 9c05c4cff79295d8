"""Signals about the right to charge: a token that is used after it was blocked, or after its contract ended."""

import polars as pl

from models.reconciliation.token_risk.activity import Activity
from models.reconciliation.token_risk.signal import lacking, occurrences, signal
from models.reconciliation.wording import instant, sentence


def _without_contract(activity: Activity) -> pl.DataFrame:
    sessions = _with_contract(activity)
    return lacking(sessions, pl.col("valid_from").is_null(), "sessions under a contract that is not in our books")


@signal("T04", "use after block", 60, "block_grace_seconds")
def after_block(activity: Activity) -> pl.DataFrame:
    """A session starts while the token is blocked, later than every charger should know of it (15 minutes).

    Blocked is what people decided here, and what the token's own record says. A block that came after the start, or was
    lifted before it, is none.
    """
    grace = pl.duration(seconds=activity.limits.block_grace_seconds)
    spans = pl.concat([_decided(activity), _recorded(activity)], how="vertical")
    judged = activity.sessions.filter("is_judged").join(spans, on="token", how="inner")
    since = pl.col("started_at") - pl.col("blocked_at")
    is_over = (pl.col("unblocked_at") <= pl.col("started_at")).fill_null(False)
    ordered = judged.filter((since > grace) & ~is_over).sort("use", "blocked_at")
    broken = activity.with_keys(ordered.unique(subset="use", keep="first", maintain_order=True))
    return occurrences(
        broken,
        badness=since.dt.total_seconds(),
        message=sentence(
            "starts at {}, blocked since {}", instant(pl.col("started_at")), instant(pl.col("blocked_at"))
        ),
        measured=since.dt.total_seconds(),
        permitted=pl.lit(activity.limits.block_grace_seconds),
        unit=pl.lit("s"),
        seconds_between=since.dt.total_seconds(),
        amount=pl.col("amount"),
        currency=pl.col("currency"),
    )


def _decided(activity: Activity) -> pl.DataFrame:
    decided = activity.blocks.with_columns(pl.col("token_uid").str.to_uppercase())
    numbered = activity.numbers.join(decided, on=("token_uid", "token_type"), how="inner", validate="1:m")
    return numbered.select("token", "blocked_at", "unblocked_at")


def _recorded(activity: Activity) -> pl.DataFrame:
    """Give the spans in which versions of a token say that it is not valid, up to the next version that says it is."""
    key = ("token_uid", "token_type")
    ordered = activity.tokens.with_columns(pl.col("token_uid").str.to_uppercase()).sort(*key, "last_updated_at")
    following = pl.when("is_valid").then("last_updated_at").shift(-1).backward_fill().over(key)
    spans = ordered.with_columns(following.alias("unblocked_at")).filter(~pl.col("is_valid"))
    named = spans.select(*key, pl.col("last_updated_at").alias("blocked_at"), "unblocked_at")
    return activity.numbers.join(named, on=key, how="inner", validate="1:m").drop(key)


@signal("T05", "use after contract end", 60, abstain=_without_contract)
def after_contract_end(activity: Activity) -> pl.DataFrame:
    """A session starts on a day of the company's calendar on which the token's contract is over."""
    sessions = _with_contract(activity).filter("is_judged")
    day = pl.col("started_at").dt.convert_time_zone(activity.zone.key).dt.date()
    days = (day - pl.col("valid_to")).dt.total_days()
    broken = activity.with_keys(sessions.filter(day >= pl.col("valid_to")))
    return occurrences(
        broken,
        badness=days,
        message=sentence(
            "starts at {}, contract {} ended on {} (exclusive)",
            instant(pl.col("started_at")),
            "contract_id",
            "valid_to",
        ),
        measured=days,
        unit=pl.lit("days"),
        amount=pl.col("amount"),
        currency=pl.col("currency"),
    )


def _with_contract(activity: Activity) -> pl.DataFrame:
    """Give the sessions with the validity of their token's contract; ids compare as eMAIDs, without separators."""
    contracts = activity.contracts.select(_bare(pl.col("contract_id")).alias("bare"), "valid_from", "valid_to").unique(
        subset="bare", keep="any"
    )
    named = activity.newest_tokens.select("token", "contract_id", _bare(pl.col("contract_id")).alias("bare"))
    known = named.join(contracts, on="bare", how="left", validate="m:1").drop("bare")
    return activity.sessions.join(known, on="token", how="left", maintain_order="left", validate="m:1")


def _bare(contract: pl.Expr) -> pl.Expr:
    return contract.str.to_uppercase().str.replace_all("-", "", literal=True)
