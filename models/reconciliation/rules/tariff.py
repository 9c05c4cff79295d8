"""The rule about tariffs: did the CDR use the one that was published and offered when the session started?"""

from typing import Final

import polars as pl

from models.frames import beside
from models.reconciliation.evidence import Evidence
from models.reconciliation.prices import net_difference
from models.reconciliation.rules.rule import found, rule, sentence
from models.types.vocabularies import Severity

_VALIDITY: Final = r'"valid_from":[^,]*,"valid_to":[^,]*,'
"""The part of a version's canonical content that says when it is valid and not what it costs."""


@rule("R22", "tariff is not the published one", Severity.BLOCK, Severity.REVIEW)
def tariff_not_as_published(evidence: Evidence) -> pl.DataFrame:
    """A tariff of the CDR costs other than its version published at the start, or is not one of its connector's.

    A review where nothing was published under its id at the start: then nobody can say what it should have been.
    """
    gravest_first = [_not_offered(evidence), _costs_other(evidence), _not_published(evidence)]
    faults = pl.concat(gravest_first, how="vertical").unique("cdr_key", keep="first", maintain_order=True)
    return found(
        evidence.claims.join(faults, on="cdr_key", how="inner", validate="1:1"),
        message=sentence("its tariff {} {}: expected {}, found {}", "tariff_key", "fault", "expected", "actual"),
        expected=pl.col("expected"),
        actual=pl.col("actual"),
        stake=pl.when("is_whole_claim").then(pl.col("claimed")).otherwise(net_difference()),
        severity=pl.col("fault_severity"),
        measured=pl.col("claimed_price"),
        permitted=pl.col("recomputed_price"),
        unit=pl.col("currency"),
    )


def _not_offered(evidence: Evidence) -> pl.DataFrame:
    """Find tariffs that the connector does not list; abstain where its list is empty or was written after the start."""
    listed = evidence.judged.select("cdr_key", "cpo_id", "started_at", "tariff_ids", "connector_updated_at")
    named = beside(evidence.tariffs_at_start, listed)
    owner = pl.format("{}*", pl.col("cpo_id").str.to_uppercase())
    offered = pl.col("tariff_ids").list.eval(pl.element().str.to_uppercase())
    is_offered = offered.list.contains(pl.col("tariff_key").str.strip_prefix(owner))
    is_known = (pl.col("tariff_ids").list.len() > 0) & (pl.col("connector_updated_at") <= pl.col("started_at"))
    broken = named.filter(is_known & pl.col("tariff_key").str.starts_with(owner) & ~is_offered)
    return _faults(
        broken,
        "is not offered at this connector",
        offered.list.join(", "),
        pl.col("tariff_key").str.strip_prefix(owner),
        is_whole_claim=True,
    )


def _costs_other(evidence: Evidence) -> pl.DataFrame:
    """Find carried tariffs whose content, but for its validity, is not that of the published version."""
    content = pl.col("content_json").str.replace(_VALIDITY, "")
    contents = evidence.versions.select("tariff_version_id", content.alias("own"))
    published = contents.rename({"own": "published"})
    both = (
        # The same version costs the same, and its text, as long as a page, need not be compared with itself.
        evidence.tariffs_at_start.filter(pl.col("own_version_id") != pl.col("published_version_id"))
        .join(contents, left_on="own_version_id", right_on="tariff_version_id", how="inner", validate="m:1")
        .join(published, left_on="published_version_id", right_on="tariff_version_id", how="inner", validate="m:1")
        .filter(pl.col("own") != pl.col("published"))
    )
    expected, actual = sentence("version {}", "published_version_id"), sentence("version {}", "own_version_id")
    return _faults(both, "costs other than the version published at the start", expected, actual)


def _not_published(evidence: Evidence) -> pl.DataFrame:
    """Find carried tariffs of which no version was published at the start."""
    own = evidence.tariffs_at_start.filter(
        pl.col("own_version_id").is_not_null() & pl.col("published_version_id").is_null()
    )
    actual = sentence("version {}", "own_version_id")
    expected = pl.lit("a published version")
    return _faults(own, "was not published at the start", expected, actual, severity=Severity.REVIEW)


def _faults(
    broken: pl.DataFrame,
    fault: str,
    expected: pl.Expr,
    actual: pl.Expr,
    *,
    severity: Severity = Severity.BLOCK,
    is_whole_claim: bool = False,
) -> pl.DataFrame:
    """Shape one kind of fault, one row per CDR and tariff, in the order in which the CDR names them."""
    return broken.sort("cdr_key", "position").select(
        "cdr_key",
        "tariff_key",
        pl.lit(fault).alias("fault"),
        expected.alias("expected"),
        actual.alias("actual"),
        pl.lit(str(severity)).alias("fault_severity"),
        pl.lit(is_whole_claim).alias("is_whole_claim"),
    )
