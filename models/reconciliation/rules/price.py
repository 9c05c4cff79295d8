"""Rules about the price: was it computed right, and in the agreed currency?"""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.prices import exceeds_tolerance, with_prices
from models.reconciliation.rules.rule import found, rule, sentence
from models.types.vocabularies import Severity


@rule("R21", "price difference", Severity.BLOCK)
def price_difference(evidence: Evidence) -> pl.DataFrame:
    """The claimed total differs from the recomputed one by more than the agreement tolerates.

    Tolerated is the larger of `tolerance_amount` and `tolerance_pct` of the recomputed price.
    """
    compared = with_prices(evidence.claims, evidence.priced)
    return found(
        compared.filter(exceeds_tolerance()),
        message=sentence(
            "claims {} {} {}, recomputed {} {}: a difference of {} {}",
            *("claimed_price", "currency", "price_basis", "recomputed_price", "currency", "difference", "currency"),
        ),
        expected=sentence("{} {}", "recomputed_price", "currency"),
        actual=sentence("{} {}", "claimed_price", "currency"),
        stake=pl.col("difference").abs(),
    )


@rule("R23", "no agreed price", Severity.BLOCK)
def no_agreed_price(evidence: Evidence) -> pl.DataFrame:
    """The claim cannot be held against a price: no agreement with the CPO, or no price that can be recomputed."""
    compared = with_prices(evidence.claims, evidence.priced)
    is_comparable = pl.col("price_basis").is_not_null()
    why = (
        pl.when(~pl.col("has_agreement"))
        .then(sentence("no agreement with {} is in force at the start", "cpo_id"))
        .when(~pl.col("is_priced"))
        .then(sentence("cannot be priced: {}", "not_priced_reason"))
        .otherwise(pl.lit("claimed and recomputed price are not known on the same side of VAT"))
    )
    return found(
        compared.filter(~(pl.col("has_agreement") & pl.col("is_priced") & is_comparable)),
        message=why,
        expected=pl.lit("an agreed tariff that prices the session"),
        actual=sentence("claimed {} {}", "claimed", "currency"),
        stake=pl.col("claimed"),
    )


@rule("R24", "not the agreed currency", Severity.BLOCK)
def not_the_agreed_currency(evidence: Evidence) -> pl.DataFrame:
    """The CDR's currency is not the one of the agreement."""
    return found(
        evidence.claims.filter(pl.col("currency") != pl.col("agreed_currency")),
        message=sentence("claims in {}, the agreement with {} is in {}", "currency", "cpo_id", "agreed_currency"),
        expected=pl.col("agreed_currency"),
        actual=pl.col("currency"),
        stake=pl.col("claimed"),
    )
