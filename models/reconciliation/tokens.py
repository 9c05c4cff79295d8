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
    is_one_of_several = known.select("_uid", "_type").is_duplicated()
    single = known.filter(~is_one_of_several)
    joined = keyed.join(single, on=("_uid", "_type"), how="left", maintain_order="left", validate="m:1")
    if is_one_of_several.any():
        joined = _at_start(joined, known.filter(is_one_of_several))
    was_known = pl.col("token_updated_at") <= pl.col("started_at")
    return joined.with_columns(was_known.alias("was_token_known")).drop("_uid", "_type")


def _of_any_type(facts: pl.DataFrame) -> pl.DataFrame:
    """Give what a CDR without a token type finds: of several types the last one that is valid."""
    ordered = facts.sort("_uid", "is_valid", "token_updated_at", "_type")
    return ordered.unique("_uid", keep="last", maintain_order=True).with_columns(pl.lit("").alias("_type"))


def _at_start(joined: pl.DataFrame, several: pl.DataFrame) -> pl.DataFrame:
    """Choose among the versions of those few tokens that have several, session by session."""
    pairs = joined.select("cdr_key", "started_at", "_uid", "_type").join(several, on=("_uid", "_type"), how="inner")
    is_later = pl.col("token_updated_at") > pl.col("started_at")
    age = (pl.col("started_at") - pl.col("token_updated_at")).abs()
    chosen = pairs.with_columns(is_later.alias("_later"), age.alias("_age")).sort("cdr_key", "_later", "_age")
    first = chosen.unique("cdr_key", keep="first", maintain_order=True).select("cdr_key", *_FACTS)
    both = joined.join(first, on="cdr_key", how="left", maintain_order="left", validate="1:1", suffix="_chosen")
    return both.with_columns(pl.coalesce(f"{name}_chosen", name).alias(name) for name in _FACTS).select(joined.columns)


def token_versions(history: pl.DataFrame, tokens: pl.DataFrame) -> pl.DataFrame:
    """Give every version of every token that is believed now, in the columns of `typed/tokens`.

    A setting is judged as it was at the time: a card that may charge offline today did not have to be allowed to when
    it did.

    Args:
        history: `typed/token_history`.
        tokens: `typed/tokens`: the newest versions, for tokens that have no history.
    """
    believed = history.filter(pl.col("known_to").is_null()).drop_nulls("valid_from")
    versions = believed.rename({"valid_from": "last_updated_at", "known_from": "received_at"}).select(tokens.columns)
    others = tokens.join(versions, on=("token_uid", "token_type"), how="anti")
    return pl.concat([versions, others], how="vertical").sort("token_uid", "token_type", "last_updated_at")
