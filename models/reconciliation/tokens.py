"""What a token was allowed when a session started."""

import polars as pl

_FACTS = ("is_valid", "whitelist", "token_contract_id", "token_updated_at")


def with_token(claims: pl.DataFrame, tokens: pl.DataFrame) -> pl.DataFrame:
    """Add the token's setting at the start: `is_valid`, `whitelist`, `token_contract_id`, `token_updated_at`.

    Of several versions of a token the newest that was written by the start counts, else the oldest, which was written
    later: then `was_token_known` is false, and what it says of the start is not certain. Tokens are found by uid and
    type; a CDR without a type takes any type of the uid. All is null where the token was never issued.

    Args:
        claims: `typed/cdrs` rows with `cdr_key`, `token_uid`, `token_type`, `started_at`.
        tokens: `typed/tokens`, of which several versions may be given.
    """
    facts = tokens.select(
        pl.col("token_uid").str.to_uppercase().alias("_uid"),
        pl.col("token_type").alias("_type"),
        "is_valid",
        "whitelist",
        pl.col("contract_id").alias("token_contract_id"),
        pl.col("last_updated_at").alias("token_updated_at"),
    )
    keyed = claims.with_columns(
        pl.col("token_uid").str.to_uppercase().alias("_uid"), pl.col("token_type").fill_null("").alias("_type")
    )
    known = pl.concat([facts, _of_any_type(facts)], how="vertical")
    is_single = not known.select("_uid", "_type").is_duplicated().any()
    if is_single:
        joined = keyed.join(known, on=("_uid", "_type"), how="left", maintain_order="left", validate="m:1")
    else:
        joined = _at_start(keyed, known)
    was_known = pl.col("token_updated_at") <= pl.col("started_at")
    return joined.with_columns(was_known.alias("was_token_known")).drop("_uid", "_type")


def _of_any_type(facts: pl.DataFrame) -> pl.DataFrame:
    """Give what a CDR without a token type finds: of several types the last one that is valid."""
    ordered = facts.sort("_uid", "is_valid", "token_updated_at", "_type")
    return ordered.unique("_uid", keep="last", maintain_order=True).with_columns(pl.lit("").alias("_type"))


def _at_start(keyed: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Choose per session among the versions of its token."""
    pairs = keyed.select("cdr_key", "started_at", "_uid", "_type").join(known, on=("_uid", "_type"), how="inner")
    is_later = pl.col("token_updated_at") > pl.col("started_at")
    age = (pl.col("started_at") - pl.col("token_updated_at")).abs()
    chosen = pairs.with_columns(is_later.alias("_later"), age.alias("_age")).sort("cdr_key", "_later", "_age")
    first = chosen.unique("cdr_key", keep="first", maintain_order=True).select("cdr_key", *_FACTS)
    return keyed.join(first, on="cdr_key", how="left", maintain_order="left", validate="1:1")
