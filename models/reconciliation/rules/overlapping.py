"""Rules about sessions that cannot all be true: too near in time, or too far apart. Only the later one is found."""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.geography import distance_km
from models.reconciliation.overlaps import later_starting
from models.reconciliation.rules.rule import KWH, SECONDS, found, needs_column, rule, sentence, worse
from models.reconciliation.wording import instant, number
from models.types.vocabularies import Severity

_COORDINATES = needs_column("the coordinates of the location are not known", "latitude", "longitude")
_TOKEN = needs_column("the CDR names no token", "token_uid")
_HALF_ROUND_THE_WORLD_KM = 20_038
_OTHER = ("ended_at", "latitude", "longitude")


@rule("R14", "overlap on one EVSE", Severity.REVIEW, needs=(needs_column("the CDR names no EVSE", "evse_uid"),))
def overlap_on_evse(evidence: Evidence) -> pl.DataFrame:
    """The session starts while another one still runs at the same EVSE, by more than the threshold (60 s).

    A review only: which of the two is false cannot be told from the overlap.
    """
    broken = _overlapping(evidence, "evse_number")
    return found(
        broken,
        message=_message("the EVSE is still used by CDR {} until {}"),
        expected=sentence("a start after {}", instant(pl.col("other_ended_at"))),
        actual=instant(pl.col("started_at")),
        severity=Severity.REVIEW,
        **_told(evidence),
    )


@rule("R15", "overlap on one token", Severity.BLOCK, Severity.REVIEW, needs=(_TOKEN,))
def overlap_on_token(evidence: Evidence) -> pl.DataFrame:
    """The session starts while its token charges elsewhere, by more than the threshold (60 s).

    Blocks where the places are more than 1 km apart; nearer, or where coordinates are unknown, it is a review.
    """
    distance = distance_km("latitude", "longitude", "other_latitude", "other_longitude")
    broken = _overlapping(evidence, "token_number").with_columns(distance.round(1).alias("distance_km"))
    is_far = pl.col("distance_km") > evidence.limits.expr("overlap_distance_km")
    return found(
        broken,
        message=sentence(
            "{}, {} km away", _message("the token still charges at CDR {} until {}"), pl.col("distance_km")
        ),
        expected=sentence("a start after {}", instant(pl.col("other_ended_at"))),
        actual=instant(pl.col("started_at")),
        stake=pl.col("claimed"),
        severity=worse(is_far, Severity.BLOCK, Severity.REVIEW),
        distance_km=pl.col("distance_km"),
        **_told(evidence),
    )


def _told(evidence: Evidence) -> dict[str, pl.Expr]:
    return {
        "other_cdr_key": pl.col("other_key"),
        "measured": (pl.col("other_ended_at") - pl.col("started_at")).dt.total_seconds(),
        "permitted": evidence.limits.expr("overlap_seconds"),
        "unit": pl.lit(SECONDS),
    }


def _overlapping(evidence: Evidence, group: str) -> pl.DataFrame:
    """Give the judged claims that overlap an earlier one of their group, with that one's end and place beside them."""
    sessions = evidence.sessions if group == "evse_number" else evidence.sessions_by_token
    pairs = later_starting(sessions, group, evidence.limits.seconds("overlap_seconds"))
    beside = _beside(evidence, pairs).drop("latitude", "longitude")
    return evidence.claims.join(beside, on="cdr_key", how="inner", validate="1:1")


def _beside(evidence: Evidence, pairs: pl.DataFrame) -> pl.DataFrame:
    """Give the keys and places of two sessions each, those of the other one under `other_` names."""
    named = [pl.col(name).alias(f"other_{name}") for name in ("cdr_key", *_OTHER)]
    other = evidence.cdrs.select(named).rename({"other_cdr_key": "other_key"})
    own = evidence.cdrs.select("cdr_key", "latitude", "longitude")
    gathered = [frame[pairs.get_column(name)] for frame, name in ((own, "cdr_number"), (other, "other_number"))]
    return pl.concat(gathered, how="horizontal")


def _message(other: str) -> pl.Expr:
    template = f"starts at {{}} while {other}"
    return sentence(template, instant(pl.col("started_at")), "other_key", instant(pl.col("other_ended_at")))


@rule("R16", "impossible travel", Severity.BLOCK, Severity.REVIEW, needs=(_TOKEN, _COORDINATES))
def impossible_travel(evidence: Evidence) -> pl.DataFrame:
    """The token starts more than 20 km from where its last session ended, sooner than anyone travels (130 km/h).

    A review, because one can fly or lend a card; blocks above what flies (900 km/h). Speeds are compared without a
    division: km x 3600 against km/h x seconds. Overlaps have a rule of their own.
    """
    way = pl.col("distance_km") * 3600
    too_fast, flown = (way > pl.col("seconds") * evidence.limits.expr(name) for name in ("travel_kmh", "flight_kmh"))
    fast = _journeys(evidence).filter((pl.col("distance_km") > evidence.limits.expr("travel_km")) & too_fast)
    broken = evidence.claims.join(fast.drop("cpo_id"), on="cdr_key", how="inner", validate="1:1")
    speed = (way / pl.max_horizontal(pl.col("seconds"), pl.lit(1))).round(0).cast(pl.Int64)
    kilometres = pl.col("distance_km").round(1)
    return found(
        broken,
        message=sentence("{} km in {} s since CDR {} ended: {} km/h", kilometres, "seconds", "other_key", speed),
        expected=sentence("at most {} km/h", evidence.limits.expr("travel_kmh")),
        actual=sentence("{} km/h", speed),
        stake=pl.col("claimed"),
        severity=worse(flown, Severity.BLOCK, Severity.REVIEW),
        other_cdr_key=pl.col("other_key"),
        measured=speed,
        permitted=evidence.limits.expr("travel_kmh"),
        unit="km/h",
        distance_km=pl.col("distance_km"),
        seconds_between=pl.col("seconds"),
    )


def _journeys(evidence: Evidence) -> pl.DataFrame:
    """Give each session's way from the one before it of its token, where that had ended by then.

    `cdr_key`, `cpo_id`, `other_key`, `distance_km`, `seconds`. Left out is where there was time for any way on earth.
    """
    known = evidence.sessions_by_token
    same = pl.col("token_number") == pl.col("token_number").shift(1)
    pause = (pl.col("started_at") - pl.col("ended_at").shift(1)).dt.total_seconds()
    is_short = (pause >= 0) & (pause * evidence.limits.expr("travel_kmh") < _HALF_ROUND_THE_WORLD_KM * 3600)
    before = pl.col("cdr_number").shift(1).alias("other_number")
    pairs = known.select("cdr_number", "cpo_id", before, pause.alias("seconds"), (same & is_short).alias("is_near"))
    near = pairs.filter("is_near")
    told = pl.concat([_beside(evidence, near), near.select("cpo_id", "seconds")], how="horizontal")
    distance = distance_km("latitude", "longitude", "other_latitude", "other_longitude")
    return told.select("cdr_key", "cpo_id", "other_key", "seconds", distance.alias("distance_km"))


def _busy_days(evidence: Evidence, ordered: pl.DataFrame) -> pl.DataFrame:
    """Keep the few days of tokens that any agreement's bounds could call too busy: windows are dear."""
    days = pl.struct("token_number", "day").rle_id().alias("run")
    runs = (
        ordered.select("cpo_id", "total_energy_kwh", days)
        .group_by("run")
        .agg(
            pl.len().alias("count"),
            pl.col("total_energy_kwh").clip(lower_bound=0).sum().alias("energy"),
            *(evidence.limits.expr(name).min().alias(name) for name in ("daily_sessions", "daily_kwh")),
        )
    )
    is_busy = (pl.col("count") > pl.col("daily_sessions")) | (pl.col("energy") > pl.col("daily_kwh"))
    busy = runs.filter(is_busy).get_column("run")
    return ordered.with_columns(days).filter(pl.col("run").is_in(busy.implode()))


@rule("R17", "more than one driver needs", Severity.REVIEW, needs=(_TOKEN,))
def more_than_one_driver_needs(evidence: Evidence) -> pl.DataFrame:
    """The token has more sessions (8) or more energy (300 kWh) on a day, in UTC, than one driver needs.

    Found are the session that exceeds the bound and those after it on that day.
    """
    keys = ("token_number", "day")
    ordered = evidence.sessions_by_token.with_columns(pl.col("started_at").dt.date().alias("day"))
    counted = _busy_days(evidence, ordered).with_columns(
        pl.int_range(1, pl.len() + 1).over(keys).alias("count"),
        pl.col("total_energy_kwh").cast(pl.Decimal(38, 9)).cum_sum().over(keys).alias("energy"),
    )
    most, most_kwh = evidence.limits.expr("daily_sessions"), evidence.limits.expr("daily_kwh")
    beyond = counted.filter((pl.col("count") > most) | (pl.col("energy") > most_kwh))
    is_many = pl.col("count") > most
    named = beyond.select(evidence.keys(beyond["cdr_number"]).alias("cdr_key"), "count", "energy")
    broken = evidence.claims.join(named, on="cdr_key", how="inner", validate="1:1")
    return found(
        broken,
        message=sentence("session {} of its token that day, {} kWh so far", "count", number(pl.col("energy"))),
        expected=sentence("at most {} sessions and {} kWh a day", most, most_kwh),
        actual=sentence("{} sessions, {} kWh", "count", number(pl.col("energy"))),
        stake=pl.col("claimed"),
        severity=Severity.REVIEW,
        measured=pl.when(is_many).then(pl.col("count").cast(pl.Decimal(38, 9))).otherwise(pl.col("energy")),
        permitted=pl.when(is_many).then(most).otherwise(most_kwh),
        unit=pl.when(is_many).then(pl.lit("sessions")).otherwise(pl.lit(KWH)),
    )
