"""The list of all rules, in the order of their ids, and the findings that they make together."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from models.frames import sorted_by
from models.reconciliation.evidence import Evidence
from models.reconciliation.rules import (
    authorization,
    credit,
    delivery,
    duplicates,
    meters,
    overlapping,
    periods,
    places,
    plausibility,
    price,
    tariff,
)
from models.reconciliation.rules.rule import Rule
from models.schemas.registry import Layer, table

_RULES: Final = (
    duplicates.changed_under_the_same_id,
    duplicates.session_twice,
    duplicates.duplicate_under_new_id,
    plausibility.ends_before_start,
    plausibility.in_the_future,
    plausibility.too_long,
    plausibility.too_small_to_bill,
    plausibility.no_energy_yet_a_cost,
    plausibility.negative_amount,
    plausibility.energy_above_power,
    periods.periods_do_not_add_up,
    periods.periods_out_of_place,
    meters.meter_runs_backwards,
    overlapping.overlap_on_evse,
    overlapping.overlap_on_token,
    overlapping.impossible_travel,
    overlapping.more_than_one_driver_needs,
    authorization.no_authorization,
    authorization.token_not_valid,
    authorization.contract_of_another_token,
    price.price_difference,
    tariff.tariff_not_as_published,
    price.no_agreed_price,
    price.not_the_agreed_currency,
    periods.period_spans_price_change,
    price.wrong_time_of_day,
    periods.doubled_hour,
    price.step_per_period,
    price.vat_of_another_country,
    delivery.late,
    delivery.session_without_cdr,
    credit.credit_that_does_not_fit,
    credit.credit_without_replacement,
    places.odd_country,
    places.connector_that_cannot_be,
    meters.signed_values_missing,
    price.dear_energy,
    places.unregistered_home_charger,
)


def catalogue() -> tuple[Rule, ...]:
    """List all rules in the order of their ids."""
    return _RULES


def find_all(evidence: Evidence, rules: Sequence[Rule] = _RULES) -> pl.DataFrame:
    """Give `matched/findings`, one row per judged CDR and rule that it breaks, sorted by both."""
    found = pl.concat([_named(rule, rule.check(evidence)) for rule in rules], how="vertical")
    facts = evidence.judged.select("cdr_key", "currency", "billing_month")
    schema = table(Layer.MATCHED, "findings").schema
    return (
        found.join(facts, on="cdr_key", how="inner", validate="m:1")
        .select(pl.col(column).cast(dtype) for column, dtype in schema.items())
        .sort("cdr_key", "rule_id")
    )


def not_checked(evidence: Evidence, rules: Sequence[Rule] = _RULES) -> pl.DataFrame:
    """Give `matched/not_checked`, one row per judged CDR and rule that had to abstain, sorted by both."""
    abstained = pl.concat([rule.not_checked(evidence) for rule in rules], how="vertical")
    schema = table(Layer.MATCHED, "not_checked").schema
    shaped = abstained.select(pl.col(column).cast(dtype) for column, dtype in schema.items())
    # Rules stand in the order of their ids, and each one's rows in that of their keys: a stable sort keeps the ids.
    return sorted_by(shaped, "cdr_key")


def _named(rule: Rule, found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(pl.lit(rule.rule_id).alias("rule_id"), pl.lit(rule.name).alias("rule_name"))
