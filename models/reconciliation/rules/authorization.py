"""Rules about the right to charge: was the session authorized, and was its token good at the start?"""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import found, needs_column, rule, sentence, worse
from models.reconciliation.wording import instant
from models.types.vocabularies import MatchKind, Severity

_WHITELIST = "WHITELIST"
_CHARGES_OFFLINE = ("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE")
"""settings under which a charger may let a token charge without asking (OCPI 12.4.5)"""


@rule("R18", "no authorization", Severity.BLOCK, Severity.REVIEW)
def no_authorization(evidence: Evidence) -> pl.DataFrame:
    """No authorization of ours belongs to the session, and the token's whitelist setting did not allow one without.

    The setting is that of the start. Where only a later one is known, a whitelisted session is a review.
    """
    unmatched = evidence.claims.filter(pl.col("match_kind") == str(MatchKind.NONE))
    is_whitelisted = pl.col("auth_method").eq_missing(_WHITELIST)
    may_charge_offline = is_whitelisted & pl.col("whitelist").is_in(_CHARGES_OFFLINE).fill_null(False)
    is_uncertain = is_whitelisted & ~pl.col("was_token_known")
    return found(
        unmatched.filter(~may_charge_offline),
        message=sentence("no authorization ({}): {}", "auth_method", "match_reason"),
        expected=pl.lit("a granted authorization, or a whitelisted token"),
        actual=sentence("{}, token whitelist {}", "auth_method", "whitelist"),
        stake=pl.col("claimed"),
        severity=worse(is_uncertain, Severity.REVIEW, Severity.BLOCK),
    )


@rule("R19", "token unknown or invalid", Severity.BLOCK)
def token_not_valid(evidence: Evidence) -> pl.DataFrame:
    """The token was never issued by us, or was already invalid when the session started."""
    is_unknown = pl.col("is_valid").is_null()
    was_invalid = ~pl.col("is_valid") & pl.col("was_token_known")
    since = instant(pl.col("token_updated_at"))
    unknown = sentence("token {} of type {} was never issued by us", "token_uid", "token_type")
    invalid = sentence("token {} of type {} is invalid since {}", "token_uid", "token_type", since)
    return found(
        evidence.claims.filter(is_unknown | was_invalid),
        message=pl.when(is_unknown).then(unknown).otherwise(invalid),
        expected=pl.lit("a token that is valid at the start"),
        actual=pl.when(is_unknown).then(pl.lit("unknown token")).otherwise(sentence("invalid since {}", since)),
        stake=pl.col("claimed"),
    )


@rule(
    "R20",
    "contract of another token",
    Severity.BLOCK,
    Severity.REVIEW,
    needs=(
        needs_column("the CDR names no contract", "contract_id"),
        needs_column("the token was never issued by us", "token_contract_id"),
    ),
)
def contract_of_another_token(evidence: Evidence) -> pl.DataFrame:
    """The CDR names a contract that its token is not on.

    Blocks where the contract is that of another token of ours; one that nobody has is a review.
    """
    own, named = (_bare(pl.col(name)) for name in ("token_contract_id", "contract_id"))
    others = evidence.tokens.select(_bare(pl.col("contract_id"))).to_series().unique()
    differing = evidence.claims.filter(pl.col("token_contract_id") != pl.col("contract_id"))
    broken = differing.filter(own != named)
    is_another = _bare(pl.col("contract_id")).is_in(others.implode())
    return found(
        broken,
        message=sentence("names contract {}, its token {} is on {}", "contract_id", "token_uid", "token_contract_id"),
        expected=pl.col("token_contract_id"),
        actual=pl.col("contract_id"),
        stake=pl.col("claimed"),
        severity=worse(is_another, Severity.BLOCK, Severity.REVIEW),
    )


def _bare(contract: pl.Expr) -> pl.Expr:
    """Write a contract id as eMAIDs compare: in upper case, without separators."""
    return contract.str.to_uppercase().str.replace_all("-", "", literal=True)
