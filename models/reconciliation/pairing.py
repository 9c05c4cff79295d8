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
    *("claim", "at", "written_at", "cpo_id", "location_id", "evse_uid", "token_uid", "reference"),
    *("queue", "before_seconds", "after_seconds"),
)
"""What a claim must say. `claim` is its number in the order of keys; `reference`, which pairs by itself, and
`token_uid` are in upper case and may be null; `queue` comes first where two want the same offer; the window reaches
from `before_seconds` before `at` to `after_seconds` after it."""
OFFER_COLUMNS: Final = ("offer", "at", "cpo_id", "location_id", "evse_uid", "token_uid", "reference")
"""What an offer must say. All but number and instant may be null: unknown places fit any."""

_ORDER: Final = ("queue", "distance", "place", "written_at", "claim", "offer_at", "offer")


def pair(claims: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Give one row per paired claim: `claim`, `offer`, `kind` (a word of `MatchKind`).

    Args:
        claims: `CLAIM_COLUMNS`, one row per claim.
        offers: `OFFER_COLUMNS`, one row per offer.
    """
    by_reference = _assign(_by_reference(claims, offers), claims, offers)
    rest = claims.filter(~pl.col("claim").is_in(by_reference["claim"].implode())).drop_nulls("token_uid")
    unused = offers.filter(~pl.col("offer").is_in(by_reference["offer"].implode())).drop_nulls("token_uid")
    candidates = _details(_by_window(rest, unused), rest, unused).filter(_same_place())
    by_window = _told_ambiguous(_best(_ranked(candidates)), candidates)
    named = by_reference.with_columns(kind=pl.lit(str(MatchKind.BY_REFERENCE)))
    return pl.concat([named, by_window], how="vertical")


def _by_reference(claims: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Pair what shares its reference; of several offers under one reference the last counts (OCPI).

    Joined by the hash of the reference, and held against the text afterwards.
    """
    wanted, given = (frame.drop_nulls("reference") for frame in (claims, offers))
    left = wanted.select("claim", "reference", pl.col("reference").hash().alias("hash"))
    right = _last_of_each(given.select("offer", "at", "reference", pl.col("reference").hash().alias("hash")))
    pairs = left.join(right.drop("at"), on="hash", how="inner")
    return pairs.filter(pl.col("reference") == pl.col("reference_right")).select("claim", "offer")


def _last_of_each(given: pl.DataFrame) -> pl.DataFrame:
    """Keep the last offer under each reference; few have more than one."""
    is_repeated = given["hash"].is_duplicated()
    repeated = given.filter(is_repeated).sort("at", "offer").unique("hash", keep="last", maintain_order=True)
    return pl.concat([given.filter(~is_repeated), repeated])


def _by_window(rest: pl.DataFrame, unused: pl.DataFrame) -> pl.DataFrame:
    """Pair what shares the token and lies within the window.

    Token and second make one number, so that the offers in a claim's window are a stretch of the sorted offers.
    """
    numbers = unused.select("token_uid").unique().with_row_index("token_number")
    claims, offers = (_numbered(frame, numbers) for frame in (rest, unused))
    ordered = offers.select("offer", "number").sort("number", "offer")
    keys, number = ordered.get_column("number"), claims.get_column("number")
    nearest = keys.search_sorted(number).cast(pl.Int64)
    first = keys.search_sorted(number - claims.get_column("before_seconds"), "left").cast(pl.Int64)
    last = keys.search_sorted(number + claims.get_column("after_seconds"), "right").cast(pl.Int64)
    stretch = pl.int_ranges(
        pl.max_horizontal(first.alias("first"), nearest - _NEAREST),
        pl.min_horizontal(last.alias("last"), nearest + _NEAREST),
    )
    spread = claims.select("claim", stretch.alias("position")).explode("position", empty_as_null=False)
    return spread.select("claim", ordered.get_column("offer").gather(spread["position"]).alias("offer"))


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


def _details(pairs: pl.DataFrame, claims: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Add what orders pairs: time apart, and 0 for the same EVSE, 1 for the same location, 2 for none or another.

    Only here are places read and brought to upper case, because most pairs by reference never need it.
    """
    mine = claims.select("claim", "queue", "written_at", "at", *(_upper(name) for name in _PLACE))
    its = offers.select(
        "offer", pl.col("at").alias("offer_at"), *(_upper(name).alias(f"{name}_right") for name in _PLACE)
    )
    joined = pairs.join(mine, on="claim", how="inner", validate="m:1").join(
        its, on="offer", how="inner", validate="m:1"
    )
    same_location = pl.col("location_id_right").eq_missing(pl.col("location_id"))
    same_evse = same_location & (pl.col("evse_uid_right") == pl.col("evse_uid")).fill_null(False)
    return joined.with_columns(
        (pl.col("at") - pl.col("offer_at")).abs().alias("distance"),
        (pl.lit(2, pl.Int8) - same_location.cast(pl.Int8) - same_evse.cast(pl.Int8)).alias("place"),
    )


def _upper(name: str) -> pl.Expr:
    return pl.col(name).str.to_uppercase()


_PLACE: Final = ("cpo_id", "location_id", "evse_uid")


def _assign(pairs: pl.DataFrame, claims: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Choose pairs so that no claim and no offer stands in two; only what is contested has to be ordered."""
    alone = ~pairs["claim"].is_duplicated() & ~pairs["offer"].is_duplicated()
    contested = pairs.filter(~alone)
    mine = claims.filter(pl.col("claim").is_in(contested["claim"].implode()))
    its = offers.filter(pl.col("offer").is_in(contested["offer"].implode()))
    best = _best(_ranked(_details(contested, mine, its)))
    return pl.concat([pairs.filter(alone), best], how="vertical")


def _ranked(detailed: pl.DataFrame) -> pl.DataFrame:
    """Order pairs, the best first."""
    return detailed.sort(_ORDER).with_row_index("rank").select("rank", "claim", "offer")


def _best(ranked: pl.DataFrame) -> pl.DataFrame:
    """Take in each round every pair that is the best of both its partners."""
    chosen = [ranked.select("claim", "offer").clear()]
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
