"""Rules about the price: was it computed right, by the tariff that was published, in the agreed currency?"""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.prices import exceeds_tolerance, with_prices
from models.reconciliation.rules.rule import found, rule, sentence
from models.types.vocabularies import Severity

_VALIDITY = r'"valid_from":[^,]*,"valid_to":[^,]*,'
"""The part of a version's canonical content that says when it is valid and not what it costs."""


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


@rule("R22", "tariff is not the published one", Severity.BLOCK, Severity.REVIEW)
def tariff_not_as_published(evidence: Evidence) -> pl.DataFrame:
    """A tariff inside the CDR differs in what it costs from the version published at the session's start.

    A review where nothing was published under its id at the start: then nobody can say what it should have been.
    """
    own = evidence.tariffs_at_start.filter(pl.col("own_version_id").is_not_null())
    contents = evidence.versions.select("tariff_version_id", pl.col("content_json").str.replace(_VALIDITY, ""))
    compared = own.join(
        contents.rename({"tariff_version_id": "own_version_id", "content_json": "own_content"}),
        on="own_version_id",
        how="left",
        validate="m:1",
    ).join(
        contents.rename({"tariff_version_id": "published_version_id", "content_json": "published_content"}),
        on="published_version_id",
        how="left",
        validate="m:1",
    )
    differing = compared.filter(pl.col("published_content").ne_missing(pl.col("own_content"))).sort(
        "cdr_key", "position"
    )
    first = differing.unique("cdr_key", keep="first", maintain_order=True)
    broken = with_prices(evidence.claims, evidence.priced).join(first, on="cdr_key", how="inner", validate="1:1")
    is_published = pl.col("published_version_id").is_not_null()
    differs = sentence(
        "its tariff {} (version {}) costs other than the version {} published at the start",
        *("tariff_key", "own_version_id", "published_version_id"),
    )
    nothing = sentence("its tariff {} (version {}) was not published at the start", "tariff_key", "own_version_id")
    return found(
        broken,
        message=pl.when(is_published).then(differs).otherwise(nothing),
        expected=sentence("version {}", "published_version_id"),
        actual=sentence("version {}", "own_version_id"),
        stake=pl.when(is_published).then(pl.col("difference").abs()),
        severity=pl.when(is_published).then(pl.lit(str(Severity.BLOCK))).otherwise(pl.lit(str(Severity.REVIEW))),
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
