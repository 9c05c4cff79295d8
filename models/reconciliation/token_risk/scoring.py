"""The score of a token: the points of its signals added up, with a reason for each, and what is recommended.

Points are whole numbers that stand in the catalogue, so that anybody can add them up again; a signal counts once
however often it occurs, and the sum ends at 100. From `watch_score` on a token is to be watched, from `block_score` on
blocked, or replaced where its card was copied: then somebody else has it, and its driver needs another.
"""

from typing import Final

import polars as pl

from models.reconciliation.token_risk.activity import Activity
from models.reconciliation.token_risk.entitlement import after_block, after_contract_end
from models.reconciliation.token_risk.places import many_tokens
from models.reconciliation.token_risk.signal import OCCURRENCES, Signal, told
from models.reconciliation.token_risk.spikes import cost_spike, energy_spike
from models.reconciliation.token_risk.using import cloned, overlap, travel, velocity
from models.schemas.registry import Layer, table
from models.types.vocabularies import TokenAction

SIGNALS: Final[tuple[Signal, ...]] = (
    velocity,
    overlap,
    travel,
    after_block,
    after_contract_end,
    energy_spike,
    cost_spike,
    many_tokens,
    cloned,
)
"""the catalogue, by id"""
MOST: Final = 100
_KEY: Final = ("token_uid", "token_type")
_TEXTS: Final = pl.lit([], dtype=pl.List(pl.String))


def token_signals(activity: Activity) -> pl.DataFrame:
    """Give `matched/token_signals`: one row per token and signal, sorted by token, then signal."""
    parts = [_of_signal(each, activity) for each in SIGNALS]
    hand_over = table(Layer.MATCHED, "token_signals").schema
    named = pl.concat(parts, how="vertical").join(activity.numbers, on="token", how="left", validate="m:1")
    return (
        named.with_columns(pl.lit(activity.month).alias("billing_month"))
        .select(pl.col(name).cast(dtype) for name, dtype in hand_over.items())
        .sort(*_KEY, "signal_id")
    )


def _of_signal(each: Signal, activity: Activity) -> pl.DataFrame:
    found = each.find(activity) if activity.uses.height else pl.DataFrame(schema=OCCURRENCES)
    facts = {"signal_id": each.signal_id, "signal_name": each.name, "points": each.points}
    return told(found).with_columns(pl.lit(value).alias(name) for name, value in facts.items())


def token_risks(activity: Activity, signals: pl.DataFrame) -> pl.DataFrame:
    """Give `matched/token_risks`: one row per token that was used in the window, sorted by token.

    Args:
        activity: what the signals looked at.
        signals: what `token_signals` made of it.
    """
    scored = _used(activity).join(_scores(signals), on=_KEY, how="left", validate="1:1")
    abstained = scored.join(_abstentions(activity), on="token", how="left", validate="1:1")
    contracts = activity.newest_tokens.select("token", "contract_id")
    known = abstained.join(contracts, on="token", how="left", validate="1:1")
    filled = known.with_columns(
        pl.col("score").fill_null(0),
        pl.lit(activity.month).alias("billing_month"),
        *(pl.col(name).fill_null(_TEXTS) for name in ("signal_ids", "reasons", "not_checked")),
    ).with_columns(_action(activity).alias("recommended_action"))
    schema = table(Layer.MATCHED, "token_risks").schema
    return filled.select(pl.col(name).cast(dtype) for name, dtype in schema.items()).sort(_KEY)


def _used(activity: Activity) -> pl.DataFrame:
    used = (
        activity.uses.filter("is_judged")
        .group_by("token")
        .agg(
            pl.col("is_session").sum().cast(pl.Int64).alias("sessions"),
            (~pl.col("is_session")).sum().cast(pl.Int64).alias("authorizations"),
            pl.col("energy_kwh").cast(pl.Decimal(38, 9)).sum(),
            pl.col("started_at").max().alias("last_used_at"),
        )
    )
    return used.join(activity.numbers, on="token", how="left", validate="1:1")


def _scores(signals: pl.DataFrame) -> pl.DataFrame:
    ordered = signals.sort(*_KEY, "signal_id")
    reason = pl.format("{} {}: {}", "signal_id", "signal_name", "message")
    return ordered.group_by(_KEY, maintain_order=True).agg(
        pl.col("points").sum().clip(upper_bound=MOST).alias("score"),
        pl.col("signal_id").alias("signal_ids"),
        reason.alias("reasons"),
    )


def _abstentions(activity: Activity) -> pl.DataFrame:
    """Give what each token could not be looked at for (`token`, `not_checked`), as sentences in the catalogue's order.

    Signals that lack the same thing say so once.
    """
    nothing = pl.DataFrame(schema={"token": pl.UInt32, "reason": pl.String})
    asked = dict.fromkeys(each.abstain for each in SIGNALS if each.abstain is not None)
    said = [abstain(activity).cast({"token": pl.UInt32}) for abstain in asked] if activity.uses.height else []
    together = pl.concat([nothing, *said], how="vertical")
    return together.group_by("token", maintain_order=True).agg(pl.col("reason").alias("not_checked"))


def _action(activity: Activity) -> pl.Expr:
    limits = activity.limits
    is_copied = pl.col("signal_ids").list.contains(cloned.signal_id)
    blocked = pl.when(is_copied).then(pl.lit(str(TokenAction.REPLACE))).otherwise(pl.lit(str(TokenAction.BLOCK)))
    return (
        pl.when(pl.col("score") >= limits.block_score)
        .then(blocked)
        .when((pl.col("score") >= limits.watch_score) & (pl.col("score") > 0))
        .then(pl.lit(str(TokenAction.WATCH)))
        .otherwise(pl.lit(str(TokenAction.NONE)))
    )
