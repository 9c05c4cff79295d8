"""Signals about a place: many customers' tokens at one EVSE in a short time, as when copied cards are tried."""

import polars as pl

from models.reconciliation.token_risk.activity import Activity
from models.reconciliation.token_risk.signal import lacking, occurrences, signal
from models.reconciliation.wording import instant, sentence


def _without_evse(activity: Activity) -> pl.DataFrame:
    return lacking(activity.uses, pl.col("evse").is_null(), "uses name no EVSE: crowds are not looked at")


@signal("T08", "many tokens on one EVSE", 20, "crowd_accounts", "crowd_seconds", abstain=_without_evse)
def many_tokens(activity: Activity) -> pl.DataFrame:
    """Tokens of more than five accounts are held to one EVSE within a quarter of an hour; each of them is told.

    Accounts are counted and not tokens: at a depot the cards of one fleet charge in a row.
    """
    limits = activity.limits
    uses = _with_account(activity).sort("evse", "started_at", "use")
    before = pl.col("started_at").shift(limits.crowd_accounts)
    same = pl.col("evse") == pl.col("evse").shift(limits.crowd_accounts)
    window = pl.duration(seconds=limits.crowd_seconds)
    dense = uses.filter(same & (pl.col("started_at") - before <= window)).select("evse").unique()
    crowds = _crowds(uses.join(dense, on="evse", how="semi", maintain_order="left"), limits.crowd_seconds)
    found = crowds.filter(pl.col("accounts") > limits.crowd_accounts).explode("token", "use", "at", "is_judged")
    ordered = found.filter("is_judged").sort("use", "accounts", "started_at", descending=[False, True, False])
    broken = activity.with_keys(ordered.unique(subset="use", keep="first", maintain_order=True))
    return occurrences(
        broken.rename({"started_at": "until", "at": "started_at"}),
        badness=pl.col("accounts"),
        message=sentence(
            "one of {} customers' tokens at one EVSE within {} s up to {}",
            "accounts",
            pl.lit(limits.crowd_seconds),
            instant(pl.col("until")),
        ),
        measured=pl.col("accounts"),
        permitted=pl.lit(limits.crowd_accounts),
        unit=pl.lit("accounts"),
    )


def _crowds(uses: pl.DataFrame, seconds: int) -> pl.DataFrame:
    """Give per use what was held to its EVSE in the window that ends with it: accounts, and each use as lists."""
    rolled = uses.rolling("started_at", period=f"{seconds}s", closed="both", group_by="evse")
    each = pl.col("token", "use", "is_judged")
    return rolled.agg(pl.col("account").n_unique().alias("accounts"), each, pl.col("started_at").alias("at"))


def _with_account(activity: Activity) -> pl.DataFrame:
    """Give the uses at known EVSEs with whose token it is: the account, else its group, its contract, itself."""
    accounts = activity.contracts.select("contract_id", "account_id").unique(subset="contract_id", keep="any")
    named = activity.newest_tokens.join(accounts, on="contract_id", how="left", validate="m:1")
    owner = named.select("token", pl.coalesce("account_id", "group_id", "contract_id").alias("account"))
    everyone = activity.numbers.join(owner, on="token", how="left", validate="1:1")
    account = pl.coalesce("account", "token_uid").cast(pl.Categorical).to_physical()
    numbered = everyone.select("token", account.alias("account"))
    uses = activity.uses.drop_nulls("evse").select("token", "use", "evse", "started_at", "is_judged")
    return uses.join(numbered, on="token", how="left", maintain_order="left", validate="m:1")
