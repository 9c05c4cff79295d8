"""Rules about the right to charge: was the session authorized, and was its token good at the start?"""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import found, rule, sentence
from models.reconciliation.wording import instant
from models.types.vocabularies import MatchKind, Severity

_WHITELIST = "WHITELIST"
_CHARGES_OFFLINE = ("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE")
"""settings under which a charger may let a token charge without asking (OCPI 12.4.5)"""


@rule("R18", "no authorization", Severity.BLOCK)
def no_authorization(evidence: Evidence) -> pl.DataFrame:
    """No authorization of ours belongs to the session, and the token's whitelist setting did not allow one without."""
    unmatched = evidence.matches.filter(pl.col("match_kind") == str(MatchKind.NONE)).select("cdr_key", "reason")
    claims = evidence.claims.join(unmatched, on="cdr_key", how="inner", validate="1:1")
    judged = _with_token(claims, evidence.tokens)
    is_whitelisted = pl.col("auth_method").eq_missing(_WHITELIST)
    may_charge_offline = is_whitelisted & pl.col("whitelist").is_in(_CHARGES_OFFLINE).fill_null(False)
    return found(
        judged.filter(~may_charge_offline),
        message=sentence("no authorization ({}): {}", "auth_method", "reason"),
        expected=pl.lit("a granted authorization, or a whitelisted token"),
        actual=sentence("{}, token whitelist {}", "auth_method", "whitelist"),
        stake=pl.col("claimed"),
    )


@rule("R19", "token unknown or invalid", Severity.BLOCK)
def token_not_valid(evidence: Evidence) -> pl.DataFrame:
    """The token was never issued by us, or was already invalid when the session started."""
    judged = _with_token(evidence.claims, evidence.tokens)
    is_unknown = pl.col("is_valid").is_null()
    was_invalid = ~pl.col("is_valid") & (pl.col("token_updated_at") <= pl.col("started_at"))
    since = instant(pl.col("token_updated_at"))
    unknown = sentence("token {} of type {} was never issued by us", "token_uid", "token_type")
    invalid = sentence("token {} of type {} is invalid since {}", "token_uid", "token_type", since)
    return found(
        judged.filter(is_unknown | was_invalid),
        message=pl.when(is_unknown).then(unknown).otherwise(invalid),
        expected=pl.lit("a token that is valid at the start"),
        actual=pl.when(is_unknown).then(pl.lit("unknown token")).otherwise(sentence("invalid since {}", since)),
        stake=pl.col("claimed"),
    )


def _with_token(claims: pl.DataFrame, tokens: pl.DataFrame) -> pl.DataFrame:
    """Add the token's setting and validity, found by uid and type; a CDR without a type takes any type of the uid."""
    facts = tokens.select(
        pl.col("token_uid").str.to_uppercase().alias("_uid"),
        pl.col("token_type").alias("_type"),
        "is_valid",
        "whitelist",
        pl.col("last_updated_at").alias("token_updated_at"),
    )
    any_type = facts.sort("_uid", "is_valid", "token_updated_at", "_type").unique(
        "_uid", keep="last", maintain_order=True
    )
    known = pl.concat([facts, any_type.with_columns(pl.lit("").alias("_type"))], how="vertical")
    keyed = claims.with_columns(
        pl.col("token_uid").str.to_uppercase().alias("_uid"), pl.col("token_type").fill_null("").alias("_type")
    )
    return keyed.join(known, on=("_uid", "_type"), how="left", maintain_order="left", validate="m:1")
