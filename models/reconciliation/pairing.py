"""One-to-one pairing of sessions with what might belong to them: by reference, else by token, window and place.

The same method serves CDRs and authorizations, and CDRs and sessions. Where several fit, the pairs are ordered by how
well they fit, and the best pair is taken first, then the best of what is left. Taking in each round every pair that is
the best of both its partners gives exactly that assignment without walking over rows, whatever the order of the rows
was. Rows are known by number throughout: numbers join and sort several times faster than keys.
"""

from typing import Final

import polars as pl

from models.types.vocabularies import MatchKind

_NEAREST: Final = 8
"""Offers of a token looked at on either side of a session's start. It keeps the work linear for a token that asks a
thousand times in a quarter of an hour."""

_SECONDS_BITS: Final = 36
"""Room for epoch seconds (until the year 4147) below the token's number in one integer key."""

CLAIM_COLUMNS: Final = (
    *("claim_key", "at", "written_at", "cpo_id", "location_id", "evse_uid", "token_uid", "reference"),
    *("queue", "before_seconds", "after_seconds"),
)
"""What a claim must say. `reference`, which pairs by itself, and `token_uid` may be null; `queue` comes first where two
want the same offer; the window reaches from `before_seconds` before `at` to `after_seconds` after it. Texts are in
upper case."""
OFFER_COLUMNS: Final = ("offer_key", "at", "cpo_id", "location_id", "evse_uid", "token_uid", "reference")
"""What an offer must say. All but key and instant may be null: unknown places fit any."""

_ORDER: Final = ("queue", "distance", "place", "written_at", "claim", "offer_at", "offer")


def pair(claims: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Give one row per paired claim: `claim_key`, `offer_key`, `kind` (a word of `MatchKind`), sorted by claim.

    Args:
        claims: `CLAIM_COLUMNS`, one row per claim.
        offers: `OFFER_COLUMNS`, one row per offer.
    """
    queue = claims.sort("claim_key").with_row_index("claim")
    line = offers.sort("offer_key").with_row_index("offer")
    by_reference = _assign(_pairs_by_reference(queue, line)).with_columns(kind=pl.lit(str(MatchKind.BY_REFERENCE)))
    rest = queue.join(by_reference, on="claim", how="anti").drop_nulls("token_uid")
    unused = line.join(by_reference, on="offer", how="anti").drop_nulls("token_uid")
    candidates = _pairs_by_window(rest, unused)
    by_window = _told_ambiguous(_assign(candidates), candidates)
    paired = pl.concat([by_reference, by_window], how="vertical")
    return (
        paired.with_columns(
            queue.get_column("claim_key").gather(paired["claim"]),
            line.get_column("offer_key").gather(paired["offer"]),
        )
        .select("claim_key", "offer_key", "kind")
        .sort("claim_key")
    )


def _pairs_by_reference(queue: pl.DataFrame, line: pl.DataFrame) -> pl.DataFrame:
    """Pair what shares its reference; of several offers under one reference the last counts (OCPI).

    Joined by the hash of the reference, and held against the text afterwards.
    """
    wanted, given = (_hashed(frame.drop_nulls("reference")) for frame in (queue, line))
    last = given.sort("at", "offer").unique("hash", keep="last", maintain_order=True)
    pairs = wanted.join(last, on="hash", how="inner")
    return _pairs(pairs.filter(pl.col("reference") == pl.col("reference_right")))


def _hashed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("reference").hash().alias("hash"))


def _pairs_by_window(rest: pl.DataFrame, unused: pl.DataFrame) -> pl.DataFrame:
    """Pair what shares the token, lies within the window, and does not name two different places.

    Token and second make one number, so that the offers in a claim's window are a stretch of the sorted offers.
    """
    numbers = unused.select("token_uid").unique().with_row_index("token_number")
    claims, offers = (_numbered(frame, numbers) for frame in (rest, unused))
    ordered = offers.sort("number", "offer").with_row_index("position")
    keys, number = ordered.get_column("number"), claims.get_column("number")
    nearest = keys.search_sorted(number).cast(pl.Int64)
    first = keys.search_sorted(number - claims.get_column("before_seconds"), "left").cast(pl.Int64)
    last = keys.search_sorted(number + claims.get_column("after_seconds"), "right").cast(pl.Int64)
    stretch = pl.int_ranges(
        pl.max_horizontal(first.alias("first"), nearest - _NEAREST),
        pl.min_horizontal(last.alias("last"), nearest + _NEAREST),
    )
    spread = claims.with_columns(stretch.alias("position")).explode("position", empty_as_null=False)
    positions = spread.get_column("position")
    found = ordered.select(pl.all().name.suffix("_right")).select(pl.all().gather(positions))
    pairs = pl.concat([spread.drop("position"), found], how="horizontal")
    return _pairs(pairs.rename({"offer_right": "offer"}).filter(_same_place()))


def _numbered(frame: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Add one integer that orders rows by token, then by second."""
    number = pl.col("token_number").cast(pl.Int64) * (1 << _SECONDS_BITS) + pl.col("at").dt.epoch("s")
    return frame.join(numbers, on="token_uid", how="inner", validate="m:1").with_columns(number.alias("number"))


def _same_place() -> pl.Expr:
    """An offer without a location fits any place of the operator that asked; without an operator, any."""
    location, operator = pl.col("location_id_right"), pl.col("cpo_id_right")
    return (operator.is_null() | (operator == pl.col("cpo_id"))) & (
        location.is_null() | (location == pl.col("location_id"))
    )


def _pairs(joined: pl.DataFrame) -> pl.DataFrame:
    """Keep what orders the pairs: time apart in microseconds, then 0 for the same EVSE, 1 for the location, else 2."""
    same_location = pl.col("location_id_right").eq_missing(pl.col("location_id"))
    same_evse = same_location & (pl.col("evse_uid_right") == pl.col("evse_uid")).fill_null(False)
    return joined.select(
        "claim",
        "offer",
        "queue",
        "written_at",
        pl.col("at_right").alias("offer_at"),
        (pl.col("at") - pl.col("at_right")).abs().alias("distance"),
        (pl.lit(2, pl.Int8) - same_location.cast(pl.Int8) - same_evse.cast(pl.Int8)).alias("place"),
    )


def _assign(pairs: pl.DataFrame) -> pl.DataFrame:
    """Choose pairs so that no claim and no offer stands in two, best pairs first."""
    alone = ~pairs["claim"].is_duplicated() & ~pairs["offer"].is_duplicated()
    chosen = [pairs.filter(alone).select("claim", "offer")]
    ranked = pairs.filter(~alone).sort(_ORDER).with_row_index("rank").select("rank", "claim", "offer")
    while not ranked.is_empty():
        best_of_both = (pl.col("rank") == pl.col("rank").min().over("claim")) & (
            pl.col("rank") == pl.col("rank").min().over("offer")
        )
        best = ranked.filter(best_of_both).select("claim", "offer")
        chosen.append(best)
        ranked = ranked.join(best, on="claim", how="anti").join(best, on="offer", how="anti")
    return pl.concat(chosen, how="vertical")


def _told_ambiguous(chosen: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Add the kind: ambiguous where another offer, that nobody took, lies as near in time and place."""
    fit = ("claim", "distance", "place")
    taken = candidates.join(chosen, on=["claim", "offer"], how="inner").select(fit)
    free = candidates.join(chosen, on="offer", how="anti").select(fit).unique()
    doubtful = taken.join(free, on=list(fit), how="inner").get_column("claim").unique()
    kind = pl.when(pl.col("claim").is_in(doubtful.implode())).then(pl.lit(str(MatchKind.AMBIGUOUS)))
    return chosen.with_columns(kind.otherwise(pl.lit(str(MatchKind.BY_TOKEN_WINDOW_LOCATION))).alias("kind"))
