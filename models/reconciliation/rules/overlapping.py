"""Rules about sessions that overlap where only one can be. Only the later-starting session is found."""

import polars as pl

from models.reconciliation.copies import standing
from models.reconciliation.evidence import Evidence
from models.reconciliation.geography import distance_km
from models.reconciliation.overlaps import later_starting
from models.reconciliation.rules.rule import found, rule, sentence
from models.reconciliation.wording import instant
from models.types.vocabularies import Severity


@rule("R14", "overlap on one EVSE", Severity.REVIEW)
def overlap_on_evse(evidence: Evidence) -> pl.DataFrame:
    """The session starts while another one still runs at the same EVSE, by more than the threshold (60 s).

    A review only: which of the two is false cannot be told from the overlap.
    """
    evse = pl.format("{}*{}*{}", "cpo_id", "location_id", "evse_uid").str.to_uppercase()
    broken = _overlapping(evidence, evse)
    return found(
        broken,
        message=_message("the EVSE is still used by CDR {} until {}"),
        expected=sentence("a start after {}", instant(pl.col("other_ended_at"))),
        actual=instant(pl.col("started_at")),
        severity=Severity.REVIEW,
    )


@rule("R15", "overlap on one token", Severity.BLOCK, Severity.REVIEW)
def overlap_on_token(evidence: Evidence) -> pl.DataFrame:
    """The session starts while its token charges elsewhere, by more than the threshold (60 s).

    Blocks where the places are more than 1 km apart; nearer, or where coordinates are unknown, it is a review.
    """
    token = pl.format("{}*{}", "token_uid", pl.col("token_type").fill_null("")).str.to_uppercase()
    distance = distance_km("latitude", "longitude", "other_latitude", "other_longitude")
    broken = _overlapping(evidence, token).with_columns(distance.round(1).alias("distance_km"))
    is_far = (pl.col("distance_km") > evidence.thresholds.overlap_distance_km).fill_null(False)
    return found(
        broken,
        message=sentence(
            "{}, {} km away", _message("the token still charges at CDR {} until {}"), pl.col("distance_km")
        ),
        expected=sentence("a start after {}", instant(pl.col("other_ended_at"))),
        actual=instant(pl.col("started_at")),
        stake=pl.col("claimed"),
        severity=pl.when(is_far).then(pl.lit(str(Severity.BLOCK))).otherwise(pl.lit(str(Severity.REVIEW))),
    )


def _overlapping(evidence: Evidence, group: pl.Expr) -> pl.DataFrame:
    """Give the judged claims that overlap an earlier one of their group, with that one's end and place beside them.

    Copies are left out: they overlap their original by nature and have a rule of their own.
    """
    sessions = standing(evidence.cdrs).filter(~pl.col("cdr_key").is_in(evidence.copies.implode()))
    pairs = later_starting(sessions.with_columns(group.alias("group")), "group", evidence.thresholds.overlap)
    other = evidence.cdrs.select(
        pl.col("cdr_key").alias("other_key"),
        *(pl.col(name).alias(f"other_{name}") for name in ("ended_at", "latitude", "longitude")),
    )
    beside = pairs.join(other, on="other_key", how="inner", validate="m:1")
    return evidence.claims.join(beside, on="cdr_key", how="inner", validate="1:1")


def _message(other: str) -> pl.Expr:
    template = f"starts at {{}} while {other}"
    return sentence(template, instant(pl.col("started_at")), "other_key", instant(pl.col("other_ended_at")))
