"""The list of all rules, in the order of their ids, and the findings that they make together."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules import authorization, duplicates, overlapping, plausibility, price, tariff
from models.reconciliation.rules.rule import Rule
from models.schemas.registry import Layer, table

_RULES: Final = (
    duplicates.session_twice,
    duplicates.duplicate_under_new_id,
    plausibility.ends_before_start,
    plausibility.in_the_future,
    plausibility.negative_amount,
    plausibility.energy_above_power,
    plausibility.periods_do_not_add_up,
    overlapping.overlap_on_evse,
    overlapping.overlap_on_token,
    authorization.no_authorization,
    authorization.token_not_valid,
    price.price_difference,
    tariff.tariff_not_as_published,
    price.no_agreed_price,
    price.not_the_agreed_currency,
)


def catalogue() -> tuple[Rule, ...]:
    """List all rules in the order of their ids."""
    return _RULES


def find_all(evidence: Evidence, rules: Sequence[Rule] = _RULES) -> pl.DataFrame:
    """Give `matched/findings`, one row per judged CDR and rule that it breaks, sorted by both."""
    schema = table(Layer.MATCHED, "findings").schema
    facts = evidence.judged.select("cdr_key", "currency", "billing_month")
    found = [_named(rule, rule.check(evidence)) for rule in rules]
    return (
        pl.concat(found, how="vertical")
        .join(facts, on="cdr_key", how="inner", validate="m:1")
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        .sort("cdr_key", "rule_id")
    )


def _named(rule: Rule, found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(pl.lit(rule.rule_id).alias("rule_id"), pl.lit(rule.name).alias("rule_name"))
